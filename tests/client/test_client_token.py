"""A token that holds more than the key is refused before anything is sent."""

from __future__ import annotations

import pytest

from chatsdk import ChatClient

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
    """What does not belong to the key is refused at once, and the key is not shown."""
    with pytest.raises(ValueError, match=cure) as caught:
        ChatClient(URL, token=token)
    assert "sk-1" not in str(caught.value)
    with ChatClient(URL, token=lambda: token) as client:
        with pytest.raises(ValueError, match=cure):
            client.send({})
