"""Transcripts from the types of OpenAI's own SDK: run it to write the files anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from openai.types.chat import ChatCompletionChunk

TRANSCRIPTS = Path(__file__).parent.parent / "transcripts"
BODY = TRANSCRIPTS / "openai" / "sdk_types.txt"
# DeepSeek's documentation uses this SDK too; its reasoning is an extra field of the delta.
DEEPSEEK = TRANSCRIPTS / "deepseek" / "sdk_types.txt"


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


def body(found: list[ChatCompletionChunk]) -> bytes:
    """The chunks as the API frames them."""
    frames = (f"data: {item.to_json(indent=None, exclude_unset=True)}\n\n" for item in found)
    return "".join([*frames, "data: [DONE]\n\n"]).encode()


if __name__ == "__main__":
    BODY.write_bytes(body(chunks()))
    DEEPSEEK.write_bytes(body(deepseek_chunks()))
