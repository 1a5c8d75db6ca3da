"""Transcripts from LangGraph's own server: run it to write the files again.

It needs Python 3.11 or newer with ``langgraph-api==0.16.7 langgraph-runtime-inmem langgraph-cli
langgraph``, best in a separate environment. The ids are new each time: adapt the JSON with
the files.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel, generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langgraph.graph import END, START, MessagesState, StateGraph

FOLDER = Path(__file__).parent.parent / "transcripts" / "langgraph"

# File, what is asked, and how it is to be streamed.
RUNS = (
    ("pieces", "Hi", "messages-tuple"),
    ("whole_messages", "Hi", "messages"),
    ("values", "Hi", "values"),
    ("tools", "Look it up", "messages-tuple"),
    ("tools_whole_messages", "Look it up", "messages"),
    ("error_in_mid_stream", "Break", "messages-tuple"),
    ("error_first", "Fail", "messages-tuple"),
    ("cancelled", "Go on for ever", "messages-tuple"),
)


class Scripted(BaseChatModel):
    """A model that answers with the text in the question."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        return generate_from_stream(self._stream(messages))

    def _stream(
        self, messages: list[BaseMessage], *_: Any, **__: Any
    ) -> Iterator[ChatGenerationChunk]:
        last = messages[-1]
        asked = last.content if isinstance(last, HumanMessage) else "Hi"
        if asked == "Look it up":
            yield _chunk("", additional_kwargs={"reasoning_content": "I look it up."})
            call = {"type": "tool_call_chunk", "index": 0}
            yield _calling(call | {"name": "wind", "id": "call_1", "args": ""})
            yield _calling(call | {"name": None, "id": None, "args": '{"city": "Zü'})
            yield _calling(call | {"name": None, "id": None, "args": 'rich"}'})
            yield _end("tool_calls", 12)
            return
        while True:
            for word in ("It is ", "8 °C", " in Zürich", " 🙂"):
                yield _chunk(word)
                if asked == "Break":
                    raise ValueError("the model is overloaded")
            if asked != "Go on for ever":
                break
            threading.Event().wait(0.2)
        yield _end("stop", 9)


def _chunk(text: str, **fields: Any) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(text, **fields))


def _calling(piece: dict[str, Any]) -> ChatGenerationChunk:
    return _chunk("", tool_call_chunks=[piece])


def _end(reason: str, output: int) -> ChatGenerationChunk:
    usage = {
        "input_tokens": 30,
        "output_tokens": output,
        "total_tokens": 30 + output,
        "input_token_details": {"cache_read": 20},
        "output_token_details": {"reasoning": 5},
    }
    metadata = {"finish_reason": reason, "model_name": "tiny"}
    return _chunk("", response_metadata=metadata, usage_metadata=usage)


async def agent(state: MessagesState) -> dict[str, Any]:
    if state["messages"][-1].content == "Fail":
        raise ValueError("the graph is broken")
    return {"messages": [await Scripted().ainvoke(state["messages"])]}


async def tools(state: MessagesState) -> dict[str, Any]:
    calls = state["messages"][-1].tool_calls
    return {"messages": [ToolMessage("calm", tool_call_id=call["id"]) for call in calls]}


def _next(state: MessagesState) -> str:
    return "tools" if getattr(state["messages"][-1], "tool_calls", None) else END


_builder = StateGraph(MessagesState)
_builder.add_node("agent", agent)
_builder.add_node("tools", tools)
_builder.add_edge(START, "agent")
_builder.add_conditional_edges("agent", _next)
_builder.add_edge("tools", "agent")
graph = _builder.compile()


def _post(url: str, body: dict[str, Any] | None) -> Any:
    data = b"" if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    return urllib.request.urlopen(request, timeout=60)


def _record(url: str, question: str, mode: str) -> bytes:
    body = {
        "assistant_id": "agent",
        "input": {"messages": [{"role": "user", "content": question}]},
        "stream_mode": [mode],
    }
    with _post(f"{url}/runs/stream", body) as response:
        written = b""
        while line := response.readline():
            written += line
            if question == "Go on for ever" and line.startswith(b"data: [") and b"Z" in line:
                found = json.loads(line[6:])[1]
                path = f"/threads/{found['thread_id']}/runs/{found['run_id']}/cancel"
                _post(url + path, None).close()
                question = ""
        return written


def _await(url: str) -> None:
    for _ in range(100):
        try:
            urllib.request.urlopen(url).close()
        except OSError:
            # It reports that it has started before it listens.
            threading.Event().wait(0.1)
        else:
            return
    raise TimeoutError(f"nobody listens at {url}")


def main() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        known = {"dependencies": ["."], "graphs": {"agent": f"{Path(__file__)}:graph"}}
        Path(folder, "langgraph.json").write_text(json.dumps(known), encoding="utf-8")
        command = Path(sys.executable).parent / "langgraph"
        server = subprocess.Popen(
            [command, "dev", "--no-browser", "--no-reload", "--port", str(port)],
            cwd=folder,
            env=os.environ | {"LANGSMITH_TRACING": "false", "LANGGRAPH_CLI_NO_ANALYTICS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert server.stdout is not None
        try:
            for line in server.stdout:
                if b"Application started up" in line:
                    break
            # Read the rest of its output, or it waits for a reader.
            threading.Thread(target=server.stdout.read, daemon=True).start()
            _await(f"http://127.0.0.1:{port}/ok")
            for name, question, mode in RUNS:
                body = _record(f"http://127.0.0.1:{port}", question, mode)
                (FOLDER / f"{name}.txt").write_bytes(body)
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
