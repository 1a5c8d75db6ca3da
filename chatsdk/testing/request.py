"""A client's request as it arrived on the wire."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import attrs

from chatsdk.testing.connection import Connection

__all__ = ["Headers", "RecordedRequest", "read_request"]

# Maximum bytes of a request's head and body; a larger request is refused and the connection cut.
HEAD_BYTES = 65_536
BODY_BYTES = 67_108_864

# First byte of a TLS handshake (RFC 8446, section 5.1), which cannot begin an HTTP request.
TLS_HANDSHAKE = b"\x16"


class Headers(Mapping[str, str]):
    """Header lines with case-insensitive names; repeated ones are joined by a comma.

    `pairs` keeps the original lines in their order. The repr shows only names.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.pairs = tuple(pairs)

    def get_all(self, name: str) -> list[str]:
        """Return the value of each line with this name."""
        return [value for key, value in self.pairs if key.lower() == name.lower()]

    def __getitem__(self, name: str) -> str:
        values = self.get_all(name)
        if not values:
            raise KeyError(name)
        return ", ".join(values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.get_all(name))

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(key.lower() for key, _ in self.pairs))

    def __len__(self) -> int:
        return len({key.lower() for key, _ in self.pairs})

    def __repr__(self) -> str:
        return f"<Headers {', '.join(self)}>"


@attrs.frozen
class RecordedRequest:
    """A request that a test server has read completely.

    `target` is the request line's, `path` its path without the query, `peer` the client's address
    and port. `connection` is the number of its connection, from 1, so equal numbers mean a reused
    connection. `at` is when it was complete, a `time.monotonic()` in seconds.
    """

    method: str
    target: str = attrs.field(repr=False)
    version: str
    headers: Headers = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    peer: tuple[str, int]
    connection: int
    at: float

    @property
    def path(self) -> str:
        """The path of the target, without query."""
        return urlsplit(self.target).path if self.target != "*" else "*"

    @property
    def query(self) -> dict[str, str]:
        """The query's fields; the last value of a repeated one."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def json(self) -> Any:
        """The body as JSON; ValueError if it is not JSON."""
        return json.loads(self.body)

    @property
    def keeps_alive(self) -> bool:
        """Whether the client keeps the connection open (RFC 9112, section 9.3)."""
        wishes = self.headers.get("connection", "").lower()
        if self.version == "HTTP/1.0":
            return "keep-alive" in wishes
        return "close" not in wishes


def read_request(connection: Connection) -> RecordedRequest:
    """Read the next request; ValueError if it is not an HTTP/1 request.

    A client that expects `100 Continue` gets it before its body is read.
    """
    if connection.peek() == TLS_HANDSHAKE:
        # Otherwise the server would wait for the end of the head until the client gives up.
        raise ValueError("the client begins a TLS handshake, and this server speaks plain HTTP")
    head = connection.read_until(b"\r\n\r\n", limit=HEAD_BYTES)
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    try:
        method, target, version = first.split(" ")
    except ValueError:
        raise ValueError("the first line is not a request line") from None
    if version not in ("HTTP/1.0", "HTTP/1.1"):
        raise ValueError("the request is not HTTP/1.0 or 1.1")
    headers = Headers(_header(line) for line in lines)
    if headers.get("expect", "").lower() == "100-continue":
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = _read_body(connection, headers)
    return RecordedRequest(
        method=method,
        target=target,
        version=version,
        headers=headers,
        body=body,
        peer=connection.peer,
        connection=connection.number,
        at=time.monotonic(),
    )


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or name != name.strip():
        raise ValueError("a header line has no name")
    return name, value.strip(" \t")


def _read_body(connection: Connection, headers: Headers) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _read_chunks(connection)
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()) or int(length) > BODY_BYTES:
        raise ValueError("the content-length is not a number, or too large")
    return connection.read_exactly(int(length))


def _read_chunks(connection: Connection) -> bytes:
    body = bytearray()
    while True:
        line = connection.read_until(b"\r\n", limit=HEAD_BYTES)
        size = int(line.partition(b";")[0].strip(), 16)
        if size < 0 or len(body) + size > BODY_BYTES:
            raise ValueError("a chunk is too large")
        if size == 0:
            while connection.read_until(b"\r\n", limit=HEAD_BYTES) != b"\r\n":
                pass
            return bytes(body)
        body += connection.read_exactly(size)
        if connection.read_exactly(2) != b"\r\n":
            raise ValueError("a chunk does not end with CRLF")
