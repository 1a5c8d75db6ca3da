"""A transcript from the types of Google's own SDK: run it to write the file again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.genai import types

BODY = Path(__file__).parent.parent / "transcripts" / "gemini" / "sdk_types.txt"


def chunk(*parts: types.Part, **fields: Any) -> types.GenerateContentResponse:
    usage = fields.pop("usage_metadata", None)
    content = types.Content(role="model", parts=list(parts))
    return types.GenerateContentResponse(
        candidates=[types.Candidate(content=content, index=0, **fields)],
        usage_metadata=usage,
        model_version="gemini-3-pro",
        response_id="r-1",
    )


def chunks() -> list[types.GenerateContentResponse]:
    """The chunks of one answer: thoughts, text, a call, grounding and usage at the end."""
    call = types.FunctionCall(id="fc-1", name="wind", args={"city": "Zürich"})
    page = types.GroundingChunkWeb(uri="https://weather.example/zurich", title="Weather")
    return [
        chunk(types.Part(text="The page ", thought=True)),
        chunk(types.Part(text="says so.", thought=True)),
        chunk(types.Part(text="It is 8 °C ")),
        chunk(types.Part(text="in Zürich.")),
        chunk(types.Part(function_call=call, thought_signature=b"signed")),
        chunk(
            types.Part(text=""),
            finish_reason=types.FinishReason.STOP,
            grounding_metadata=types.GroundingMetadata(
                grounding_chunks=[types.GroundingChunk(web=page)]
            ),
            usage_metadata=types.GenerateContentResponseUsageMetadata(
                prompt_token_count=50,
                candidates_token_count=8,
                thoughts_token_count=12,
                total_token_count=70,
                cached_content_token_count=32,
            ),
        ),
    ]


def body() -> bytes:
    """The chunks as the API frames them."""
    frames = (item.model_dump_json(by_alias=True, exclude_none=True) for item in chunks())
    return "".join(f"data: {frame}\r\n\r\n" for frame in frames).encode()


if __name__ == "__main__":
    BODY.parent.mkdir(exist_ok=True)
    BODY.write_bytes(body())
