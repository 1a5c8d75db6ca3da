"""Ask while a package answers in the backend's place, or forbids the network."""

from __future__ import annotations

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


globals()[f"with_{PACKAGE}"]()
