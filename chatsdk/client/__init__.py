"""One answer: `ChatClient` sends the request, `AnswerStream` reads the response."""

from __future__ import annotations

from chatsdk.client.client import ChatClient
from chatsdk.client.response_check import ResponseInfo
from chatsdk.client.stream import AnswerStream

__all__ = ["AnswerStream", "ChatClient", "ResponseInfo"]
