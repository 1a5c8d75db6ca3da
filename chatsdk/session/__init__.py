"""Chat sessions: `ChatSession` follows the streaming answer; `use_chat` creates one."""

from __future__ import annotations

from chatsdk.session.delivery_options import Dispatch
from chatsdk.session.handle import TurnHandle
from chatsdk.session.hook import use_chat
from chatsdk.session.request import Edit, Regenerate, Resume
from chatsdk.session.session import ChatSession
from chatsdk.session.status import Status
from chatsdk.session.stream import TurnStream

__all__ = [
    "use_chat",
    "ChatSession",
    "TurnStream",
    "TurnHandle",
    "Status",
    "Regenerate",
    "Edit",
    "Resume",
    "Dispatch",
]
