"""What goes wrong between a client and a backend, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from chatsdk.testing.encoding import content_encoder
from chatsdk.testing.exchange import Framing, HeaderLines, header_pairs
from chatsdk.testing.overload import BOMB_BYTES, Flood, FloodHead, FloodKind, sample_events
from chatsdk.testing.repertoire import Repertoire, Which
from chatsdk.testing.response import Reply
from chatsdk.testing.script import Script
from chatsdk.testing.steps import Cut, Drip, Hang, Send, SendHead, SendRaw, Step, to_bytes

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Faults"]

EVENT_STREAM = "text/event-stream"


class Faults(Repertoire):
    """Faults that a test adds as it adds other responses.

    Each is for one request unless `repeat=True`, may be limited by `path=` and `method=`, and
    gives a handle that tells when the client left. Where no body is given it is
    `data: event 1`, `data: event 2`, ... as an event stream. Sizes are in bytes, intervals in
    seconds.
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
        """Cut the body after `count` bytes of it, counted after `encoding`.

        `how` is "fin", "reset" (an RST), or "finish": the framing says that the body is whole.
        With `inside_chunk` the chunk that is cut had announced the whole body. A content-length
        is always that of the whole body. Raises ValueError if the body is shorter than `count`.
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
        """Read the request, and hang up without a byte of an answer."""
        return self.raw(b"", reset=reset, **which)

    def raw(self, data: bytes | str, *, reset: bool = False, **which: Unpack[Which]) -> Script:
        """Send exactly these bytes, head and all, and hang up."""
        return self.stream([SendRaw(data), Cut(reset=reset)], hold_head=True, **which)

    # Slow and silent ----------------------------------------------------------------------

    def silent(
        self, *, head: bool = False, body: bytes | str = b"", **which: Unpack[Which]
    ) -> Script:
        """Read the request and say nothing; with `head` after it, with `body` after both."""
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
        """Send the body, or the head, a byte each `interval` seconds.

        Each byte of a chunked body is a chunk of its own. The body after a dripping head comes
        in one piece.
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
        """Send `size` bytes (before `encoding`) of one kind of thing, then end properly.

        `kind` is "events", "comments", "line" (one `data:` line without an end), "head" (header
        lines) or "continue" (`100 Continue`); after these two comes a short body. They are sent
        as fast as the client reads, or with an `interval` about 64 bytes at a time.
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
        """Send a body that is small on the wire and `size` bytes large when it is decoded.

        br needs the package brotli and zstd the package zstandard: ImportError without them.
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
        """Answer with `count` header lines more than usual, and a short body."""
        headers = [(f"X-Header-{number}", "x") for number in range(1, count + 1)]
        return self.stream([sample_events(1)], headers=headers, **which)

    # Wrong --------------------------------------------------------------------------------

    def bad_chunk_size(self, size: bytes | str = "zz", **which: Unpack[Which]) -> Script:
        """Send one good chunk, and then a chunk whose size line is `size`."""
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
        """Announce `declared` bytes, send the body whatever its length, and hang up."""
        whole = sample_events(1) if body is None else to_bytes(body)
        return self.stream([Send(whole), Cut()], framing="length", content_length=declared, **which)

    # Refused ------------------------------------------------------------------------------

    def redirect(self, location: str, *, status: int = 307, **which: Unpack[Which]) -> Reply:
        """Send the client elsewhere: 301, 302, 303, 307 or 308."""
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
