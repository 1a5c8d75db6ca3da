"""A transcript from the types of DashScope's own SDK: run it to write the file again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dashscope.api_entities.dashscope_response import (
    Choice,
    GenerationOutput,
    GenerationUsage,
    Message,
)

BODY = Path(__file__).parent.parent / "transcripts" / "dashscope" / "sdk_types.txt"


def outputs() -> list[tuple[GenerationOutput, GenerationUsage]]:
    """The events of one generation: reasoning, text, a tool call whose arguments come in pieces."""
    return [
        (_output("", "null", reasoning_content="The city is "), _usage(3)),
        (_output("", "null", reasoning_content="Zürich."), _usage(5)),
        (_output("It is ", "null", reasoning_content=""), _usage(7)),
        (_output("8 °C 🙂", "null", reasoning_content=""), _usage(9)),
        (_output("", "null", tool_calls=[_call("call_1", "wind", "")]), _usage(10)),
        (_output("", "null", tool_calls=[_call("", "", '{"city": "Zü')]), _usage(11)),
        (_output("", "tool_calls", tool_calls=[_call("", "", 'rich"}')]), _usage(12)),
    ]


def _output(content: str, reason: str, **fields: Any) -> GenerationOutput:
    message = Message(role="assistant", content=content, **fields)
    choice = Choice(finish_reason=reason, message=message)
    return GenerationOutput(choices=[choice])


def _call(id: str, name: str, arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"index": 0, "id": id, "type": "function", "function": function}


def _usage(output: int) -> GenerationUsage:
    details = {"output_tokens_details": {"reasoning_tokens": 5}}
    cached = {"prompt_tokens_details": {"cached_tokens": 20}}
    return GenerationUsage(30, output, total_tokens=30 + output, **details, **cached)


def body() -> bytes:
    """The events as the API frames them: no space behind the colon, the status in a comment."""
    frames = []
    for number, (output, usage) in enumerate(outputs(), 1):
        data = {"output": output, "usage": usage, "request_id": "q-1"}
        head = f"id:{number}\nevent:result\n:HTTP_STATUS/200\n"
        frames.append(f"{head}data:{json.dumps(data, ensure_ascii=False)}\n\n")
    return "".join(frames).encode()


if __name__ == "__main__":
    BODY.write_bytes(body())
