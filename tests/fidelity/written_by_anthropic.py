"""A transcript from the types of Anthropic's own SDK: run it to write the file again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anthropic import types

BODY = Path(__file__).parent.parent / "transcripts" / "anthropic" / "sdk_types.txt"


def events() -> list[Any]:
    """The events of one message with every kind of block."""
    return [
        types.RawMessageStartEvent(
            type="message_start",
            message=types.Message(
                id="msg_014p7gG3wDgGV9EUtLvnow3U",
                type="message",
                role="assistant",
                content=[],
                model="claude-sonnet-4-5",
                stop_reason=None,
                stop_sequence=None,
                usage=types.Usage(
                    input_tokens=472,
                    output_tokens=2,
                    cache_creation_input_tokens=10,
                    cache_read_input_tokens=30,
                    service_tier="standard",
                ),
            ),
        ),
        _start(0, types.ThinkingBlock(type="thinking", thinking="", signature="")),
        _delta(0, types.ThinkingDelta(type="thinking_delta", thinking="The page says ")),
        _delta(0, types.ThinkingDelta(type="thinking_delta", thinking="so.")),
        _delta(0, types.SignatureDelta(type="signature_delta", signature="EqQBCgIYAhIM1gbc")),
        _stop(0),
        _start(1, types.RedactedThinkingBlock(type="redacted_thinking", data="EmwKAhgBEgy3va3p")),
        _stop(1),
        _start(2, types.TextBlock(type="text", text="", citations=None)),
        _delta(2, types.TextDelta(type="text_delta", text="It is 8 °C ")),
        _delta(2, types.TextDelta(type="text_delta", text="in Zürich.")),
        _delta(
            2,
            types.CitationsDelta(
                type="citations_delta",
                citation=types.CitationsWebSearchResultLocation(
                    type="web_search_result_location",
                    cited_text="Zürich 8 °C",
                    encrypted_index="Eo8BCioIAhgBIiQyYjQ0OWJm",
                    title="Weather",
                    url="https://weather.example/zurich",
                ),
            ),
        ),
        _stop(2),
        _start(3, types.ToolUseBlock(type="tool_use", id="toolu_01A", name="wind", input={})),
        _delta(3, types.InputJSONDelta(type="input_json_delta", partial_json="")),
        _delta(3, types.InputJSONDelta(type="input_json_delta", partial_json='{"city": "Zü')),
        _delta(3, types.InputJSONDelta(type="input_json_delta", partial_json='rich"}')),
        _stop(3),
        types.RawMessageDeltaEvent.model_validate(
            {
                "type": "message_delta",
                "delta": {"stop_reason": "tool_use", "stop_sequence": None},
                "usage": {"output_tokens": 91, "output_tokens_details": {"thinking_tokens": 9}},
            }
        ),
        types.RawMessageStopEvent(type="message_stop"),
    ]


def _start(index: int, block: Any) -> types.RawContentBlockStartEvent:
    return types.RawContentBlockStartEvent(
        type="content_block_start", index=index, content_block=block
    )


def _delta(index: int, delta: Any) -> types.RawContentBlockDeltaEvent:
    return types.RawContentBlockDeltaEvent(type="content_block_delta", index=index, delta=delta)


def _stop(index: int) -> types.RawContentBlockStopEvent:
    return types.RawContentBlockStopEvent(type="content_block_stop", index=index)


def body() -> bytes:
    """The events as the API frames them."""
    frames = (f"event: {event.type}\ndata: {event.to_json(indent=None)}\n\n" for event in events())
    return "".join(frames).encode()


if __name__ == "__main__":
    BODY.write_bytes(body())
