"""Transcripts from the types of RAGFlow's own SDK: run it to write the files again.

The messages and the passages are the SDK's; the frames around them are those of the server, which
is on no package index: infiniflow/ragflow at b1b8cd6 (0.27.0), dialog_service.py and canvas.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ragflow_sdk import Chunk
from ragflow_sdk.modules.session import Message

TRANSCRIPTS = Path(__file__).parent.parent / "transcripts"

IDS = {"id": "m-1", "session_id": "s-1"}


def said(content: str, **fields: Any) -> dict[str, Any]:
    """A message of the SDK's, as the JSON that it writes of it."""
    written: dict[str, Any] = Message(None, {"content": content, **fields}).to_json()
    return written


def passages() -> list[dict[str, Any]]:
    """The citations of the answer, as the SDK writes them."""
    first = {
        "id": "k-1",
        "content": "Zürich: 8 °C, calm.",
        "document_id": "d-1",
        "document_name": "weather.pdf",
        "dataset_id": "b-1",
        "similarity": 0.71,
        "vector_similarity": 0.8,
        "term_similarity": 0.6,
        "positions": [[1, 10, 20, 30, 40]],
    }
    second = {"id": "k-2", "content": "", "document_id": "d-2", "document_name": "law.md"}
    return [Chunk(None, chunk).to_json() for chunk in (first, second)]


def data(message: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The data of a chat's frame: what the SDK reads back into such a message."""
    reference = {"chunks": message["reference"] or [], "doc_aggs": []}
    known = {"answer": message["content"], "reference": reference, "prompt": message["prompt"]}
    return {**known, "audio_binary": None, **more, **IDS}


def chat() -> list[Any]:
    """A chat of the current server: marks around the thinking, pieces of text, then passages."""
    more = {"final": False, "chat_id": "c-1"}
    return [
        data(said(""), start_to_think=True, **more),
        data(said("The city is Zürich."), **more),
        data(said(""), end_to_think=True, **more),
        data(said("It is "), **more),
        data(said("8 °C 🙂 [ID:0]."), **more),
        data(said("", reference=passages(), prompt="Be brief."), final=True, chat_id="c-1"),
        True,
    ]


def legacy() -> list[Any]:
    """A chat up to 0.23: each frame repeats all the text before it."""
    return [
        data(said("It is ")),
        data(said("It is 8 °C 🙂")),
        data(said("It is 8 °C 🙂 ##0$$.", reference=passages(), prompt="Be brief.")),
        True,
    ]


def agent() -> list[dict[str, Any]]:
    """A run of an agent whose conversation goes on: its messages and their end."""
    ids = {"message_id": "m-1", "created_at": 1790000000, "task_id": "t-1"}
    pieces = [{"content": said(text)["content"]} for text in ("It is ", "8 °C 🙂 [ID:0].")]
    numbered = {str(place): chunk for place, chunk in enumerate(passages())}
    reference = {"chunks": numbered, "doc_aggs": {}}
    usage = {"outputs": {}, "elapsed_time": 1.5, "usage": {"total_tokens": 42}}
    events = [
        *(("message", piece) for piece in pieces),
        ("message_end", {"reference": reference}),
        ("workflow_finished", usage),
    ]
    return [{"event": name, **ids, "data": data, "session_id": "s-1"} for name, data in events]


def framed(payloads: Iterable[Any]) -> str:
    # The server puts no space behind the colon.
    return "".join(f"data:{json.dumps(item, ensure_ascii=False)}\n\n" for item in payloads)


def bodies() -> dict[Path, bytes]:
    """The files and their content."""

    def answers(frames: list[Any]) -> str:
        return framed({"code": 0, "message": "", "data": frame} for frame in frames)

    written = {
        "ragflow": answers(chat()),
        "ragflow_legacy": answers(legacy()),
        "ragflow_agent": framed(agent()) + "data:[DONE]\n\n",
    }
    return {TRANSCRIPTS / name / "sdk_types.txt": body.encode() for name, body in written.items()}


if __name__ == "__main__":
    for path, body in bodies().items():
        path.write_bytes(body)
