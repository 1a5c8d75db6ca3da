"""An HTTP response with limits on interim responses, header lines and trailers."""

from __future__ import annotations

import email.errors
import http.client
import io
from collections.abc import Iterator, Mapping
from http.client import HTTPException, LineTooLong
from typing import Any

__all__ = ["MAX_LINE_BYTES", "BoundedHeadResponse", "HeadCut", "NoFinalAnswer", "unreadable_head"]

# Bytes of one line: status, header, chunk size or trailer. http.client has the same limit.
MAX_LINE_BYTES = 65536

# Interim (1xx) responses before the final one. One or two are usual.
MAX_INTERIM = 100

SWITCHING_PROTOCOLS = 101
BLANK_LINES = (b"\r\n", b"\n")
VERSION = b"HTTP/"


class HeadCut(HTTPException):
    """The connection ended inside a response's head."""


class NoFinalAnswer(HTTPException):
    """There were too many interim responses."""


class BoundedHeadResponse(http.client.HTTPResponse):
    """``http.client.HTTPResponse`` with limits on its head and trailers.

    It differs from its base class in these points:

    - interim responses (status 1xx except 101) are skipped, as RFC 9110, section 15.2, requires;
      the base class skips only 100, and any number of them. More than 100 raise `NoFinalAnswer`;
    - a connection that ends inside the head raises `HeadCut`; the base class takes the part that
      arrived for the complete head;
    - more header lines or trailers than `max_header_lines` raise ``http.client.HTTPException``;
      the base class accepts any number of trailers.
    """

    # Maximum number of header lines, and of trailers. A connection may change it.
    max_header_lines = 100

    fp: Any

    def begin(self) -> None:
        """Read the status line and the headers."""
        if self.headers is None:
            file = self.fp
            super().begin()
            # `_read_status` replaced it by a wrapper.
            self.fp = file

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(MAX_INTERIM + 1):
            file: Any = self.fp
            self.fp = _WholeLines(file)
            try:
                version, status, reason = super()._read_status()  # type: ignore[misc]
            finally:
                # A response that has ended has lost its file.
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
    """A file whose last line must end with a line feed."""

    def __init__(self, file: io.BufferedReader) -> None:
        self.file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def readline(self, limit: int = -1) -> bytes:
        line = self.file.readline(limit)
        # Other bytes without a line feed, such as a TLS alert, are not a response at all.
        begun = line.startswith(VERSION) or VERSION.startswith(line)
        if line and begun and not line.endswith(b"\n") and not 0 <= limit <= len(line):
            raise HeadCut("the connection ended inside the status line")
        return line


class _HeaderLines:
    """A file that returns many header lines per call.

    http.client limits the calls; the limit of the lines is set here.
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
    """The lines before a blank one; trailers may also end with the file."""
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
    """Return why a body's framing is ambiguous, ``None`` if it is not (RFC 9112, section 6).

    If the framing is misread, part of it would be taken for text, or a truncation for the end.

    Args:
        headers: the fields, names in lower case, repeated fields joined by a comma.
        original: the response of ``http.client``; any object if it is a mock's.
    """
    defects = getattr(getattr(original, "msg", None), "defects", ())
    if any(isinstance(item, email.errors.MissingHeaderBodySeparatorDefect) for item in defects):
        # http.client ignores the header lines after it.
        return "a header line is malformed"
    codings = _items(headers.get("transfer-encoding", "").lower()) - {"identity"}
    if codings - {"chunked"} or (codings and not getattr(original, "chunked", True)):
        return f"it is transferred as {headers['transfer-encoding']!r}"
    if not codings:
        for length in _items(headers.get("content-length", "")):
            # Python's int also reads signs and underscores.
            if not (length.isascii() and length.isdigit()):
                return f"its Content-Length is not a number: {length[:20]!r}"
    return None


def _items(value: str) -> set[str]:
    return {item.strip() for item in value.split(",")} - {""}
