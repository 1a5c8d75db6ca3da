"""The server that all contestants read from: raw bytes, from a separate process.

The first three parts of a path select the stream: ``/framing/frames/count``; the rest is
for clients that append their own path. Framings:

    own         a chunk and a send for each event
    coalesced   a chunk for each event, 50 of them in a send
    large       chunks of 64 KiB
    close       no chunks and no length, 50 events in a send
    gzip        as coalesced; each event is compressed and flushed
    paced-chunked, paced-close, paced-gzip    one event in 5 ms
    slow        one event in 50 ms, a chunk for each
    hold        a chunk for each event, one in 5 ms, then silence until the client leaves

Frames: ``openai``, ``anthropic``, ``ragflow`` (with all the text in each frame), ``paragraphs``,
which is openai with a break after each 80 frames, ``markdown``, which is openai with some 20
characters of Markdown in each frame (50,000 are 1 MB), ``padded``, which is openai with padding
that differs from frame to frame, and ``stamped``, which is openai with the sending time, in ns of
the monotonic clock, as its text.
"""

from __future__ import annotations

import argparse
import itertools
import json
import select
import socket
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache

# Events in one send, where they are coalesced.
GROUP = 50

# Seconds between two paced events, and between two slow ones.
PACE_SECONDS = 0.005
SLOW_SECONDS = 0.05

LARGE_CHUNK_BYTES = 65536

WORDS = ("Hello", " there", ", this", " is", " what", " a model", " says", ". ", "It", " goes on")

GZIP_WINDOW_BITS = 31


def openai_frame(text: str, finish: str | None = None, **more: object) -> bytes:
    chunk = {
        "id": "chatcmpl-1234567890",
        "object": "chat.completion.chunk",
        "created": 1790000000,
        "model": "model-1",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}],
        **more,
    }
    return b"data: %s\n\n" % json.dumps(chunk, separators=(",", ":")).encode()


def openai(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield openai_frame(WORDS[number % len(WORDS)])
    yield openai_frame("", "stop") + b"data: [DONE]\n\n"


def padded(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield openai_frame(WORDS[number % len(WORDS)], obfuscation=f"{number:06}")
    yield openai_frame("", "stop") + b"data: [DONE]\n\n"


def paragraphs(count: int) -> Iterator[bytes]:
    for number in range(1, count + 1):
        yield openai_frame(WORDS[number % len(WORDS)] if number % 80 else "\n\n")
    yield openai_frame("", "stop") + b"data: [DONE]\n\n"


MARKDOWN = """## Part {number}

Use **sorted** for a *new* list, or `list.sort` in place: [the docs](https://docs.python.org/{number})
have more about it, and this sentence goes on for a while, so that the paragraph has several lines.

1. `key=` takes a function
2. `reverse=True` turns it round
   - a nested item

```python
def by_length(words: list[str]) -> list[str]:
    return sorted(words, key=len)[:{number}]
```

| method | returns | cost |
|---|---|---|
| `sorted(x)` | a new list | O(n log n) |
| `x.sort()` | `None` | O(n log n) |

> 排序是稳定的。 It is *stable*, part {number}.

"""


def markdown(count: int) -> Iterator[bytes]:
    text, number = "", 0
    for _ in range(count):
        if len(text) < 20:
            number += 1
            text += MARKDOWN.replace("{number}", str(number))
        yield openai_frame(text[:20])
        text = text[20:]
    yield openai_frame("", "stop") + b"data: [DONE]\n\n"


def stamped(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield openai_frame(str(time.monotonic_ns()))
    yield openai_frame("", "stop") + b"data: [DONE]\n\n"


def named(payload: dict[str, object]) -> bytes:
    data = json.dumps(payload, separators=(",", ":"))
    return f"event: {payload['type']}\ndata: {data}\n\n".encode()


def anthropic(count: int) -> Iterator[bytes]:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "model-1",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 1},
    }
    block = {"type": "text", "text": ""}
    start = named({"type": "message_start", "message": message})
    start += named({"type": "content_block_start", "index": 0, "content_block": block})
    for number in range(count):
        delta = {"type": "text_delta", "text": WORDS[number % len(WORDS)]}
        yield start + named({"type": "content_block_delta", "index": 0, "delta": delta})
        start = b""
    yield (
        named({"type": "content_block_stop", "index": 0})
        + named(
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                "usage": {"output_tokens": count},
            }
        )
        + named({"type": "message_stop"})
    )


