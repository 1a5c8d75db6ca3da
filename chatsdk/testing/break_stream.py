"""Breaks a response stream on purpose, as proxies and frameworks do."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

from chatsdk.testing.request import RecordedRequest

__all__ = ["Breaking", "breaking"]

HOW = "gzip, buffer, group=5, delay=0.2, cut=1000 or close"

_BLANK_LINE = re.compile(rb"\r\n\r\n|\n\n|\r\r")


class Breaking:
    """Passes every piece on at once; the base class of all ways to break a stream.

    Attributes:
        plain: needs the body without content coding.
        closes: the end of the connection ends the body.
        resized: the length of the body changes.
        buffers: the head is held until the body is complete.
        seconds: delay of each piece, in seconds.
        most: bytes of body after which the connection is cut; ``None`` for never.
        coding: the content coding that is added; ``None`` for none.
    """

    plain = closes = resized = buffers = False
    seconds = 0.0
    most: int | None = None
    coding: str | None = None

    def fits(self, request: RecordedRequest) -> bool:
        """Whether the response to this request is broken."""
        return True

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the bytes to pass on now."""
        yield data

    def finish(self) -> Iterator[bytes]:
        """Yield the remaining bytes at the end."""
        yield from ()


class _Gzip(Breaking):
    plain = resized = True
    coding = "gzip"

    def __init__(self) -> None:
        self._compressor = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)

    def fits(self, request: RecordedRequest) -> bool:
        return "gzip" in request.headers.get("accept-encoding", "").lower()

    def feed(self, data: bytes) -> Iterator[bytes]:
        # Not flushed: that is the fault.
        yield self._compressor.compress(data)

    def finish(self) -> Iterator[bytes]:
        yield self._compressor.flush()


class _Buffer(Breaking):
    buffers = True

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._pieces.append(data)
        yield from ()

    def finish(self) -> Iterator[bytes]:
        yield b"".join(self._pieces)


class _Group(Breaking):
    plain = True

    def __init__(self, count: int) -> None:
        self._count = count
        self._open = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._open += data
        ends = [found.end() for found in _BLANK_LINE.finditer(self._open)]
        groups = len(ends) // self._count
        start = 0
        for group in range(1, groups + 1):
            end = ends[group * self._count - 1]
            yield self._open[start:end]
            start = end
        self._open = self._open[start:]

    def finish(self) -> Iterator[bytes]:
        yield self._open


def breaking(how: str | None) -> Breaking:
    """Return a new `Breaking` for one response.

    Args:
        how: ``gzip``, ``buffer``, ``group=5``, ``delay=0.2``, ``cut=1000`` or ``close``; ``None``
            breaks nothing.

    Raises:
        ValueError: the way is unknown, or its number is wrong.
    """
    if how is None:
        return Breaking()
    name, equals, text = how.partition("=")
    plain = {"gzip": _Gzip, "buffer": _Buffer, "close": Breaking}
    if name in plain and not equals:
        made = plain[name]()
        made.closes = name == "close"
        return made
    if name == "group" and text.isascii() and text.isdigit() and int(text) > 0:
        return _Group(int(text))
    if name == "cut" and text.isascii() and text.isdigit():
        made = Breaking()
        made.most = int(text)
        return made
    if name == "delay":
        try:
            seconds = float(text)
        except ValueError:
            seconds = -1.0
        if 0 <= seconds < float("inf"):
            made = Breaking()
            made.seconds = seconds
            return made
    raise ValueError(f"cannot break a stream by {how!r}; give {HOW}")
