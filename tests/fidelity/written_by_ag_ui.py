"""A transcript from the types of AG-UI's own SDK: run it to write the file again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ag_ui import core
from ag_ui.encoder import EventEncoder

BODY = Path(__file__).parent.parent / "transcripts" / "agui" / "sdk_types.txt"


def events() -> list[Any]:
    """The events of one run with every kind of thing that a run can carry."""
    return [
        core.RunStartedEvent(thread_id="thread-1", run_id="run-1"),
        core.StepStartedEvent(step_name="think"),
        core.ReasoningStartEvent(message_id="r1"),
        core.ReasoningMessageStartEvent(message_id="r1", role="reasoning"),
        core.ReasoningMessageContentEvent(message_id="r1", delta="The city is "),
        core.ReasoningMessageContentEvent(message_id="r1", delta="Zürich."),
        core.ReasoningMessageEndEvent(message_id="r1"),
        core.ReasoningEndEvent(message_id="r1"),
        core.StepFinishedEvent(step_name="think"),
        core.StateSnapshotEvent(snapshot={"n": 1}),
        core.StateDeltaEvent(delta=[{"op": "replace", "path": "/n", "value": 2}]),
        core.TextMessageStartEvent(message_id="m1", role="assistant"),
        core.TextMessageContentEvent(message_id="m1", delta="It is "),
        core.TextMessageContentEvent(message_id="m1", delta=""),
        core.TextMessageContentEvent(message_id="m1", delta="8 °C 🙂"),
        core.TextMessageEndEvent(message_id="m1"),
        core.ToolCallStartEvent(
            tool_call_id="call_1", tool_call_name="wind", parent_message_id="m1"
        ),
        core.ToolCallStartEvent(tool_call_id="call_2", tool_call_name="now"),
        core.ToolCallArgsEvent(tool_call_id="call_1", delta='{"city": "Zü'),
        core.ToolCallArgsEvent(tool_call_id="call_2", delta="{}"),
        core.ToolCallArgsEvent(tool_call_id="call_1", delta='rich"}'),
        core.ToolCallEndEvent(tool_call_id="call_1"),
        core.ToolCallEndEvent(tool_call_id="call_2"),
        core.ToolCallResultEvent(message_id="m2", tool_call_id="call_2", content="noon"),
        core.CustomEvent(name="weather", value={"sunny": True}),
        core.RunFinishedEvent(
            thread_id="thread-1",
            run_id="run-1",
            outcome=core.RunFinishedSuccessOutcome(
                type="success", pending_tool_call_ids=["call_1"]
            ),
            usage=[
                core.TokenUsage(
                    provider="example",
                    model="tiny",
                    input_tokens=30,
                    output_tokens=12,
                    total_tokens=42,
                    reasoning_tokens=5,
                    cached_input_tokens=20,
                ),
                core.TokenUsage(model="other", input_tokens=3, output_tokens=1, total_tokens=4),
            ],
        ),
    ]


def body() -> bytes:
    """The events as the SDK's own encoder frames them."""
    encoder = EventEncoder()
    return "".join(encoder.encode(event) for event in events()).encode()


if __name__ == "__main__":
    BODY.write_bytes(body())
