"""Transcripts from LangServe itself: run it to write the files again.

It needs ``langserve==0.3.3 "langchain-core<1" fastapi uvicorn sse-starlette``, which do not go
together with what the other tests here need, so use a separate environment. The ids are new
each time: adapt the JSON files too.
"""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import AsyncIterator, Callable
from http.client import IncompleteRead
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from langchain_core.documents import Document
from langchain_core.messages import AIMessageChunk
from langchain_core.runnables import RunnableGenerator
from langserve import add_routes

FOLDER = Path(__file__).parent.parent / "transcripts" / "langserve"


async def words(given: AsyncIterator[str]) -> AsyncIterator[str]:
    async for _ in given:
        for word in ("It is ", "8 °C", " in Zürich", " 🙂"):
            yield word


async def messages(given: AsyncIterator[str]) -> AsyncIterator[AIMessageChunk]:
    async for _ in given:
        call = {"type": "tool_call_chunk", "index": 0}
        metadata = {"finish_reason": "tool_calls", "model_name": "tiny"}
        usage = {"input_tokens": 30, "output_tokens": 12, "total_tokens": 42}
        details = {
            "input_token_details": {"cache_read": 20},
            "output_token_details": {"reasoning": 5},
        }
        for piece in (
            AIMessageChunk("", id="run-1", additional_kwargs={"reasoning_content": "I look "}),
            AIMessageChunk("", id="run-1", additional_kwargs={"reasoning_content": "it up."}),
            AIMessageChunk("One ", id="run-1"),
            AIMessageChunk([{"type": "text", "text": "moment.", "index": 0}], id="run-1"),
            _calling(call | {"name": "wind", "id": "call_1", "args": ""}),
            _calling(call | {"name": None, "id": None, "args": '{"city": "Zü'}),
            _calling(call | {"name": None, "id": None, "args": 'rich"}'}),
            AIMessageChunk("", id="run-1", response_metadata=metadata),
            AIMessageChunk("", id="run-1", usage_metadata=usage | details),
        ):
            yield piece


def _calling(piece: dict[str, Any]) -> AIMessageChunk:
    return AIMessageChunk("", id="run-1", tool_call_chunks=[piece])


async def retrieval(given: AsyncIterator[str]) -> AsyncIterator[dict[str, Any]]:
    async for text in given:
        yield {"question": text}
        page = {"source": "https://weather.example/z", "title": "Weather"}
        note = {"source": "notes.txt"}
        yield {
            "context": [
                Document(page_content="Zürich 8 °C", metadata=page),
                Document(page_content="Windy.", metadata=note),
            ]
        }
        yield {"answer": "It is "}
        yield {"answer": "8 °C."}


async def failing(given: AsyncIterator[str]) -> AsyncIterator[str]:
    async for _ in given:
        yield "Half an "
        raise ValueError("the model is overloaded")


async def failing_first(given: AsyncIterator[str]) -> AsyncIterator[str]:
    async for _ in given:
        raise ValueError("the model is overloaded")
    yield ""


RUNNABLES: dict[str, Callable[[AsyncIterator[str]], AsyncIterator[Any]]] = {
    "words": words,
    "messages": messages,
    "retrieval": retrieval,
    "error_in_mid_stream": failing,
    "error_first": failing_first,
}


def main() -> None:
    app = FastAPI()
    for name, generator in RUNNABLES.items():
        add_routes(app, RunnableGenerator(generator), path=f"/{name}", input_type=str)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        for name in RUNNABLES:
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/{name}/stream",
                json.dumps({"input": "Hi"}).encode(),
                {"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request) as response:
                try:
                    body = response.read()
                except IncompleteRead as cut:
                    # After an error it hangs up without the last chunk.
                    body = cut.partial
            (FOLDER / f"{name}.txt").write_bytes(body)
    finally:
        server.should_exit = True
        thread.join()


if __name__ == "__main__":
    main()
