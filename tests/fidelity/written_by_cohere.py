"""A transcript from the types of Cohere's own client: run it to write the file again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cohere.core.unchecked_base_model import construct_type
from cohere.v2.types import V2ChatStreamResponse

BODY = Path(__file__).parent.parent / "transcripts" / "cohere" / "sdk_types.txt"


def said(**message: Any) -> dict[str, Any]:
    return {"message": message}


def events() -> list[Any]:
    """The events of one message with everything that it can carry."""
    source = {"type": "document", "id": "d0", "document": {"title": "Wind", "snippet": "calm"}}
    citation = {
        "start": 0,
        "end": 5,
        "text": "It is",
        "sources": [source],
        "type": "TEXT_CONTENT",
    }
    call = {"id": "c1", "type": "function", "function": {"name": "wind", "arguments": ""}}
    piece = {"function": {"arguments": '{"city": "Zü'}}
    usage = {
        "billed_units": {"input_tokens": 5, "output_tokens": 6},
        "tokens": {"input_tokens": 7.0, "output_tokens": 6.0},
    }
    start = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    raw: list[dict[str, Any]] = [
        {"type": "message-start", "id": "m1", "delta": said(**start)},
        {
            "type": "content-start",
            "index": 0,
            "delta": said(content={"type": "thinking", "thinking": ""}),
        },
        {"type": "content-delta", "index": 0, "delta": said(content={"thinking": "I look. "})},
        {"type": "content-end", "index": 0},
        {"type": "content-start", "index": 1, "delta": said(content={"type": "text", "text": ""})},
        {"type": "content-delta", "index": 1, "delta": said(content={"text": "It is "})},
        {"type": "content-delta", "index": 1, "delta": said(content={"text": "calm 🙂"})},
        {"type": "citation-start", "index": 0, "delta": said(citations=citation)},
        {"type": "citation-end", "index": 0},
        {"type": "content-end", "index": 1},
        {"type": "tool-plan-delta", "delta": said(tool_plan="Then the tool.")},
        {"type": "tool-call-start", "index": 0, "delta": said(tool_calls=call)},
        {"type": "tool-call-delta", "index": 0, "delta": said(tool_calls=piece)},
        {
            "type": "tool-call-delta",
            "index": 0,
            "delta": said(tool_calls={"function": {"arguments": 'rich"}'}}),
        },
        {"type": "tool-call-end", "index": 0},
        {
            "type": "message-end",
            "id": "m1",
            "delta": {"finish_reason": "TOOL_CALL", "usage": usage},
        },
    ]
    return [construct_type(type_=V2ChatStreamResponse, object_=event) for event in raw]


def body() -> bytes:
    """The events as Cohere frames them."""
    frames = []
    for event in events():
        data = json.loads(event.json())
        written = json.dumps(data, ensure_ascii=False)
        frames.append(f"event: {data['type']}\ndata: {written}\n\n")
    return "".join(frames).encode()


if __name__ == "__main__":
    BODY.write_bytes(body())
