"""Amazon's binary event stream: bytes to events, one a frame, and back.

A frame begins with its length (4 bytes), the length of its headers (4) and the CRC-32 of these
eight bytes. Then come the headers, the payload, and the CRC-32 of everything before. Numbers are
big-endian. A header is the length of its name (1 byte), the name, a type (1 byte) and a value. The
source is botocore 1.44, ``botocore/eventstream.py``.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from zlib import crc32

from chatsdk.errors import LimitExceeded, ProtocolError
from chatsdk.sse import ServerSentEvent

__all__ = ["EXCEPTION", "FrameParser", "encode"]

# Largest payload, in bytes: the same as for an event of an event stream.
MAX_EVENT_BYTES = 16 * 1024 * 1024

# Largest headers of one frame, in bytes; Amazon's own limit.
MAX_HEADER_BYTES = 128 * 1024

PRELUDE_BYTES = 12
CRC_BYTES = 4

# Prefix of an event's type if it is an error.
EXCEPTION = "exception:"

# Bytes of a value by its type: true, false, numbers of 1, 2, 4, 8 and 8 bytes, a UUID.
FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
BYTES, TEXT = 6, 7


class FrameParser:
    """Splits a body into frames, however the network splits its bytes.

    An event's type is the frame's ``:event-type``, its data the payload as text. An error's type is
    ``exception:`` and the name of the exception, its data the payload or ``{"message": ...}``.

    Args:
        max_event_bytes: largest payload, in bytes.
    """

    errors: tuple[str, ...] = ()

    def __init__(self, *, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_event_bytes = max_event_bytes
        # The incomplete frame.
        self._open = bytearray()

    @property
    def pending(self) -> bool:
        """Whether a frame has begun and is not complete."""
        return bool(self._open)

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """Yield the events that `chunk` completes. Take all of them before the next call.

        Raises:
            ProtocolError: a frame's checksum or its lengths are wrong.
            LimitExceeded: a payload is longer than ``max_event_bytes``.
        """
        self._open += chunk
        buffer, begin = self._open, 0
        while len(buffer) - begin >= PRELUDE_BYTES:
            total, headers, sent = struct.unpack_from(">III", buffer, begin)
            if crc32(buffer[begin : begin + 8]) != sent:
                raise ProtocolError(
                    "the checksum at the beginning of a frame is wrong: bytes were lost or changed "
                    "on the way, or this is not Amazon's event stream"
                )
            payload = total - headers - PRELUDE_BYTES - CRC_BYTES
            if payload < 0 or headers > MAX_HEADER_BYTES:
                raise ProtocolError("the lengths at the beginning of a frame do not fit together")
            if payload > self._max_event_bytes:
                raise LimitExceeded(
                    f"a frame of the stream is longer than max_event_bytes={self._max_event_bytes} "
                    "(of a client, Limits(event_bytes=...))",
                    limit="event_bytes",
                )
            if len(buffer) - begin < total:
                break
            yield _event(bytes(buffer[begin : begin + total]), headers)
            begin += total
        del buffer[:begin]

    def finish(self) -> Iterator[ServerSentEvent]:
        """Yield nothing, because a frame has its length at its start."""
        return iter(())


def _event(frame: bytes, headers: int) -> ServerSentEvent:
    (sent,) = struct.unpack(">I", frame[-CRC_BYTES:])
    if crc32(frame[:-CRC_BYTES]) != sent:
        raise ProtocolError("a frame's checksum is wrong: bytes were lost or changed on the way")
    known = dict(_headers(frame[PRELUDE_BYTES : PRELUDE_BYTES + headers]))
    data = frame[PRELUDE_BYTES + headers : -CRC_BYTES].decode("utf-8", "replace")
    kind = known.get(":message-type", "event")
    if kind == "exception":
        return ServerSentEvent(EXCEPTION + known.get(":exception-type", ""), data or "{}")
    if kind == "error":
        said = {"message": known.get(":error-message", "")}
        return ServerSentEvent(EXCEPTION + known.get(":error-code", ""), json.dumps(said))
    return ServerSentEvent(known.get(":event-type", "message"), data)


def _headers(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield the headers whose values are text; the others are skipped."""
    at = 0
    try:
        while at < len(data):
            name_end = at + 1 + data[at]
            name, kind, at = data[at + 1 : name_end], data[name_end], name_end + 1
            if kind in FIXED:
                at += FIXED[kind]
                continue
            if kind not in (BYTES, TEXT):
                raise ProtocolError(f"a header of a frame is of the type {kind}, which is unknown")
            (length,) = struct.unpack_from(">H", data, at)
            value, at = data[at + 2 : at + 2 + length], at + 2 + length
            if kind == TEXT:
                yield name.decode("utf-8", "replace"), value.decode("utf-8", "replace")
    except (IndexError, struct.error):
        at = len(data) + 1
    if at > len(data):
        raise ProtocolError("the headers of a frame are longer than it says")


def encode(name: str, payload: str) -> bytes:
    """Write one frame that a `FrameParser` reads back as the same event.

    Args:
        name: the event's type; ``exception:`` and the name of an exception for an error.
        payload: JSON text. A lone half of a surrogate pair becomes U+FFFD.
    """
    failed = name.startswith(EXCEPTION)
    fields = {
        (":exception-type" if failed else ":event-type"): name.removeprefix(EXCEPTION),
        ":content-type": "application/json",
        ":message-type": "exception" if failed else "event",
    }
    headers = b"".join(_header(key, value) for key, value in fields.items())
    body = payload.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
    prelude = struct.pack(">II", PRELUDE_BYTES + len(headers) + len(body) + CRC_BYTES, len(headers))
    frame = prelude + struct.pack(">I", crc32(prelude)) + headers + body
    return frame + struct.pack(">I", crc32(frame))


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode("utf-8", "replace")
    return bytes([len(key)]) + key + bytes([TEXT]) + struct.pack(">H", len(text)) + text
