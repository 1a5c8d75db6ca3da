"""`read_curl`: reads the output of ``curl -i --no-buffer``."""

from __future__ import annotations

import os
import re

from chatsdk.recording.lines import Contents
from chatsdk.recording.recorder import joined
from chatsdk.transport.report_redaction import Mask

__all__ = ["read_curl"]

_STATUS_LINE = re.compile(rb"HTTP/[\d.]+ (\d{3})[^\n]*\n")
_BLANK = re.compile(rb"\r?\n\r?\n")

INTERIM = range(100, 200)


def read_curl(path: str | os.PathLike[str]) -> Contents:
    """Read the response and mask secrets in its header; skip interim and redirect heads.

    Raises:
        ValueError: there is no complete head, or no body.
    """
    name = os.path.basename(os.fspath(path))
    with open(path, "rb") as file:
        rest = file.read().removeprefix(b"\xef\xbb\xbf").lstrip()
    while True:
        first = _STATUS_LINE.match(rest)
        blank = _BLANK.search(rest)
        if first is None or blank is None:
            raise ValueError(f"{name}: the head of the response is not complete")
        head, rest = rest[: blank.start()], rest[blank.end() :]
        status = int(first[1])
        # A proxy's answer to CONNECT, a redirect or a 100 precedes the response.
        if status not in INTERIM and not _STATUS_LINE.match(rest):
            break
    fields = []
    for line in head.splitlines()[1:]:
        field, colon, value = line.decode("latin-1").partition(":")
        if colon:
            fields.append((field.strip(), value.strip()))
    if not rest:
        raise ValueError(f"{name}: it has a head, but no body")
    mask = Mask()
    mask.add_request("", dict(fields))
    if {n.lower(): v for n, v in fields}.get("transfer-encoding", "").lower() == "chunked":
        rest = _without_chunks(rest)
    response = {"status": status, "headers": joined(mask.headers(fields))}
    return None, response, [(0.0, mask.bytes(rest))], "whole"


def _without_chunks(body: bytes) -> bytes:
    """Remove the chunk framing, which ``curl --raw`` keeps."""
    pieces: list[bytes] = []
    rest = body
    while found := re.match(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n", rest):
        size = int(found[1], 16)
        start = found.end()
        if rest[start + size : start + size + 2] != b"\r\n" and size:
            # Only a chunked body is valid framing up to its end.
            return body if not pieces else b"".join([*pieces, rest[start:]])
        pieces.append(rest[start : start + size])
        rest = rest[start + size + 2 :]
        if not size:
            return b"".join(pieces)
    return b"".join(pieces) or body
