"""`read_lines`: reads the format that `Recorder` writes, whatever the file's size."""

from __future__ import annotations

import base64
import binascii
import json
import math
import os
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, overload

from chatsdk.recording.recorder import VERSION

__all__ = ["STATUSES", "Contents", "read_lines"]

ENDS = ("whole", "cut", "timeout", "stopped")

# All status codes of three digits; some sites refuse with 999.
STATUSES = range(100, 1000)

# Largest file to keep in memory, in bytes; the reads of a larger one stay in the file.
KEPT_BYTES = 4 * 1024 * 1024

# Largest line, in bytes: a read has at most 64 KiB, in base64.
LINE_BYTES = 64 * 1024 * 1024

Contents = tuple[Any, Any, Sequence[tuple[float, bytes]], str]


class FileReads(Sequence[tuple[float, bytes]]):
    """The reads of a recording, loaded from its file on access."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        # The position of each read's line in the file.
        self._starts = array("Q")

    def append(self, start: int) -> None:
        self._starts.append(start)

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> tuple[float, bytes]: ...
    @overload
    def __getitem__(self, index: slice) -> list[tuple[float, bytes]]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        with open(self._path, "rb") as file:
            file.seek(self._starts[index])
            return _read_of(file.readline())

    def __iter__(self) -> Iterator[tuple[float, bytes]]:
        with open(self._path, "rb") as file:
            if self._starts:
                file.seek(self._starts[0])
            for _ in range(len(self._starts)):
                yield _read_of(file.readline())


def read_lines(path: str | os.PathLike[str]) -> Contents:
    """Read request, response, reads and end.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not a recording, or its version is unknown.
    """
    name = os.path.basename(os.fspath(path))
    small = os.path.getsize(path) <= KEPT_BYTES
    kept: list[tuple[float, bytes]] = []
    placed = FileReads(path)
    end: str | None = None
    with open(path, "rb") as file:
        request, response = _first(file.readline(LINE_BYTES), name)
        start = file.tell()
        number = 1
        for line in file:
            number += 1
            try:
                if b'"bytes"' in line[:64]:
                    read = _read_of(line)
                    if small:
                        kept.append(read)
                    else:
                        placed.append(start)
                elif line.strip():
                    end = _end_of(line)
            except (ValueError, KeyError, TypeError, binascii.Error):
                if file.read(1):
                    raise ValueError(f"{name}: line {number} is not part of a recording") from None
                # The last line is truncated.
                break
            start += len(line)
            if end is not None:
                break
    return request, response, kept if small else placed, end or "cut"


def _first(line: bytes, name: str) -> tuple[Any, Any]:
    try:
        first = json.loads(line)
    except (ValueError, RecursionError):
        first = None
    if not isinstance(first, dict) or "chatsdk" not in first:
        raise ValueError(
            f"{name} is not a recording: give a file that `chatsdk record` wrote, a browser's HAR "
            "file, or the output of curl -i --no-buffer"
        )
    if first["chatsdk"] != VERSION:
        raise ValueError(
            f"{name} is a recording of version {first['chatsdk']!r}, and this chatsdk reads "
            f"version {VERSION}: install a newer chatsdk, or record it again"
        )
    for field in ("request", "response"):
        if first.get(field) is not None and not isinstance(first[field], dict):
            raise ValueError(f"{name}: {field!r} in the first line is not an object")
    request, response = first.get("request"), first.get("response")
    status = 200 if response is None else response.get("status", 200)
    if type(status) is not int or status not in STATUSES:
        raise ValueError(f"{name}: 'status' in the first line is not a number from 100 to 999")
    return request, response


def _read_of(line: bytes) -> tuple[float, bytes]:
    value = json.loads(line)
    if not 0 <= float(value["at"]) < math.inf:
        raise ValueError("not a time")
    return float(value["at"]), base64.b64decode(value["bytes"], validate=True)


def _end_of(line: bytes) -> str:
    value = json.loads(line)
    if value["end"] not in ENDS:
        raise ValueError("an unknown end")
    return str(value["end"])
