"""Other readers of a stream, each used as its own documentation shows."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from contract import Out, text_of

READ_BYTES = 65536


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
