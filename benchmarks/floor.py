"""The floor: what reading a stream takes at least, in Python."""

from __future__ import annotations

import json
import socket
import zlib
from urllib.parse import urlsplit

from contract import Out

GZIP_WINDOW_BITS = 31
READ_BYTES = 65536


def floor(url: str, kind: str, out: Out) -> None:
    """Raw socket, dechunked by hand, ``bytes.split``, ``json.loads``: no check of anything."""
    parts = urlsplit(url)
    sock = socket.create_connection((parts.hostname, parts.port))
    request = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 2\r\n\r\n{{}}"
    sock.sendall(request.encode())
    buffer = b""
    while b"\r\n\r\n" not in buffer:
        buffer += sock.recv(READ_BYTES)
    head, _, buffer = buffer.partition(b"\r\n\r\n")
    unpack = zlib.decompressobj(GZIP_WINDOW_BITS).decompress if b"gzip" in head else None
    read_events = {"anthropic": floor_named, "ragflow": floor_snapshots}.get(kind, floor_events)
    rest = b""
    if b"chunked" not in head:
        while True:
            rest += buffer
            *events, rest = rest.split(b"\n\n")
            read_events(events, out)
            buffer = sock.recv(READ_BYTES)
            if not buffer:
                sock.close()
                return
    while True:
        at = 0
        while (end := buffer.find(b"\r\n", at)) > 0:
            size = int(buffer[at:end], 16)
            if size == 0:
                sock.close()
                return
            start = end + 2
            end = start + size
            if len(buffer) < end + 2:
                break
            data = buffer[start:end]
            at = end + 2
            rest += data if unpack is None else unpack(data)
            *events, rest = rest.split(b"\n\n")
            read_events(events, out)
        buffer = buffer[at:] + sock.recv(READ_BYTES)


def floor_events(events: list[bytes], out: Out) -> None:
    for event in events:
        data = event[6:]
        if data != b"[DONE]":
            out.append(json.loads(data)["choices"][0]["delta"].get("content"))


def floor_named(events: list[bytes], out: Out) -> None:
    for event in events:
        name, _, data = event.partition(b"\n")
        payload = json.loads(data[6:])
        if name == b"event: content_block_delta":
            out.append(payload["delta"]["text"])


def floor_snapshots(events: list[bytes], out: Out) -> None:
    for event in events:
        data = json.loads(event[5:])["data"]
        if data is not True:
            out.append(data["answer"])
