"""Transcripts of services of one's own, in FastAPI: run it to write the files again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

FOLDER = Path(__file__).parent.parent / "transcripts"

WORDS = ("It is ", "8 °C ", "in Zürich 🙂.\n")

app = FastAPI()


async def events() -> AsyncIterator[str]:
    for word in WORDS:
        yield f"data: {json.dumps({'type': 'token', 'content': word})}\n\n"
    yield 'data: {"type": "end"}\n\n'


async def lines() -> AsyncIterator[str]:
    for word in WORDS:
        yield json.dumps({"delta": word}, ensure_ascii=False) + "\n"
    yield json.dumps({"done": True}) + "\n"


async def values() -> AsyncIterator[str]:
    said = ""
    for word in WORDS:
        said += word
        yield json.dumps({"choices": [{"text": said}]}, indent=2) + "\n\n"


async def words() -> AsyncIterator[str]:
    for word in WORDS:
        yield word


def route(path: str, body: Callable[[], AsyncIterator[str]], media_type: str) -> None:
    @app.post(path)
    async def answer() -> StreamingResponse:
        return StreamingResponse(body(), media_type=media_type)


route("/json/fastapi_events", events, "text/event-stream")
route("/json/fastapi_lines", lines, "application/json")
route("/json/fastapi_values", values, "text/event-stream")
route("/text/fastapi", words, "text/plain")


def body(path: str) -> bytes:
    """The body that the application answers a POST to this path with."""
    pieces: list[bytes] = []
    scope = {"type": "http", "method": "POST", "path": path, "headers": [], "query_string": b""}

    request = [{"type": "http.request", "body": b"{}"}]

    async def receive() -> dict[str, Any]:
        if not request:
            # The client stays to the end.
            await asyncio.Event().wait()
        return request.pop()

    async def send(message: dict[str, Any]) -> None:
        pieces.append(message.get("body", b""))

    asyncio.run(app({**scope, "http_version": "1.1"}, receive, send))
    return b"".join(pieces)


PATHS = ("/json/fastapi_events", "/json/fastapi_lines", "/json/fastapi_values", "/text/fastapi")

if __name__ == "__main__":
    for path in PATHS:
        (FOLDER / f"{path[1:]}.txt").write_bytes(body(path))
