"""Content codings of a response body, flushed after every piece."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Encoder", "content_encoder"]


NEEDED = "this content coding needs a package: pip install {}"


class Encoder(Protocol):
    """A compressor whose pieces can each be decoded on arrival."""

    def encode(self, data: bytes) -> bytes:
        """Return the encoded `data`, flushed."""

    def end(self) -> bytes:
        """Return the trailer."""


class _Zlib:
    def __init__(self, window_bits: int) -> None:
        self._compressor = zlib.compressobj(wbits=window_bits)

    def encode(self, data: bytes) -> bytes:
        return self._compressor.compress(data) + self._compressor.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        return self._compressor.flush()


class _Brotli:
    def __init__(self) -> None:
        self._compressor: Any = _brotli().Compressor(quality=4)

    def encode(self, data: bytes) -> bytes:
        return bytes(self._compressor.process(data) + self._compressor.flush())

    def end(self) -> bytes:
        return bytes(self._compressor.finish())


class _Zstandard:
    def __init__(self) -> None:
        self._zstandard: Any = _zstandard()
        self._compressor: Any = self._zstandard.ZstdCompressor().compressobj()

    def encode(self, data: bytes) -> bytes:
        block: bytes = self._compressor.compress(data)
        return block + bytes(self._compressor.flush(self._zstandard.COMPRESSOBJ_FLUSH_BLOCK))

    def end(self) -> bytes:
        return bytes(self._compressor.flush())


def _brotli() -> Any:
    try:
        import brotli  # type: ignore[import-untyped, import-not-found, unused-ignore]
    except ImportError as exc:
        raise ImportError(NEEDED.format("brotli")) from exc
    return brotli


def _zstandard() -> Any:
    try:
        import zstandard  # type: ignore[import-not-found, unused-ignore]
    except ImportError as exc:
        raise ImportError(NEEDED.format("zstandard")) from exc
    return zstandard


# Window bits: 16 and more select zlib's gzip format, lower ones its own ("deflate").
_ENCODERS: dict[str, Callable[[], Encoder]] = {
    "gzip": lambda: _Zlib(16 + zlib.MAX_WBITS),
    "deflate": lambda: _Zlib(zlib.MAX_WBITS),
    "br": _Brotli,
    "zstd": _Zstandard,
}


def content_encoder(name: str) -> Encoder:
    """Return an encoder for a value of `Content-Encoding`: gzip, deflate, br or zstd.

    br needs the package brotli, and zstd the package zstandard: ImportError without them. Raises
    ValueError for any other name.
    """
    if name not in _ENCODERS:
        raise ValueError(f"no content coding {name!r}; there are {', '.join(_ENCODERS)}")
    return _ENCODERS[name]()
