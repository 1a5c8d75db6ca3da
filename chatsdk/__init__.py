"""Stream a chat answer from a language-model backend with plain, blocking Python."""

from __future__ import annotations

from chatsdk.answer import Answer, Citation, Timings, ToolCall, Usage
from chatsdk.client import AnswerStream, ChatClient, ResponseInfo
from chatsdk.errors import (
    BackendError,
    BusyError,
    ChatError,
    ChatTimeout,
    ConnectError,
    HTTPStatusError,
    LimitExceeded,
    NotAStreamError,
    ProtocolError,
    StreamInterrupted,
)
from chatsdk.messages import Image, Message
from chatsdk.options import Limits, Retry, Timeout
from chatsdk.outcome import Outcome
from chatsdk.transport import Cancel

__all__ = [
    "ChatClient",
    "AnswerStream",
    "Answer",
    "Outcome",
    "Cancel",
    "Timeout",
    "Retry",
    "Limits",
    "Message",
    "Image",
    "ToolCall",
    "Citation",
    "Usage",
    "Timings",
    "ResponseInfo",
    "ChatError",
    "BusyError",
    "ConnectError",
    "ChatTimeout",
    "HTTPStatusError",
    "NotAStreamError",
    "BackendError",
    "StreamInterrupted",
    "ProtocolError",
    "LimitExceeded",
    "__version__",
]

__version__ = "0.1.0"
