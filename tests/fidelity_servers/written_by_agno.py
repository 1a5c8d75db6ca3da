"""Transcripts of agno's AgentOS: written_by_agno.py FOLDER

It needs agno==3.1.10, openai, fastapi and python-multipart. Its own server answers; the model is
scripted, as the HTTP API of OpenAI. Ids and times are replaced, because they differ each time.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import httpx
from agno.agent import Agent
from agno.models.openai import OpenAIChat
from agno.os import AgentOS
from agno.team import Team
from agno.tools import tool
from starlette.testclient import TestClient

USAGE = {"prompt_tokens": 7, "completion_tokens": 6, "total_tokens": 13}
CALL = {"name": "wind", "arguments": '{"city": "Zürich"}'}


def chunks(*deltas: dict[str, Any], reason: str) -> bytes:
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "tiny"}
    told = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    told.append({"index": 0, "delta": {}, "finish_reason": reason})
    frames: list[dict[str, Any]] = [head | {"choices": [choice]} for choice in told]
    frames.append(head | {"choices": [], "usage": USAGE})
    lines = [f"data: {json.dumps(frame)}\n\n" for frame in frames]
    return "".join([*lines, "data: [DONE]\n\n"]).encode()


def model(request: httpx.Request) -> httpx.Response:
    messages = json.loads(request.content)["messages"]
    last = messages[-1]
    if "Break" in str(last["content"]):
        return httpx.Response(400, json={"error": {"message": "the model is overloaded"}})
    if last["role"] != "tool" and "Look" in str(last["content"]):
        name = "approve" if "Look twice" in str(last["content"]) else "wind"
        call = {"index": 0, "id": "call_1", "type": "function", "function": CALL | {"name": name}}
        body = chunks({"reasoning_content": "I look it up."}, {"tool_calls": [call]}, reason="stop")
    else:
        body = chunks({"content": "It is "}, {"content": "calm 🙂"}, reason="stop")
    return httpx.Response(200, content=body, headers={"Content-Type": "text/event-stream"})


@tool
def wind(city: str) -> str:
    """The wind in a city."""
    return f"calm in {city}"


@tool(requires_confirmation=True)
def approve(city: str) -> str:
    """Asks a person."""
    return "yes"


def scripted() -> OpenAIChat:
    return OpenAIChat(
        id="tiny",
        api_key="x",
        retries=0,
        http_client=httpx.AsyncClient(transport=httpx.MockTransport(model)),
    )


def main(folder: Path) -> None:
    weather = Agent(
        id="weather", name="weather", model=scripted(), tools=[wind, approve], telemetry=False
    )
    member = Agent(id="member", name="member", model=scripted(), telemetry=False)
    team = Team(id="team", name="team", members=[member], model=scripted(), telemetry=False)
    app = AgentOS(agents=[weather], teams=[team], telemetry=False).get_app()
    client = TestClient(app)
    asked = {
        "agno_tool": ("/agents/weather/runs", "Look"),
        "agno_short": ("/agents/weather/runs", "Short"),
        "agno_error": ("/agents/weather/runs", "Break"),
        "agno_paused": ("/agents/weather/runs", "Look twice"),
        "agno_team": ("/teams/team/runs", "Short"),
    }
    for name, (path, question) in asked.items():
        form = {"message": question, "stream": "true", "session_id": "session-1"}
        answer = client.post(path, data=form)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/event-stream")
        (folder / f"{name}.txt").write_text(lasting(answer.text), encoding="utf-8")
    missing = client.post("/agents/none/runs", data=form)
    assert (missing.status_code, missing.json()["detail"]) == (404, "Agent not found")


def lasting(body: str) -> str:
    """Replace what differs each time."""
    ids: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        return ids.setdefault(found[0], f"id-{len(ids) + 1}")

    body = re.sub(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", named, body)
    body = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)", "2026-11-29T12:00:00+00:00", body)
    body = re.sub(r'"(created_at|updated_at|timestamp)":( ?)\d+', r'"\1":\g<2>1790000000', body)
    body = re.sub(r'("\w*(?:duration|time|time_to_first_token)": ?)[\d.e-]+', r"\g<1>0.5", body)
    return re.sub(r"completed in [\d.]+s", "completed in 0.5s", body)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