def ragflow(count: int) -> Iterator[bytes]:
    text = ""
    for number in range(count):
        text += WORDS[number % len(WORDS)]
        data = {
            "answer": text,
            "reference": {},
            "audio_binary": None,
            "id": "31153052-7bac-4741-a513-ed07d853f29e",
            "session_id": "9fa7691cb85c11ef9c5f0242ac120005",
        }
        frame = {"code": 0, "message": "", "data": data}
        yield b"data:%s\n\n" % json.dumps(frame, ensure_ascii=False).encode()
    yield b'data:{"code": 0, "message": "", "data": true}\n\n'


FRAMES: dict[str, Callable[[int], Iterator[bytes]]] = {
    "openai": openai,
    "padded": padded,
    "paragraphs": paragraphs,
    "markdown": markdown,
    "stamped": stamped,
    "anthropic": anthropic,
    "ragflow": ragflow,
}


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def head(framing: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", "Content-Type: text/event-stream"]
    if framing.endswith("close"):
        lines.append("Connection: close")
    else:
        lines.append("Transfer-Encoding: chunked")
    if framing.endswith("gzip"):
        lines.append("Content-Encoding: gzip")
    return "\r\n".join([*lines, "", ""]).encode()


def framed(framing: str, frames: Iterator[bytes]) -> Iterator[bytes]:
    """Give what to write for each frame, and what ends the body."""
    if framing.endswith("gzip"):
        packer = zlib.compressobj(wbits=GZIP_WINDOW_BITS)
        for frame in frames:
            yield chunk(packer.compress(frame) + packer.flush(zlib.Z_SYNC_FLUSH))
        yield chunk(packer.flush()) + chunk(b"")
    elif framing.endswith("close"):
        yield from frames
    elif framing == "large":
        held = b""
        for frame in frames:
            held += frame
            while len(held) >= LARGE_CHUNK_BYTES:
                yield chunk(held[:LARGE_CHUNK_BYTES])
                held = held[LARGE_CHUNK_BYTES:]
        yield chunk(held) + chunk(b"")
    else:
        yield from map(chunk, frames)
        yield chunk(b"")


@lru_cache(maxsize=2)
def prepared(framing: str, kind: str, count: int) -> list[bytes]:
    """Everything that is sent, made beforehand: the server must not be what is waited for."""
    pieces = list(framed(framing, FRAMES[kind](count)))
    if framing in ("own", "large"):
        return pieces
    return [b"".join(pieces[start : start + GROUP]) for start in range(0, len(pieces), GROUP)]


def answer(sock: socket.socket, framing: str, kind: str, count: int) -> None:
    sock.sendall(head(framing))
    if framing == "hold":
        for frame in itertools.islice(FRAMES[kind](count), count):
            sock.sendall(chunk(frame))
            time.sleep(PACE_SECONDS)
        select.select([sock], [], [])
    elif framing.startswith("paced") or framing == "slow":
        pause = SLOW_SECONDS if framing == "slow" else PACE_SECONDS
        due = time.monotonic()
        frames = FRAMES[kind](count)
        pieces = framed(framing, frames)
        for _ in range(count):
            due += pause
            time.sleep(max(0.0, due - time.monotonic()))
            sock.sendall(next(pieces))
        for piece in pieces:
            sock.sendall(piece)
    elif kind == "ragflow":
        # Each of them has all the text before it, which is too much to keep in memory.
        for piece in framed(framing, FRAMES[kind](count)):
            sock.sendall(piece)
    else:
        for piece in prepared(framing, kind, count):
            sock.sendall(piece)


def serve_one(sock: socket.socket) -> None:
    with sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            request = b""
            while b"\r\n\r\n" not in request:
                data = sock.recv(65536)
                if not data:
                    return
                request += data
            fields, _, body = request.partition(b"\r\n\r\n")
            length = 0
            for line in fields.split(b"\r\n"):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            while len(body) < length:
                body += sock.recv(65536)
            framing, kind, count = fields.split(b" ", 2)[1].decode().split("/")[1:4]
            answer(sock, framing, kind, int(count))
            if framing.endswith("close"):
                return


def serve_quietly(sock: socket.socket) -> None:
    try:
        serve_one(sock)
    except OSError:
        # The client went, which is what some of the programs measure.
        return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    listener = socket.create_server(("127.0.0.1", parser.parse_args().port), backlog=2048)
    print(listener.getsockname()[1], flush=True)
    # Ends with the program that started it.
    threading.Thread(target=lambda: (sys.stdin.read(), listener.close()), daemon=True).start()
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=serve_quietly, args=(sock,), daemon=True).start()


if __name__ == "__main__":
    main()
