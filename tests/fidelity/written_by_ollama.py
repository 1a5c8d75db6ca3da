"""A transcript from the types of Ollama's own client: run it to write the file again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ollama import ChatResponse, Message

BODY = Path(__file__).parent.parent / "transcripts" / "ollama" / "sdk_types.txt"


def line(message: Message, **end: Any) -> ChatResponse:
    created = "2026-11-22T05:00:00.123456Z"
    done = bool(end)
    return ChatResponse(model="qwen3", created_at=created, done=done, message=message, **end)


def said(**fields: Any) -> Message:
    return Message(role="assistant", **{"content": "", **fields})


def lines() -> list[ChatResponse]:
    """The lines of one answer: thoughts, text, a call."""
    call = Message.ToolCall(
        function=Message.ToolCall.Function(name="wind", arguments={"city": "Zürich"})
    )
    return [
        line(said(thinking="The page ")),
        line(said(thinking="says so.")),
        line(said(content="It is 8 °C ")),
        line(said(content="in Zürich.")),
        line(said(tool_calls=[call])),
        line(
            said(),
            done_reason="stop",
            total_duration=4883583458,
            load_duration=1334875,
            prompt_eval_count=50,
            prompt_eval_duration=342546000,
            eval_count=20,
            eval_duration=4535599000,
        ),
    ]


def body() -> bytes:
    """The lines as the server sends them."""
    return "".join(f"{item.model_dump_json(exclude_none=True)}\n" for item in lines()).encode()


if __name__ == "__main__":
    BODY.parent.mkdir(exist_ok=True)
    BODY.write_bytes(body())
