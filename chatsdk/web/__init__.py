"""Web views: relay a stream to a browser, or serve chats that survive a reload.

from chatsdk.web import relay, ChatService, Gateway
from chatsdk.web import flask, django, starlette, wsgi   # each needs only its own framework
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatsdk.web.relay import Relay, relay

if TYPE_CHECKING:
    from chatsdk.web.gateway import Gateway
    from chatsdk.web.journal import Journal
    from chatsdk.web.memory import MemoryJournal
    from chatsdk.web.redis import RedisJournal
    from chatsdk.web.service import ChatService

__all__ = ["ChatService", "Gateway", "Journal", "MemoryJournal", "RedisJournal", "Relay", "relay"]


def __getattr__(name: str) -> Any:
    # A view that only relays loads nothing else, and only RedisJournal needs redis.
    if name == "ChatService":
        from chatsdk.web.service import ChatService

        return ChatService
    if name == "Gateway":
        from chatsdk.web.gateway import Gateway

        return Gateway
    if name == "MemoryJournal":
        from chatsdk.web.memory import MemoryJournal

        return MemoryJournal
    if name == "RedisJournal":
        from chatsdk.web.redis import RedisJournal

        return RedisJournal
    if name == "Journal":
        from chatsdk.web.journal import Journal

        return Journal
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
