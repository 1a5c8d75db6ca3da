"""`Body`: reads a response body as its bytes arrive."""

from __future__ import annotations

import _socket
import ssl
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NoReturn

import requests
import urllib3

from chatsdk.transport.foreign_exceptions import Quietly
from chatsdk.transport.http1.chunked import CoalescingResponse
from chatsdk.transport.http1.content_decoder import bound_decoder, is_cut, unknown_coding
from chatsdk.transport.http1.head import unreadable_head
from chatsdk.transport.http1.read_ahead import receive_within

__all__ = ["Body", "body_reader", "socket_of"]

# Bytes to request per read: the usual size of a socket's buffer.
READ_BYTES = 65536


class Body:
    """The body of a response from urllib3, from a recorder, or from a session's own code.

    Attributes:
        read: returns the next bytes as soon as they arrive, ``b""`` at the end; raises whatever
            urllib3 or the response raises.
        delimited: a truncated body can be detected: it is chunked or has a length.

    Args:
        response: the response, after its head has been read.
        sock: the socket that it is read from, or ``None`` if unknown.
    """

    def __init__(self, response: requests.Response, sock: Any) -> None:
        # A requests response keeps its request and two cookie jars alive, which adds up over
        # hundreds of waiting streams. Closing it does no more than closing `_raw`.
        self._response = response if type(response) is not requests.Response else None
        raw: Any = getattr(response, "raw", None)
        self._raw = raw
        self.read = _reader(response)
        self.delimited = bool(
            getattr(raw, "chunked", False) or getattr(raw, "length_remaining", None) is not None
        )
        self._sock = sock
        # Whether a wait is one `recv` of a blocking socket, which raises when its limit expires.
        # ssl would read again instead, so a TLS socket needs a timeout set in Python.
        self._blocks = (
            isinstance(getattr(raw, "_fp", None), CoalescingResponse)
            and isinstance(sock, _socket.socket)
            and not isinstance(sock, ssl.SSLSocket)
        )

    def limit_waits(self, seconds: float | None) -> None:
        """Make each wait of `read` raise a timeout after `seconds`.

        For a plain socket the kernel enforces the limit at no measurable cost. A timeout set in
        Python polls at each read: 2 us of CPU there, and 1.6 us under TLS, which has no other way.
        """
        sock = self._sock
        if sock is None:
            return
        with Quietly():
            kept = self._blocks and receive_within(sock, seconds)
            sock.settimeout(None if kept else seconds)

    def why_unreadable(self, headers: Mapping[str, str]) -> str | None:
        """Return why the head leaves the body ambiguous, ``None`` if it does not.

        Args:
            headers: the fields, names in lower case, repeated fields joined by a comma.

        Raises:
            urllib3.exceptions.DecodeError: too many codings were applied to the body.
        """
        raw = self._raw
        encodings = headers.get("content-encoding", "").lower()
        reason = unreadable_head(headers, getattr(raw, "_original_response", None))
        if reason is None and encodings:
            reason = unknown_coding(raw, encodings)
            if reason is None and "zstd" in encodings and isinstance(raw, urllib3.HTTPResponse):
                bound_decoder(raw)
        return reason

    @property
    def is_cut(self) -> bool:
        """Whether the body ended before its compression did."""
        return is_cut(self._raw)

    @property
    def begun(self) -> bool:
        """Whether any byte arrived, before decompression."""
        return bool(self._raw.tell())

    @property
    def closed(self) -> bool:
        """Whether the response is known to have returned its connection."""
        return bool(getattr(self._raw, "closed", True))

    @property
    def lent(self) -> tuple[Any, Any] | None:
        """The pool and the connection, if the pool waits for its return."""
        pool = getattr(self._raw, "_pool", None)
        # Only a pool with a limited number of connections waits for one.
        if getattr(pool, "block", False) and self._raw._connection is not None:
            return pool, self._raw._connection
        return None

    def shut(self) -> None:
        """Close the underlying response. Takes no lock."""
        # Closing a broken or half-closed connection can raise whatever reading can.
        with Quietly():
            self._raw.close()

    def close(self) -> None:
        """Close the response, and return its connection to the pool."""
        if self._response is not None:
            with Quietly():
                self._response.close()
            return
        self.shut()
        release = getattr(self._raw, "release_conn", None)
        if release is not None:
            with Quietly():
                release()


