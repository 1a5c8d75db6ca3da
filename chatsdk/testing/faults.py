"""Faults between a client and a backend, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from chatsdk.testing.content_coding import content_encoder
from chatsdk.testing.expectations import Expectations, Which
from chatsdk.testing.overload import BOMB_BYTES, Flood, FloodHead, FloodKind, sample_events
from chatsdk.testing.response import Reply
from chatsdk.testing.script import Script
from chatsdk.testing.server_exchange import Framing, HeaderLines, header_pairs
from chatsdk.testing.steps import Cut, Drip, Hang, Send, SendHead, SendRaw, Step, to_bytes

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Faults"]

EVENT_STREAM = "text/event-stream"


class Faults(Expectations):
    """Faults that a test adds like other responses.

    Each is for one request unless `repeat=True`, may be limited by `path=` and `method=`, and
    returns a handle to wait until the client leaves. The default body is an event stream of `data:
    event 1`, `data: event 2`, ... Sizes are in bytes, intervals in seconds.
    """

    # Cut off ------------------------------------------------------------------------------

    def cut_after(
        self,
        count: int,
        body: bytes | str | None = None,
        *,
        how: Literal["fin", "reset", "finish"] = "fin",
        framing: Framing = "chunked",
        inside_chunk: bool = False,
        encoding: str | None = None,
        content_type: str | None = EVENT_STREAM,
        **which: Unpack[Which],
    ) -> Script:
        """Cut the body after `count` bytes, counted after `encoding`.

        `how` is "fin", "reset" (an RST), or "finish": the framing claims that the body is complete.
        With `inside_chunk`, the truncated chunk has announced the complete body. A content-length
        is always that of the complete body. Raises ValueError if the body is shorter than `count`.
        """
        whole = sample_events(count + 1) if body is None else to_bytes(body)
        headers = []
        if encoding is not None:
            encoder = content_encoder(encoding)
            whole = encoder.encode(whole) + encoder.end()
            headers.append(("Content-Encoding", encoding))
        if count > len(whole):
            raise ValueError(f"the body has {len(whole)} bytes, so it cannot be cut after {count}")
        steps: list[Step] = [Send(whole[:count])]
        if inside_chunk:
            steps = [SendRaw(b"%x\r\n" % len(whole) + whole[:count])]
        if how != "finish":
            steps.append(Cut(reset=how == "reset"))
        return self.stream(
            steps,
            headers=headers,
            framing=framing,
            content_length=len(whole),
            content_type=content_type,
            **which,
        )

    def cut_head(self, count: int, *, reset: bool = False, **which: Unpack[Which]) -> Script:
        """Cut status line and headers after `count` bytes."""
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
        if count >= len(head):
            raise ValueError(f"the head has {len(head)} bytes; cut_after() cuts the body")
        return self.raw(head[:count], reset=reset, **which)

    def drop(self, *, reset: bool = False, **which: Unpack[Which]) -> Script:
        """Read the request, and close the connection without sending a byte."""
        return self.raw(b"", reset=reset, **which)

    def raw(self, data: bytes | str, *, reset: bool = False, **which: Unpack[Which]) -> Script:
        """Send exactly these bytes, as head and body, and close the connection."""
        return self.stream([SendRaw(data), Cut(reset=reset)], hold_head=True, **which)

    # Slow and silent ----------------------------------------------------------------------

    def silent(
        self, *, head: bool = False, body: bytes | str = b"", **which: Unpack[Which]
    ) -> Script:
        """Read the request and send nothing; with `head`, send that first; with `body`, both."""
        steps: list[Step] = [SendHead()] if head else []
        if body:
            steps.append(Send(body))
        return self.stream([*steps, Hang()], hold_head=True, **which)

    def drip(
        self,
        body: bytes | str | None = None,
        *,
        interval: float,
        part: Literal["body", "head"] = "body",
        framing: Framing = "chunked",
        **which: Unpack[Which],
    ) -> Script:
        """Send the body, or the head, one byte each `interval` seconds.

        Each byte of a chunked body is a separate chunk. The body after a dripping head is sent in
        one piece.
        """
        whole = sample_events(1) if body is None else to_bytes(body)
        steps = [Drip(whole, interval)] if part == "body" else [SendHead(interval), Send(whole)]
        return self.stream(
            steps, framing=framing, content_length=len(whole), hold_head=part == "head", **which
        )

    # Too much -----------------------------------------------------------------------------

    def flood(
        self,
        kind: FloodKind,
        size: int,
        *,
        interval: float = 0.0,
        framing: Literal["chunked", "close"] = "chunked",
        encoding: str | None = None,
        **which: Unpack[Which],
    ) -> Script:
        """Send `size` bytes (before `encoding`) of one kind, then end properly.

        `kind` is "events", "comments", "line" (one `data:` line without an end), "head" (header
        lines) or "continue" (`100 Continue`); a short body follows the last two. They are sent as
        fast as the client reads, or about 64 bytes each `interval`.
        """
        steps: list[Step] = [Flood(kind, size, interval)]
        if kind == "head":
            steps = [FloodHead(size, interval)]
        if kind in ("head", "continue"):
            steps.append(Send(sample_events(1)))
        return self.stream(
            steps,
            framing=framing,
            encoding=encoding,
            hold_head=kind in ("head", "continue"),
            **which,
        )

    def bomb(
        self,
        encoding: Literal["gzip", "deflate", "br", "zstd"],
        size: int = BOMB_BYTES,
        *,
        kind: Literal["events", "comments", "line"] = "line",
        **which: Unpack[Which],
    ) -> Script:
        """Send a body that is small on the wire and has `size` bytes after decoding.

        br needs the package brotli, and zstd the package zstandard: ImportError without them.
        """
        content_encoder(encoding)
        return self.flood(kind, size, encoding=encoding, **which)

    def error_body(
        self,
        size: int,
        *,
        status: int = 500,
        interval: float | None = None,
        content_type: str = "text/html",
        **which: Unpack[Which],
    ) -> Script:
        """Answer with an error status and a body of `size` bytes; dripping with an `interval`."""
        piece = b"x" * 65_536
        whole, rest = divmod(size, len(piece))
        steps: list[Step] = [*[Send(piece)] * whole, Send(piece[:rest])]
        if interval is not None:
            steps = [Drip(b"x" * size, interval)]
        return self.stream(
            steps,
            status=status,
            framing="length",
            content_length=size,
            content_type=content_type,
            **which,
        )

    def many_headers(self, count: int, **which: Unpack[Which]) -> Script:
        """Answer with `count` extra header lines and a short body."""
        headers = [(f"X-Header-{number}", "x") for number in range(1, count + 1)]
        return self.stream([sample_events(1)], headers=headers, **which)

    # Wrong --------------------------------------------------------------------------------

    def bad_chunk_size(self, size: bytes | str = "zz", **which: Unpack[Which]) -> Script:
        """Send one valid chunk, then a chunk whose size line is `size`."""
        bad = to_bytes(size) + b"\r\n" + sample_events(1) + b"\r\n"
        return self.stream([sample_events(1), SendRaw(bad), SendRaw(b"0\r\n\r\n"), Cut()], **which)

    def missing_crlf(self, **which: Unpack[Which]) -> Script:
        """Send chunks without the CRLF that ends each."""
        event = sample_events(1)
        chunk = b"%x\r\n%b" % (len(event), event)
        return self.stream([SendRaw(chunk + chunk + b"0\r\n\r\n"), Cut()], **which)

    def wrong_content_length(
        self, declared: int, body: bytes | str | None = None, **which: Unpack[Which]
    ) -> Script:
        """Announce `declared` bytes, send the body of any length, and close the connection."""
        whole = sample_events(1) if body is None else to_bytes(body)
        return self.stream([Send(whole), Cut()], framing="length", content_length=declared, **which)

    # Refused ------------------------------------------------------------------------------

    def redirect(self, location: str, *, status: int = 307, **which: Unpack[Which]) -> Reply:
        """Redirect the client to `location`, with 301, 302, 303, 307 or 308."""
        return self.reply(status, headers={"Location": location}, **which)

    def busy(
        self,
        retry_after: int | str | None = None,
        *,
        status: int = 503,
        headers: HeaderLines = (),
        **which: Unpack[Which],
    ) -> Reply:
        """Refuse for now, with 503 or 429; `retry_after` is the header's seconds or date."""
        lines = list(header_pairs(headers))
        if retry_after is not None:
            lines.append(("Retry-After", str(retry_after)))
        message = {"error": {"message": "busy, try again later"}}
        return self.reply(status, json=message, headers=lines, **which)
