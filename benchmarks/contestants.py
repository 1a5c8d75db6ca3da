"""The clients that are compared, each read as its own documentation shows.

Run as ``python contestants.py NAME``, this is one of them in a process of its own: it takes a job a
line from its standard input, ``{"url", "kind", "rounds"}``, and answers with what it cost.

A contestant is a function ``(url, kind, out)``: it posts to the address, reads a stream of frames
of that kind (`wire`), and appends the text of each event to ``out``.
"""

from __future__ import annotations

import json
import socket
import sys
import time
import zlib
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import urlsplit

GZIP_WINDOW_BITS = 31
READ_BYTES = 65536


class Out(Protocol):
    def append(self, text: str, /) -> None: ...


Contestant = Callable[[str, str, Out], None]


def text_of(payload: Any, kind: str) -> str | None:
    """The text of one parsed event, ``None`` for an event without."""
    if kind == "anthropic":
        return payload["delta"]["text"] if payload["type"] == "content_block_delta" else None
    if kind == "ragflow":
        return payload["data"]["answer"] if payload["data"] is not True else None
    return payload["choices"][0]["delta"].get("content")


# The floor ------------------------------------------------------------------------------------


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


# chatsdk --------------------------------------------------------------------------------------

DIALECTS = {"anthropic": "anthropic", "ragflow": "ragflow"}


def chatsdk(url: str, kind: str, out: Out) -> None:
    from chatsdk import ChatClient

    with ChatClient(url, dialect=DIALECTS.get(kind, "openai")) as client:
        for answer in client.send({}):
            out.append(answer.delta)


def chatsdk_text(url: str, kind: str, out: Out) -> None:
    """The same, asking for the whole text at each event."""
    from chatsdk import ChatClient

    with ChatClient(url, dialect=DIALECTS.get(kind, "openai")) as client:
        for answer in client.send({}):
            # Passed on, and not kept: all of them together are quadratic.
            out.append(answer.text and answer.delta)


def chat_session(url: str, kind: str, out: Out) -> None:
    """Through the hook, with one callback."""
    from chatsdk import use_chat

    def show(answer: Any) -> None:
        out.append(answer.delta)

    with use_chat(url, dialect=DIALECTS.get(kind, "openai"), on_answer=show) as session:
        session.run({})


# The peers ------------------------------------------------------------------------------------


def iter_lines(url: str, kind: str, out: Out) -> None:
    """The loop over requests that everybody writes."""
    import requests

    with requests.post(url, json={}, stream=True) as response:
        for line in response.iter_lines():
            if line.startswith(b"data:"):
                data = line[5:].strip()
                if data == b"[DONE]":
                    break
                text = text_of(json.loads(data), kind)
                if text is not None:
                    out.append(text)


def http_client(url: str, kind: str, out: Out) -> None:
    """The standard library alone."""
    from http.client import HTTPConnection

    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port)
    connection.request("POST", parts.path, b"{}", {"Content-Type": "application/json"})
    response = connection.getresponse()
    rest = b""
    while data := response.read1(READ_BYTES):
        *events, rest = (rest + data).split(b"\n\n")
        for event in events:
            data = event.rpartition(b"data: ")[2]
            if data != b"[DONE]":
                text = text_of(json.loads(data), kind)
                if text is not None:
                    out.append(text)
    connection.close()


def sseclient_py(url: str, kind: str, out: Out) -> None:
    import requests
    from sseclient import SSEClient

    with requests.post(url, json={}, stream=True) as response:
        for event in SSEClient(response).events():
            if event.data == "[DONE]":
                break
            text = text_of(json.loads(event.data), kind)
            if text is not None:
                out.append(text)


def requests_sse(url: str, kind: str, out: Out) -> None:
    from requests_sse import EventSource

    with EventSource(url, method="POST", json={}) as source:
        for event in source:
            if event.data == "[DONE]" or event.type == "message_stop":
                break
            text = text_of(json.loads(event.data), kind)
            if text is not None:
                out.append(text)


def httpx_sse(url: str, kind: str, out: Out) -> None:
    import httpx
    from httpx_sse import connect_sse

    with httpx.Client() as client, connect_sse(client, "POST", url, json={}) as source:
        for event in source.iter_sse():
            if event.data == "[DONE]":
                break
            text = text_of(json.loads(event.data), kind)
            if text is not None:
                out.append(text)


def openai(url: str, kind: str, out: Out) -> None:
    from openai import OpenAI

    with OpenAI(base_url=url, api_key="none") as client:
        stream = client.chat.completions.create(
            model="model-1", messages=[{"role": "user", "content": "Hi"}], stream=True
        )
        for chunk in stream:
            out.append(chunk.choices[0].delta.content)


def anthropic(url: str, kind: str, out: Out) -> None:
    from anthropic import Anthropic

    with Anthropic(base_url=url, api_key="none") as client:
        stream = client.messages.create(
            model="model-1",
            max_tokens=100,
            messages=[{"role": "user", "content": "Hi"}],
            stream=True,
        )
        for event in stream:
            if event.type == "content_block_delta":
                out.append(event.delta.text)


def launchdarkly(url: str, kind: str, out: Out) -> None:
    """launchdarkly-eventsource; it can only GET."""
    from ld_eventsource import SSEClient
    from ld_eventsource.config import ConnectStrategy

    client = SSEClient(ConnectStrategy.http(url))
    try:
        for event in client.events:
            if event.data == "[DONE]" or event.event == "message_stop":
                break
            text = text_of(json.loads(event.data), kind)
            if text is not None:
                out.append(text)
    finally:
        client.close()


def ragflow_sdk(url: str, kind: str, out: Out) -> None:
    from ragflow_sdk import RAGFlow
    from ragflow_sdk.modules.session import Session

    session = Session(RAGFlow("none", url), {"chat_id": "1", "id": "1"})
    for message in session.ask("Hi", stream=True):
        out.append(message.content)


CONTESTANTS: dict[str, Contestant] = {
    "floor": floor,
    "chatsdk": chatsdk,
    "chatsdk, whole text": chatsdk_text,
    "ChatSession": chat_session,
    "iter_lines": iter_lines,
    "http.client": http_client,
    "sseclient-py": sseclient_py,
    "requests-sse": requests_sse,
    "httpx-sse": httpx_sse,
    "openai": openai,
    "anthropic": anthropic,
    "launchdarkly-eventsource": launchdarkly,
    "ragflow-sdk": ragflow_sdk,
}


# A process for one of them ----------------------------------------------------------------------


class Delays(list[int]):
    """Notes how long ago the event was sent whose text is the time of its sending."""

    def append(self, text: Any) -> None:
        if text:
            super().append(time.monotonic_ns() - int(text))


def cost(run: Contestant, url: str, kind: str) -> dict[str, Any]:
    out: Any = Delays() if kind == "stamped" else []
    before = time.process_time()
    run(url, kind, out)
    spent = time.process_time() - before
    events = len(out) if kind == "stamped" else sum(map(bool, out))
    return {"cpu": spent, "events": events, "delays": out if kind == "stamped" else []}


def main() -> None:
    run = CONTESTANTS[sys.argv[1]]
    for line in sys.stdin:
        job = json.loads(line)
        try:
            said = cost(run, job["url"], job["kind"])
        except ImportError as error:
            said = {"missing": str(error)}
        except Exception as error:
            # launchdarkly-eventsource, for one, does not read gzip.
            said = {"failed": f"{type(error).__name__} at {job['url']}"}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
