"""Server-sent events: `parse` turns bytes into events, `encode` the reverse.

Source: the WHATWG HTML Living Standard, section "Server-sent events", "Parsing an event stream" and
"Interpreting an event stream".
"""

from __future__ import annotations

from chatsdk.sse.event_encoder import encode
from chatsdk.sse.fields import ServerSentEvent
from chatsdk.sse.parser import EventParser, parse

__all__ = ["ServerSentEvent", "parse", "encode", "EventParser"]
