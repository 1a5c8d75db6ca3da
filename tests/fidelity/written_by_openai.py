"""Transcripts from the types of OpenAI's own SDK: run it to write the files again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import Choice, ChoiceDelta

TRANSCRIPTS = Path(__file__).parent.parent / "transcripts"
BODY = TRANSCRIPTS / "openai" / "sdk_types.txt"
# DeepSeek's documentation uses this SDK too; its reasoning is an extra field of the delta.
DEEPSEEK = TRANSCRIPTS / "deepseek" / "sdk_types.txt"
# So does RAGFlow's, for its OpenAI form, which puts what it looked up into the delta.
RAGFLOW = TRANSCRIPTS / "ragflow_openai" / "sdk_types.txt"
# MaxKB's server makes the chunks of its OpenAI form of this SDK's types: 1Panel-dev/MaxKB at
# 051415b, apps/common/handle/impl/response/openai_to_response.py.
MAXKB = TRANSCRIPTS / "openai" / "maxkb.txt"


def chunk(delta: dict[str, Any] | None, **fields: Any) -> ChatCompletionChunk:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": fields.pop("finish", None)}
    return ChatCompletionChunk.model_validate(
        {
            "id": "chatcmpl-CeL2",
            "object": "chat.completion.chunk",
            "created": 1790000000,
            "model": "gpt-5",
            "service_tier": "default",
            "system_fingerprint": "fp_1",
            "choices": [] if delta is None else [choice],
            **fields,
        }
    )


def chunks() -> list[ChatCompletionChunk]:
    """The chunks of one completion: text and two calls, then the counts."""
    usage = {
        "prompt_tokens": 50,
        "completion_tokens": 20,
        "total_tokens": 70,
        "prompt_tokens_details": {"cached_tokens": 32, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 12, "audio_tokens": 0},
    }
    first = {"index": 0, "id": "call_9", "type": "function"}
    second = {"index": 1, "id": "call_10", "type": "function"}
    return [
        chunk({"role": "assistant", "content": "", "refusal": None}),
        chunk({"content": "It is 8 °C\u2028"}),
        chunk({"content": "in Zürich."}),
        chunk({"tool_calls": [first | {"function": {"name": "wind", "arguments": ""}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"city":"Zü'}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": 'rich"}'}}]}),
        chunk({"tool_calls": [second | {"function": {"name": "now", "arguments": "{}"}}]}),
        chunk({}, finish="tool_calls"),
        chunk(None, usage=usage),
    ]


def deepseek_chunks() -> list[ChatCompletionChunk]:
    """The chunks of an answer that begins with reasoning."""
    named: dict[str, Any] = {"id": "d-1", "model": "deepseek-reasoner", "usage": None}
    counts = {
        "prompt_tokens": 12,
        "completion_tokens": 9,
        "total_tokens": 21,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 6},
        "prompt_cache_hit_tokens": 8,
        "prompt_cache_miss_tokens": 4,
    }
    said = [("", None), (None, "The city "), (None, "is Zürich."), ("8 °C", None)]
    return [
        *(
            chunk({"role": "assistant", "content": text, "reasoning_content": thought}, **named)
            for text, thought in said
        ),
        chunk({"content": ""}, finish="stop", **named | {"usage": counts}),
    ]


def ragflow_chunks() -> list[ChatCompletionChunk]:
    """The chunks of a chat with passages: reasoning, text, and what it leans on at the end."""
    named: dict[str, Any] = {"id": "chatcmpl-c1", "model": "m-1", "session_id": "s-1"}
    passage = {
        "id": "k-1",
        "content": "Zürich: 8 °C, calm.",
        "document_id": "d-1",
        "document_name": "weather.pdf",
        "similarity": 0.71,
    }
    whole = "It is 8 °C 🙂 [ID:0]."
    usage = {"prompt_tokens": 30, "completion_tokens": 12, "total_tokens": 42}
    cited = {"content": None, "reference": [passage], "final_content": whole}
    return [
        chunk({"content": None, "reasoning_content": "The city is Zürich."}, **named),
        chunk({"content": "It is ", "reasoning_content": None}, **named),
        chunk({"content": "8 °C 🙂 [ID:0].", "reasoning_content": None}, **named),
        chunk(cited, finish="stop", usage=usage, **named),
    ]


def maxkb_chunks() -> list[ChatCompletionChunk]:
    """The chunks of an answer of MaxKB's: each with counts, the last with nothing else."""
    said = [("It is ", 0, 0), ("8 °C 🙂", 0, 0), ("", 30, 12)]
    return [
        ChatCompletionChunk(
            id="r-1",
            model="",
            object="chat.completion.chunk",
            created=7,
            choices=[
                Choice(
                    delta=ChoiceDelta.model_validate({"content": text, "chat_id": "c-1"}),
                    finish_reason=None if text else "stop",
                    index=0,
                )
            ],
            usage=CompletionUsage(
                completion_tokens=out, prompt_tokens=into, total_tokens=into + out
            ),
        )
        for text, into, out in said
    ]


def maxkb_body() -> bytes:
    """The chunks as MaxKB frames them: with every field, and no marker at the end."""
    return "".join(f"data: {item.model_dump_json()}\n\n" for item in maxkb_chunks()).encode()


def body(found: list[ChatCompletionChunk]) -> bytes:
    """The chunks as the API frames them."""
    frames = (f"data: {item.to_json(indent=None, exclude_unset=True)}\n\n" for item in found)
    return "".join([*frames, "data: [DONE]\n\n"]).encode()


if __name__ == "__main__":
    BODY.write_bytes(body(chunks()))
    DEEPSEEK.write_bytes(body(deepseek_chunks()))
    RAGFLOW.write_bytes(body(ragflow_chunks()))
    MAXKB.write_bytes(maxkb_body())
