"""Ask while a package answers in the backend's place, or forbids the network."""

from __future__ import annotations

import warnings

from asking import ARGUMENTS, URL, outcome, text

BODY = 'data: {"choices": [{"delta": {"content": "mocked"}}]}\n\ndata: [DONE]\n\n'
STREAM = "text/event-stream"
(PACKAGE,) = ARGUMENTS


def with_responses() -> None:
    import requests
    import responses

    with responses.RequestsMock() as mock:
        mock.post(URL, body=BODY, content_type=STREAM)
        print(text("fast"), len(mock.calls))
        mock.replace("POST", URL, body=BODY, content_type=STREAM)
        print(text("fast", http=requests.Session()), len(mock.calls))
        mock.replace("POST", URL, body=requests.ConnectionError("gone"))
        print(outcome("fast"))


def with_requests_mock() -> None:
    import requests
    import requests_mock

    with requests_mock.Mocker() as mock:
        mock.post(URL, text=BODY, headers={"Content-Type": STREAM})
        print(text("fast"), mock.call_count)
        print(text("fast", http=requests.Session()), mock.call_count)
        mock.post(URL, exc=requests.ConnectionError)
        print(outcome("fast"))
        mock.post(URL, status_code=503, headers={"Retry-After": "3600"})
        print(outcome("fast"))


def with_pytest_socket() -> None:
    import pytest_socket

    warnings.simplefilter("ignore")
    pytest_socket.disable_socket()
    print(outcome("fast"))
    pytest_socket.enable_socket()
    print(text("fast"))
    pytest_socket.socket_allow_hosts(["203.0.113.1"])
    print(outcome("fast"))


def with_httpretty() -> None:
    import httpretty

    with httpretty.enabled(allow_net_connect=True):
        httpretty.register_uri("POST", URL, body=BODY, content_type=STREAM)
        try:
            print(text("fast"))
        except Exception:
            print("not with this urllib3")


globals()[f"with_{PACKAGE}"]()
