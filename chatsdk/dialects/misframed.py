"""Reads events that a server or a gateway framed wrongly."""

from __future__ import annotations

from collections.abc import Sequence

from chatsdk.dialects.dialect import Decoder
from chatsdk.dialects.payload import load
from chatsdk.errors import ProtocolError
from chatsdk.parts import Part
from chatsdk.sse import ServerSentEvent

__all__ = ["PINGS", "ends", "keeps_alive", "payloads", "rescued", "says_nothing"]

# Names and data of events that only keep the connection open.
PINGS = frozenset({"ping", "pong", "heartbeat", "keepalive", "keep-alive", "keep_alive"})


def keeps_alive(event: ServerSentEvent) -> bool:
    """Return whether an event without JSON only keeps the connection open.

    A comment belongs in a separate line; some gateways send it as data.
    """
    word = event.data.strip()
    comment = word.startswith(":")
    word = word.strip(":[] ").lower()
    return event.event in PINGS or word in PINGS or (comment and word.endswith("processing"))


def says_nothing(event: ServerSentEvent) -> bool:
    """Return whether an event is ``null``, which some gateways send between others."""
    return event.data.strip() == "null"


def ends(data: str) -> bool:
    """Return whether data is OpenAI's end marker, in any spelling."""
    return data.strip().strip('[]"').upper() == "DONE"


def payloads(data: str) -> Sequence[str]:
    """Return the JSON documents in data that has one per line; empty for other data.

    These are the events of a server that omits the blank lines between them.
    """
    lines = [line for line in data.split("\n") if line.strip()]
    return lines if len(lines) > 1 and all(map(_is_payload, lines)) else ()


def rescued(decoder: Decoder, event: ServerSentEvent) -> Sequence[Part] | None:
    """Return the parts of an event that `decoder` could not read, ``None`` if it has no meaning."""
    if ends(event.data) or keeps_alive(event) or says_nothing(event):
        # Gateways append OpenAI's end marker to every dialect.
        return ()
    lines = payloads(event.data)
    if not lines:
        return None
    return [part for line in lines for part in decoder.decode(event._replace(data=line))]


def _is_payload(line: str) -> bool:
    if ends(line):
        return True
    try:
        return line.lstrip()[:1] in "{[" and load(line) is not None
    except ProtocolError:
        return False
