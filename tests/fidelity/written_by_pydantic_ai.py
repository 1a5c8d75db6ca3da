"""Transcripts from pydantic-ai's AG-UI adapter: run it to write the files again.

It needs ``pydantic-ai-slim==2.68.0 ag-ui-protocol==1.0.0``. Ids and times are new each time: adapt
the JSON files too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from ag_ui.core import RunAgentInput, UserMessage
from pydantic_ai import Agent
from pydantic_ai.models.function import AgentInfo, DeltaThinkingPart, DeltaToolCall, FunctionModel
from pydantic_ai.ui.ag_ui import AGUIAdapter

FOLDER = Path(__file__).parent.parent / "transcripts" / "agui"


async def speak(messages: list[Any], info: AgentInfo) -> AsyncIterator[Any]:
    last = messages[-1].parts[-1]
    if last.part_kind == "tool-return":
        for word in ("It is ", "calm", " 🙂"):
            yield word
        return
    yield {0: DeltaThinkingPart(content="I look ")}
    yield {0: DeltaThinkingPart(content="it up.")}
    if last.content == "Break":
        yield "Half an "
        raise ValueError("the model is overloaded")
    yield {1: DeltaToolCall(name="wind", tool_call_id="call_1")}
    yield {1: DeltaToolCall(json_args='{"city": "Zü')}
    yield {1: DeltaToolCall(json_args='rich"}')}


async def main() -> None:
    agent = Agent(FunctionModel(stream_function=speak))

    @agent.tool_plain
    def wind(city: str) -> str:
        return f"calm in {city}"

    for name, question in (("pydantic_ai", "Look it up"), ("error_in_mid_stream", "Break")):
        given = RunAgentInput(
            thread_id="thread-1",
            run_id="run-1",
            state={},
            messages=[UserMessage(id="message-1", content=question)],
            tools=[],
            context=[],
            forwarded_props={},
        )
        adapter = AGUIAdapter(agent, run_input=given)
        body = "".join([frame async for frame in adapter.encode_stream(adapter.run_stream())])
        (FOLDER / f"{name}.txt").write_text(body, encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
