"""Compressed bodies: supported codings, truncation, and the decoder's memory limit."""

from __future__ import annotations

import codecs
import functools
from typing import Any

import urllib3.response

__all__ = ["bound_decoder", "is_cut", "unknown_coding"]

# Decoders that urllib3 may have; br and zstd only if their package is installed.
ENCODINGS = ("gzip", "x-gzip", "deflate", "br", "zstd")

# Names used for no compression: servers write them to keep proxies from compressing.
NO_CODING = frozenset(
    {
        *("", "identity", "none", "null", "off", "no", "false", "plain", "text", "binary"),
        *("7bit", "8bit", "chunked", "json", "raw", "default", "unencoded", "uncompressed"),
    }
)

# The state of urllib3's gzip decoder after the end, in which it ignores padding.
SWALLOWING = 2

# Log2 of the largest window, in bytes: 8 MiB, the most that a sender may require of a recipient
# (RFC 9659). A frame can require 128 MiB, and fill it with 20 kB of data.
WINDOW_LOG = 23


def unknown_coding(raw: Any, encodings: str) -> str | None:
    """Return why a body with these ``Content-Encoding`` (lower case) cannot be decoded, or None."""
    known = getattr(raw, "CONTENT_DECODERS", ENCODINGS)
    for name in encodings.split(","):
        encoding = name.strip()
        if encoding not in known and not _is_none(encoding):
            return (
                f"it is compressed as {encoding!r}, though chatsdk asked for none; switch that off "
                "in the proxy or the backend, or install the package that urllib3 needs for it "
                "(brotli for br, backports.zstd for zstd)"
            )
    return None


def _is_none(encoding: str) -> bool:
    """Whether a name means no compression; a charset, which some servers put there, does."""
    name = encoding.removeprefix("charset=").strip("\"' ")
    if name in NO_CODING:
        return True
    try:
        return codecs.lookup(name)._is_text_encoding
    except LookupError:
        return False


def is_cut(raw: Any) -> bool:
    """Whether a body ended before its compression. Most decoders do not raise in that case."""
    decoder = getattr(raw, "_decoder", None)
    # There are several if the body was compressed more than once.
    decoders = getattr(decoder, "_decoders", [decoder])
    # Count compressed bytes: the gzip header alone decodes to nothing.
    begun = decoder is not None and raw.tell() > 0
    return begun and any(map(_is_unfinished, decoders))


def _is_unfinished(decoder: Any) -> bool:
    if getattr(decoder, "_state", None) == SWALLOWING:
        return False
    inner = getattr(decoder, "_obj", None)
    finished = getattr(inner, "is_finished", None)
    if finished is not None:
        # In brotli it is a method, in the others an attribute.
        return not finished()
    return getattr(inner, "eof", True) is False


def bound_decoder(raw: Any) -> None:
    """Limit the memory of the zstd decoders of a urllib3 response that has not been read.

    Raises:
        urllib3.exceptions.DecodeError: too many codings were applied to the body.
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
    # Versions of urllib3 before 2.6 use another package, with windows of at most 128 MiB.
    known = hasattr(package, "DecompressionParameter") and type(decoder) is kind
    return _BoundedZstandard(package) if known else decoder


class _BoundedZstandard(urllib3.response.ContentDecoder):
    """urllib3's decoder, frame by frame, with a limit on the window."""

    def __init__(self, package: Any) -> None:
        options = {package.DecompressionParameter.window_log_max: WINDOW_LOG}
        self._begin = functools.partial(package.ZstdDecompressor, options=options)
        self._obj = self._begin()

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        pieces: list[bytes] = []
        # Never 0, which would require buffering the input.
        left = max_length or 1
        # Each iteration starts a frame in the remaining bytes, which shortens them, or returns the
        # decompressor's output until it needs input.
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
