"""Transcripts of Strands' agents on AgentCore: written_by_strands.py FOLDER

It needs strands-agents==1.62.0, bedrock-agentcore==1.25.0 and httpx. AgentCore's own server
answers, with a scripted model. Addresses in memory are replaced, because they differ each time.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from bedrock_agentcore import BedrockAgentCoreApp
from starlette.testclient import TestClient
from strands import Agent, tool
from strands.models import Model

USAGE = {"inputTokens": 7, "outputTokens": 6, "totalTokens": 13}


class Scripted(Model):
    def update_config(self, **config: Any) -> None:
        pass

    def get_config(self) -> dict[str, Any]:
        return {"model_id": "tiny"}

    async def structured_output(self, *given: Any, **options: Any) -> Any:
        raise NotImplementedError
        yield

    async def stream(self, messages: Any, *given: Any, **options: Any) -> Any:
        last = messages[-1]["content"][-1]
        yield {"messageStart": {"role": "assistant"}}
        if "toolResult" in last:
            for word in ("It is ", "calm 🙂"):
                yield {"contentBlockDelta": {"delta": {"text": word}}}
            yield {"contentBlockStop": {}}
            yield {"messageStop": {"stopReason": "end_turn"}}
        elif last["text"] == "Break":
            yield {"contentBlockDelta": {"delta": {"text": "Half an "}}}
            raise RuntimeError("the model is overloaded")
        else:
            yield {"contentBlockDelta": {"delta": {"reasoningContent": {"text": "I look it up."}}}}
            yield {"contentBlockStop": {}}
            use = {"toolUseId": "c1", "name": "wind"}
            yield {"contentBlockStart": {"start": {"toolUse": use}}}
            for piece in ('{"city": "Zü', 'rich"}'):
                yield {"contentBlockDelta": {"delta": {"toolUse": {"input": piece}}}}
            yield {"contentBlockStop": {}}
            yield {"messageStop": {"stopReason": "tool_use"}}
        yield {"metadata": {"usage": USAGE, "metrics": {"latencyMs": 9}}}


@tool
def wind(city: str) -> str:
    """The wind in a city."""
    return f"calm in {city}"


app = BedrockAgentCoreApp()


@app.entrypoint
async def answer(payload: dict[str, Any]) -> Any:
    agent = Agent(model=Scripted(), tools=[wind], callback_handler=None)
    async for event in agent.stream_async(payload["prompt"]):
        # Some of what an agent yields is events, the rest Python's objects.
        if "event" in event or "message" in event or "init_event_loop" in event or "data" in event:
            yield event


def main(folder: Path) -> None:
    with TestClient(app) as client:
        for name, prompt in (("strands_tool", "Look"), ("strands_error", "Break")):
            response = client.post("/invocations", json={"prompt": prompt})
            assert response.headers["content-type"].startswith("text/event-stream")
            (folder / f"{name}.txt").write_text(lasting(response.text), encoding="utf-8")


def lasting(body: str) -> str:
    """Leave out of Python's notation what differs each time, and is long."""
    body = re.sub(r'(?m)^data: "\{\'data\': .*$', "data: \"{'data': 'It is '}\"", body)
    body = re.sub(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "id-1", body)
    return re.sub(r"0x[0-9a-f]+", "0x7f", body)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
