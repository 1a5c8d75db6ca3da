"""`Body`: reads the body of any response, as soon as its bytes arrive."""

from __future__ import annotations

import _socket
import ssl
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NoReturn

import requests
import urllib3

from chatsdk.transport.foreign import Quietly
from chatsdk.transport.http1.chunked import CoalescingResponse
from chatsdk.transport.http1.decoding import bound_decoder, is_cut, unknown_coding
from chatsdk.transport.http1.head import unreadable_head
from chatsdk.transport.http1.read_ahead import receive_within

__all__ = ["Body", "body_reader", "socket_of"]

# Bytes to ask for at a time: the usual size of a socket's buffer.
READ_BYTES = 65536


class Body:
    """The body of a response: of urllib3, of a recorder, or of a session that makes its own.

    Attributes:
        read: returns the next bytes as soon as there are some, ``b""`` at the end; raises whatever
            urllib3 or the response raises.
        delimited: the end of the body can be told from a cut: it is chunked or has a length.

    Args:
        response: the response, of which the head has been read.
        sock: the socket that it is read from, or ``None`` if that is not known.
    """

    def __init__(self, response: requests.Response, sock: Any) -> None:
        # A response of requests holds its request and two jars of cookies, and hundreds of streams
        # may be waiting. It closes nothing but what is kept here.
        self._response = response if type(response) is not requests.Response else None
        raw: Any = getattr(response, "raw", None)
        self._raw = raw
        self.read = _reader(response)
        self.delimited = bool(
            getattr(raw, "chunked", False) or getattr(raw, "length_remaining", None) is not None
        )
        self._sock = sock
        # Whether a wait is one `recv` of a blocking socket, which raises when its limit expires.
        # ssl goes on reading then, so a TLS socket needs a timeout of Python's.
        self._blocks = (
            isinstance(getattr(raw, "_fp", None), CoalescingResponse)
            and isinstance(sock, _socket.socket)
            and not isinstance(sock, ssl.SSLSocket)
        )

    def limit_waits(self, seconds: float | None) -> None:
        """Let each wait of `read` raise a timeout after so many seconds.

        The kernel keeps the limit of a plain socket, at no cost that shows. A timeout of Python's
        polls at each read: 2 us of CPU there, and 1.6 us under TLS, where nothing else works.
        """
        sock = self._sock
        if sock is None:
            return
        with Quietly():
            kept = self._blocks and receive_within(sock, seconds)
            sock.settimeout(None if kept else seconds)

    def why_unreadable(self, headers: Mapping[str, str]) -> str | None:
        """Return why the head does not tell how to read the body, ``None`` if it does.

        Args:
            headers: the fields, names in lower case, those sent twice joined by a comma.

        Raises:
            urllib3.exceptions.DecodeError: too many codings were applied one after the other.
        """
        raw = self._raw
        encodings = headers.get("content-encoding", "").lower()
        reason = unreadable_head(headers, getattr(raw, "_original_response", None))
        reason = reason or unknown_coding(raw, encodings)
        if reason is None and "zstd" in encodings and isinstance(raw, urllib3.HTTPResponse):
            bound_decoder(raw)
        return reason

    @property
    def is_cut(self) -> bool:
        """Whether the body ended before its compression did."""
        return is_cut(self._raw)

    @property
    def begun(self) -> bool:
        """Whether any byte came, however it is compressed."""
        return bool(self._raw.tell())

    @property
    def closed(self) -> bool:
        """Whether the response is known to have given its connection back."""
        return bool(getattr(self._raw, "closed", True))

    @property
    def lent(self) -> tuple[Any, Any] | None:
        """The pool and the connection, if the pool waits for it to come back."""
        pool = getattr(self._raw, "_pool", None)
        # Only a pool that lends a limited number of connections misses one.
        if getattr(pool, "block", False) and self._raw._connection is not None:
            return pool, self._raw._connection
        return None

    def shut(self) -> None:
        """Close what is read from. Takes no lock."""
        # Closing can raise whatever reading can, if the connection is broken or half closed.
        with Quietly():
            self._raw.close()

    def close(self) -> None:
        """Close the response, and give its connection back to the pool."""
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
    """Return the socket of a connection that is not of our class, ``None`` if there is none."""
    sock = getattr(getattr(getattr(response, "raw", None), "_connection", None), "sock", None)
    # A recorder's stand-in has the descriptor of something else.
    return sock if hasattr(sock, "shutdown") else None


def _reader(response: requests.Response) -> Callable[[], bytes]:
    raw: Any = getattr(response, "raw", None)
    own = getattr(type(response), "iter_content", None) is not requests.Response.iter_content
    # A hook or a session may have read it already; then it is kept in the response.
    if raw is None or own or getattr(response, "_content_consumed", False):
        return partial(next, _lines(iter(response.iter_content(1))), b"")
    kind = type(raw)
    if getattr(kind, "read1", None) is urllib3.HTTPResponse.read1:
        if hasattr(getattr(raw, "_fp", None), "read1"):
            return body_reader(raw)
        # Its file gives what it is asked for and no less, so it is asked for single bytes.
        return partial(next, _lines(_bytes(partial(raw.read, 1, decode_content=True))), b"")
    if hasattr(raw, "read1") and not isinstance(raw, urllib3.BaseHTTPResponse):
        return partial(raw.read1, READ_BYTES)
    if hasattr(raw, "read"):
        return partial(next, _lines(_bytes(partial(raw.read, 1))), b"")
    return partial(next, _lines(iter(response.iter_content(1))), b"")


def _bytes(read: Callable[[], bytes]) -> Iterable[bytes]:
    return iter(read, b"")


def _lines(pieces: Iterable[bytes]) -> Iterable[bytes]:
    """Join pieces up to a line feed: a line of a stream is worth parsing, a byte is not."""
    line = []
    for piece in pieces:
        line.append(piece)
        if piece.endswith(b"\n") or len(line) >= READ_BYTES:
            yield b"".join(line)
            line.clear()
    if line:
        yield b"".join(line)


# Through read1 of urllib3 an event that comes alone takes 1.5 times the CPU, and one of 16 that
# come together 1.13 to 1.2 times (whole client, 9.4 to 6.1 and 3.9 to 3.35 us, CPython 3.11).
def body_reader(raw: Any) -> Callable[[], bytes]:
    """Return what gives the next bytes of the body of a urllib3 response, ``b""`` at its end.

    It raises what ``read1`` of urllib3 raises, and a body read to its end gives its connection
    back. A body of unknown length asks nothing more of urllib3 than that, and to be decompressed if
    it is gzip, so only its end and its errors go through there: for an event that comes alone that
    is most of the way.
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
        # Names the error that is being handled, and closes the connection.
        with raw._error_catcher():
            raise

    def past() -> bytes:
        try:
            data = read1(READ_BYTES)
        except BaseException:
            fail()
        # An ended response has no file any more.
        return data if data and response.fp is not None else data + through()

    def unpacked() -> bytes:
        # What one read had more of than may be unpacked at once stands there.
        while not decoder.has_unconsumed_tail and not raw._decoded_buffer:
            try:
                packed = read1(READ_BYTES)
            except BaseException:
                fail()
            # Where the compression of an empty body is judged, it is asked how many came.
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
        # Older versions unpack all at once, however much it is.
        if hasattr(decoder, "has_unconsumed_tail"):
            return unpacked
    return through
