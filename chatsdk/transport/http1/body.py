"""The way to a body: through urllib3, or past it where it would only hand the bytes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from chatsdk.transport.http1.chunked import CoalescingResponse

__all__ = ["body_reader"]

# Bytes asked for at a time: what a socket buffer usually holds at most.
READ_BYTES = 65536


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
