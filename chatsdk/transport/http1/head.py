"""A response whose head is bounded: interim answers, header lines and trailers have an end."""

from __future__ import annotations

import email.errors
import http.client
import io
from collections.abc import Iterator, Mapping
from http.client import HTTPException, LineTooLong
from typing import Any

__all__ = ["MAX_LINE_BYTES", "BoundedHeadResponse", "HeadCut", "NoFinalAnswer", "unreadable_head"]

# Bytes of one line: status, header, chunk size or trailer. The bound of http.client.
MAX_LINE_BYTES = 65536

# Interim (1xx) answers before the final one. One or two are usual.
MAX_INTERIM = 100

SWITCHING_PROTOCOLS = 101
BLANK_LINES = (b"\r\n", b"\n")
VERSION = b"HTTP/"


class HeadCut(HTTPException):
    """The connection ended inside a response's head."""


class NoFinalAnswer(HTTPException):
    """One interim answer follows the other."""


class BoundedHeadResponse(http.client.HTTPResponse):
    """``http.client.HTTPResponse`` that cannot be kept reading header lines for ever.

    It differs from its base class in this:

    - interim answers (status 1xx except 101) are skipped, as RFC 9110, section 15.2, asks; the base
      class skips only 100, and any number of them. More than 100 raise `NoFinalAnswer`;
    - a head that the connection ends in raises `HeadCut`; the base class takes what there is of it
      for the whole;
    - more header lines than `max_header_lines` raise ``http.client.HTTPException``; so do more
      trailers, of which the base class takes any number.
    """

    # How many header lines an answer may have, and how many trailers. A connection may set its own.
    max_header_lines = 100

    fp: Any

    def begin(self) -> None:
        """Read the status line and the headers."""
        if self.headers is None:
            file = self.fp
            super().begin()
            # `_read_status` had put something before it.
            self.fp = file

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(MAX_INTERIM + 1):
            file: Any = self.fp
            self.fp = _WholeLines(file)
            try:
                version, status, reason = super()._read_status()  # type: ignore[misc]
            finally:
                # A response that has ended has no file any more.
                if self.fp is not None:
                    self.fp = file
            if not 100 <= status < 200 or status == SWITCHING_PROTOCOLS:
                self.fp = _HeaderLines(file, self.max_header_lines)
                return version, status, reason
            self._skip_lines("header")
        raise NoFinalAnswer(f"got more than {MAX_INTERIM} interim responses")

    def _skip_lines(self, kind: str) -> None:
        for _ in _lines(self.fp, self.max_header_lines, kind):
            pass


class _WholeLines:
    """A file whose lines must not end with the file."""

    def __init__(self, file: io.BufferedReader) -> None:
        self.file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def readline(self, limit: int = -1) -> bytes:
        line = self.file.readline(limit)
        # Anything else without an end of line, a TLS alert say, was no response at all.
        begun = line.startswith(VERSION) or VERSION.startswith(line)
        if line and begun and not line.endswith(b"\n") and not 0 <= limit <= len(line):
            raise HeadCut("the connection ended inside the status line")
        return line


class _HeaderLines:
    """A file that is read for header lines.

    It gives many of them a call: http.client bounds the calls, and ours is the bound of the lines.
    """

    def __init__(self, file: io.BufferedReader, most: int) -> None:
        self.file = file
        self._blocks = self._read(most)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def readline(self, limit: int = -1) -> bytes:
        return next(self._blocks, b"")

    def _read(self, most: int) -> Iterator[bytes]:
        block = b""
        for line in _lines(self.file, most, "header"):
            if len(block) + len(line) > MAX_LINE_BYTES:
                yield block
                block = b""
            block += line
        if block:
            yield block
        yield b"\r\n"


def _lines(file: io.BufferedReader, most: int, kind: str) -> Iterator[bytes]:
    """The lines up to a blank one, which is not among them; of trailers also up to the end."""
    for _ in range(most + 1):
        line = file.readline(MAX_LINE_BYTES + 1)
        if len(line) > MAX_LINE_BYTES:
            raise LineTooLong(f"{kind} line")
        if line in BLANK_LINES:
            return
        if not line.endswith(b"\n"):
            if kind == "header":
                raise HeadCut("the connection ended inside the headers")
            if not line:
                return
        yield line
    raise HTTPException(f"got more than {most} {kind} lines")


def unreadable_head(headers: Mapping[str, str], original: Any) -> str | None:
    """Return why a body cannot be told from its framing, ``None`` if it can (RFC 9112, section 6).

    Where the framing is not understood, a part of it would be taken for text, or a cut for the end.

    Args:
        headers: the fields, names in lower case, those sent twice joined by a comma.
        original: what ``http.client`` made of the response; of a mock it is anything.
    """
    defects = getattr(getattr(original, "msg", None), "defects", ())
    if any(isinstance(item, email.errors.MissingHeaderBodySeparatorDefect) for item in defects):
        # The lines behind it were not taken for header fields any more.
        return "a header line is malformed"
    codings = _items(headers.get("transfer-encoding", "").lower()) - {"identity"}
    if codings - {"chunked"} or (codings and not getattr(original, "chunked", True)):
        return f"it is transferred as {headers['transfer-encoding']!r}"
    if not codings:
        for length in _items(headers.get("content-length", "")):
            # Python's int reads signs and underscores, too.
            if not (length.isascii() and length.isdigit()):
                return f"its Content-Length is not a number: {length[:20]!r}"
    return None


def _items(value: str) -> set[str]:
    return {item.strip() for item in value.split(",")} - {""}
