"""A decoder of Zstandard that holds little, however much the compressed data ask for."""

from __future__ import annotations

import functools
from typing import Any

import urllib3.response

__all__ = ["bound_decoder"]

# Log2 of the largest window, in bytes: 8 MiB, which is all that a sender may ask of a recipient
# (RFC 9659). A frame can ask for 128 MiB, and with 20 kB of data have all of it filled.
WINDOW_LOG = 23


def bound_decoder(raw: Any) -> None:
    """Give a response of urllib3 that is compressed so, not yet read, decoders that hold little.

    Raises:
        urllib3.exceptions.DecodeError: too many codings were applied one after the other.
    """
    raw._init_decoder()
    decoders = getattr(raw._decoder, "_decoders", None)
    if decoders is None:
        raw._decoder = _bounded(raw._decoder)
    else:
        decoders[:] = map(_bounded, decoders)


def _bounded(decoder: Any) -> Any:
    package = getattr(urllib3.response, "zstd", None)
    kind = getattr(urllib3.response, "ZstdDecoder", None)
    # Versions of urllib3 before 2.6 use another package, whose windows are of 128 MiB at most.
    known = hasattr(package, "DecompressionParameter") and type(decoder) is kind
    return _BoundedZstandard(package) if known else decoder


class _BoundedZstandard(urllib3.response.ContentDecoder):
    """As urllib3's, frame by frame, but for what it holds."""

    def __init__(self, package: Any) -> None:
        options = {package.DecompressionParameter.window_log_max: WINDOW_LOG}
        self._begin = functools.partial(package.ZstdDecompressor, options=options)
        self._obj = self._begin()

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        pieces: list[bytes] = []
        # Never 0, or what is given would have to be kept.
        left = max_length or 1
        while left:
            if self._obj.eof:
                # One frame may follow another.
                data = self._obj.unused_data + data
                if not data:
                    break
                self._obj = self._begin()
            if not data and self._obj.needs_input:
                break
            piece = self._obj.decompress(data, max_length=left)
            data = b""
            pieces.append(piece)
            if left > 0:
                left -= len(piece)
        return b"".join(pieces)

    @property
    def has_unconsumed_tail(self) -> bool:
        return bool(self._obj.unused_data) if self._obj.eof else not self._obj.needs_input

    def flush(self) -> bytes:
        if not self._obj.eof:
            raise urllib3.exceptions.DecodeError("Zstandard data is incomplete")
        return b""
