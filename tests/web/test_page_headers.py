"""The chat page as a server sends it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from chatsdk import ChatClient
from chatsdk.web import ChatService
from chatsdk.web.http_messages import WebRequest, WebResponse


def ask(method: str = "GET", **options: Any) -> WebResponse:
    with ChatClient("http://127.0.0.1:1/v1/chat/completions") as client:
        service = ChatService(client, **options)
        return service.respond(WebRequest(method, "/chat", "/", {}, {}, lambda _: b"", None))


def test_the_policy_allows_the_page_and_nothing_else() -> None:
    """Only the page's own script and style run; no other host is asked, and nothing frames it."""
    response = ask()
    policy = dict(response.headers)["Content-Security-Policy"]
    assert response.status == 200
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    for rule in ("base-uri 'none'", "frame-ancestors 'none'", "connect-src 'self'"):
        assert rule in policy


def test_the_page_asks_no_other_host() -> None:
    """Neither markup nor script loads anything from elsewhere, and there is no inline handler."""
    body = ask().body
    assert isinstance(body, bytes)
    page = body.decode()
    assert re.findall(r"""(?:src|href)=["']?https?:""", page) == []
    assert re.findall(r"<[^>]+\son\w+=", page) == []
    assert re.findall(r"<[^>]+\sstyle=", page) == []
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way not in page


@pytest.mark.parametrize(
    ("options", "status"), [({"page": False}, 405), ({"authorize": lambda *_: False}, 403)]
)
def test_no_page(options, status) -> None:
    """A service may have no page, or show it to some only."""
    assert ask(**options).status == status
