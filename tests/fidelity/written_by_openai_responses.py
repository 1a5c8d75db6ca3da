"""A transcript from the types of OpenAI's own SDK: run it to write the file again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from openai.types import responses

BODY = Path(__file__).parent.parent / "transcripts" / "openai_responses" / "sdk_types.txt"


def response(status: str, output: list[Any], usage: dict[str, Any] | None) -> responses.Response:
    return responses.Response.model_validate(
        {
            "id": "resp_67ccd2bed1ec8190",
            "object": "response",
            "created_at": 1790000000.0,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "model": "gpt-5",
            "output": output,
            "parallel_tool_calls": True,
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
            "usage": usage,
        }
    )


def events() -> list[Any]:
    """The events of one response: reasoning, a message with a citation, a call."""
    summary = {"type": "summary_text", "text": "The page says so."}
    reasoning: dict[str, Any] = {"id": "rs_1", "type": "reasoning", "summary": []}
    cited = {
        "type": "url_citation",
        "url": "https://weather.example/zurich",
        "title": "Weather",
        "start_index": 0,
        "end_index": 21,
    }
    text = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    said = text | {"text": "It is 8 °C in Zürich.", "annotations": [cited]}
    message: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant"}
    message |= {"status": "in_progress", "content": []}
    call: dict[str, Any] = {"id": "fc_1", "type": "function_call", "call_id": "call_9"}
    call |= {"name": "wind", "arguments": "", "status": "in_progress"}
    called = call | {"arguments": '{"city":"Zürich"}', "status": "completed"}
    output = [reasoning | {"summary": [summary]}, message | {"content": [said]}, called]
    output[1]["status"] = "completed"
    usage = {
        "input_tokens": 50,
        "input_tokens_details": {"cached_tokens": 32, "cache_write_tokens": 0},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 12},
        "total_tokens": 70,
    }
    first = {"item_id": "rs_1", "output_index": 0, "summary_index": 0}
    second = {"item_id": "msg_1", "output_index": 1, "content_index": 0}
    third = {"item_id": "fc_1", "output_index": 2}
    frames: list[tuple[type[Any], dict[str, Any]]] = [
        (responses.ResponseCreatedEvent, {"response": response("in_progress", [], None)}),
        (responses.ResponseInProgressEvent, {"response": response("in_progress", [], None)}),
        (responses.ResponseOutputItemAddedEvent, {"output_index": 0, "item": reasoning}),
        (
            responses.ResponseReasoningSummaryPartAddedEvent,
            first | {"part": {"type": "summary_text", "text": ""}},
        ),
        (responses.ResponseReasoningSummaryTextDeltaEvent, first | {"delta": "The page "}),
        (responses.ResponseReasoningSummaryTextDeltaEvent, first | {"delta": "says so."}),
        (responses.ResponseReasoningSummaryTextDoneEvent, first | {"text": summary["text"]}),
        (responses.ResponseReasoningSummaryPartDoneEvent, first | {"part": summary}),
        (responses.ResponseOutputItemDoneEvent, {"output_index": 0, "item": output[0]}),
        (responses.ResponseOutputItemAddedEvent, {"output_index": 1, "item": message}),
        (responses.ResponseContentPartAddedEvent, second | {"part": text}),
        (responses.ResponseTextDeltaEvent, second | {"delta": "It is 8 °C ", "logprobs": []}),
        (responses.ResponseTextDeltaEvent, second | {"delta": "in Zürich.", "logprobs": []}),
        (
            responses.ResponseOutputTextAnnotationAddedEvent,
            second | {"annotation_index": 0, "annotation": cited},
        ),
        (responses.ResponseTextDoneEvent, second | {"text": said["text"], "logprobs": []}),
        (responses.ResponseContentPartDoneEvent, second | {"part": said}),
        (responses.ResponseOutputItemDoneEvent, {"output_index": 1, "item": output[1]}),
        (responses.ResponseOutputItemAddedEvent, {"output_index": 2, "item": call}),
        (responses.ResponseFunctionCallArgumentsDeltaEvent, third | {"delta": '{"city":"Zü'}),
        (responses.ResponseFunctionCallArgumentsDeltaEvent, third | {"delta": 'rich"}'}),
        (
            responses.ResponseFunctionCallArgumentsDoneEvent,
            third | {"arguments": called["arguments"], "name": "wind"},
        ),
        (responses.ResponseOutputItemDoneEvent, {"output_index": 2, "item": called}),
        (responses.ResponseCompletedEvent, {"response": response("completed", output, usage)}),
    ]
    return [
        kind.model_validate({"type": _name(kind), "sequence_number": number, **fields})
        for number, (kind, fields) in enumerate(frames)
    ]


def _name(kind: type[Any]) -> str:
    """The one value that an event's ``type`` can have."""
    (name,) = kind.model_fields["type"].annotation.__args__
    return str(name)


def body() -> bytes:
    """The events as the API frames them."""
    frames = (f"event: {event.type}\ndata: {event.to_json(indent=None)}\n\n" for event in events())
    return "".join(frames).encode()


if __name__ == "__main__":
    BODY.write_bytes(body())
