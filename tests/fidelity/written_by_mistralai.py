"""Transcripts of the types of Mistral's own SDK: run it to write the files again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mistralai.client import models

FOLDER = Path(__file__).parent.parent / "transcripts" / "mistral_conversations"

ANSWER = {"id": "msg_1", "model": "mistral-medium-latest"}


def answer() -> list[Any]:
    """A thought, a search by a connector, and text with what it leans on."""
    thought = models.ThinkChunk(thinking=[models.TextChunk(text="I look it up.")])
    source = models.ToolReferenceChunk(
        tool="web_search", title="Wind", url="https://e.example/a", description="Calm."
    )
    usage = models.ConversationUsageInfo(prompt_tokens=7, completion_tokens=6, total_tokens=13)
    search = {"id": "tool_1", "name": "web_search"}
    return [
        models.ResponseStartedEvent(conversation_id="conv_1"),
        models.MessageOutputEvent(content=thought, **ANSWER),
        models.ToolExecutionStartedEvent(arguments='{"query": "Zürich"}', **search),
        models.ToolExecutionDoneEvent(**search),
        models.MessageOutputEvent(content="It is ", **ANSWER),
        models.MessageOutputEvent(content=models.TextChunk(text="calm 🙂"), **ANSWER),
        models.MessageOutputEvent(content=source, **ANSWER),
        models.ResponseDoneEvent(usage=usage),
    ]


def function() -> list[Any]:
    """A call of a function that the client runs."""
    call = {"id": "fc_1", "name": "wind", "tool_call_id": "call_1"}
    usage = models.ConversationUsageInfo(prompt_tokens=7, completion_tokens=6, total_tokens=13)
    return [
        models.ResponseStartedEvent(conversation_id="conv_1"),
        models.FunctionCallEvent(arguments='{"city": "Zü', **call),
        models.FunctionCallEvent(arguments='rich"}', **call),
        models.ResponseDoneEvent(usage=usage),
    ]


def failure() -> list[Any]:
    """An error after half an answer."""
    return [
        models.ResponseStartedEvent(conversation_id="conv_1"),
        models.MessageOutputEvent(content="Half an ", **ANSWER),
        models.ResponseErrorEvent(message="the model is overloaded", code=3505),
    ]


def written(events: list[Any]) -> str:
    frames = []
    for event in events:
        value = event.model_dump(mode="json", by_alias=True, exclude_unset=False)
        value = {name: item for name, item in value.items() if item is not None}
        data = json.dumps(value, ensure_ascii=False)
        frames.append(f"event: {value['type']}\ndata: {data}\n\n")
    return "".join(frames)


if __name__ == "__main__":
    for name, events in {
        "sdk_types": answer(),
        "sdk_types_function": function(),
        "sdk_types_error": failure(),
    }.items():
        (FOLDER / f"{name}.txt").write_text(written(events), encoding="utf-8", newline="")
