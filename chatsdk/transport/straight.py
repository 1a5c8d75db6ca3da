"""The way to a body: through urllib3, or past it where it would only hand the bytes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chatsdk.transport.coalescing import CoalescingResponse

__all__ = ["body_reader"]

# Bytes asked for at a time: what a socket buffer usually holds at most.
READ_BYTES = 65536


def body_reader(raw: Any) -> Callable[[], bytes]:
    """Return what gives the next bytes of the body of a urllib3 response, ``b""`` at its end.

    It raises what ``read1`` of urllib3 raises, and a body read to its end gives its connection
    back. A body that is neither compressed nor of known length asks nothing more of urllib3 than
    that, so only its end and its errors go through there: for an event that comes alone that is
    most of the way.
    """

    def through() -> bytes:
        data: bytes = raw.read1(READ_BYTES, decode_content=True)
        return data

    response = getattr(raw, "_fp", None)
    if (
        type(response) is not CoalescingResponse
        or not hasattr(raw, "_error_catcher")
        or raw.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity")
        or raw.length_remaining is not None
    ):
        return through
    read1 = response.read1

    def past() -> bytes:
        try:
            data = read1(READ_BYTES)
        except BaseException:
            # Names the error, and closes the connection.
            with raw._error_catcher():
                raise
        # An ended response has no file any more.
        return data if data and response.fp is not None else data + through()

    return past
