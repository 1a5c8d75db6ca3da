"""A token that holds more than the key is refused before anything is sent."""

from __future__ import annotations

import pytest

from chatsdk import ChatClient, HTTPStatusError
from chatsdk.testing import ChatServer

URL = "http://127.0.0.1:1/v1/chat/completions"


@pytest.mark.parametrize(
    ("token", "cure"),
    [
        ("Bearer sk-1", "leave that word out"),
        ("bearer sk-1", "leave that word out"),
        ("Basic dTpw", "headers={'Authorization'"),
        ('"sk-1"', "quotation marks"),
        ("'sk-1'", "quotation marks"),
    ],
)
def test_a_token_with_more_than_the_key(token, cure):
    """Anything besides the key is refused at once, and the key is not shown."""
    with pytest.raises(ValueError, match=cure) as caught:
        ChatClient(URL, token=token)
    assert "sk-1" not in str(caught.value)
    with ChatClient(URL, token=lambda: token) as client:
        with pytest.raises(ValueError, match=cure):
            client.send({})


@pytest.mark.parametrize(
    ("options", "query", "cure"),
    [
        ({}, "", "no token was sent: give token=..."),
        ({"token": "wrong-key"}, "", "check the token"),
        ({"headers": {"X-Api-Key": "wrong-key"}}, "", "check the token"),
        ({}, "?key=wrong-key", "check the token"),
    ],
)
def test_a_401(options, query, cure):
    """The error of a 401 distinguishes a missing token from a wrong one."""
    with ChatServer() as server:
        server.reply(401, body="no")
        url = f"{server.url}/v1/chat/completions{query}"
        with ChatClient(url, **options) as client, pytest.raises(HTTPStatusError) as caught:
            client.ask("Hi")
    assert str(caught.value).endswith(f"({cure})")


def test_an_async_token():
    """An async function as a token is refused at once, because its coroutine would never run."""

    async def token() -> str:
        return "x"

    with pytest.raises(TypeError, match="token is an async function"):
        ChatClient(URL, token=token)