def socket_of(response: requests.Response) -> Any:
    """Return the socket of a foreign connection class, ``None`` if there is none."""
    sock = getattr(getattr(getattr(response, "raw", None), "_connection", None), "sock", None)
    # A recorder's substitute has the descriptor of something else.
    return sock if hasattr(sock, "shutdown") else None


def _reader(response: requests.Response) -> Callable[[], bytes]:
    raw: Any = getattr(response, "raw", None)
    own = getattr(type(response), "iter_content", None) is not requests.Response.iter_content
    # A hook or a session may have read the body already; the response then keeps it.
    if raw is None or own or getattr(response, "_content_consumed", False):
        return partial(next, _lines(iter(response.iter_content(1))), b"")
    kind = type(raw)
    if getattr(kind, "read1", None) is urllib3.HTTPResponse.read1:
        if hasattr(getattr(raw, "_fp", None), "read1"):
            return body_reader(raw)
        # Its file blocks until it has the requested number of bytes, so request single bytes.
        return partial(next, _lines(_bytes(partial(raw.read, 1, decode_content=True))), b"")
    if hasattr(raw, "read1") and not isinstance(raw, urllib3.BaseHTTPResponse):
        return partial(raw.read1, READ_BYTES)
    if hasattr(raw, "read"):
        return partial(next, _lines(_bytes(partial(raw.read, 1))), b"")
    return partial(next, _lines(iter(response.iter_content(1))), b"")


def _bytes(read: Callable[[], bytes]) -> Iterable[bytes]:
    return iter(read, b"")


def _lines(pieces: Iterable[bytes]) -> Iterable[bytes]:
    """Join chunks up to a line feed, because parsing single bytes is slow."""
    line = []
    for piece in pieces:
        line.append(piece)
        if piece.endswith(b"\n") or len(line) >= READ_BYTES:
            yield b"".join(line)
            line.clear()
    if line:
        yield b"".join(line)


# Compared with this reader, urllib3's read1 takes 1.5 times the CPU for an event that arrives
# alone, and 1.13 to 1.2 times for each of 16 that arrive together (complete client, 9.4 against 6.1
# and 3.9 against 3.35 us, CPython 3.11).
def body_reader(raw: Any) -> Callable[[], bytes]:
    """Return a function that reads the next bytes of a urllib3 response, ``b""`` at the end.

    It raises what ``read1`` of urllib3 raises, and a body read to its end returns its connection.
    For a body of unknown length urllib3 adds nothing but gzip decompression, so only the end and
    errors go through ``read1``.
    """

    def through() -> bytes:
        data: bytes = raw.read1(READ_BYTES, decode_content=True)
        return data

    response = getattr(raw, "_fp", None)
    if (
        type(response) is not CoalescingResponse
        or not hasattr(raw, "_error_catcher")
        or raw.length_remaining is not None
    ):
        return through
    read1 = response.read1

    def fail() -> NoReturn:
        # Translates the exception being handled, and closes the connection.
        with raw._error_catcher():
            raise

    def past() -> bytes:
        try:
            data = read1(READ_BYTES)
        except BaseException:
            fail()
        # A response that has ended has lost its file.
        return data if data and response.fp is not None else data + through()

    def unpacked() -> bytes:
        # urllib3 keeps the decompressed rest of a read in these two.
        while not decoder.has_unconsumed_tail and not raw._decoded_buffer:
            try:
                packed = read1(READ_BYTES)
            except BaseException:
                fail()
            # urllib3 needs this count to distinguish an empty body from a truncated one.
            raw._fp_bytes_read += len(packed)
            if not packed:
                break
            data: bytes = raw._decode(packed, True, False, max_length=READ_BYTES)
            if data:
                return data
        return through()

    coding = raw.headers.get("content-encoding", "identity").strip().lower()
    if coding in ("", "identity"):
        return past
    if coding in ("gzip", "x-gzip") and hasattr(raw, "_decoded_buffer"):
        raw._init_decoder()
        decoder = raw._decoder
        # Older versions decompress everything at once, whatever its size.
        if hasattr(decoder, "has_unconsumed_tail"):
            return unpacked
    return through
