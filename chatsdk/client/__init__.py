"""One answer: `ChatClient` sends, `AnswerStream` is what comes back."""

from __future__ import annotations

from chatsdk.client.client import ChatClient
from chatsdk.client.response import ResponseInfo
from chatsdk.client.stream import AnswerStream

__all__ = ["AnswerStream", "ChatClient", "ResponseInfo"]
