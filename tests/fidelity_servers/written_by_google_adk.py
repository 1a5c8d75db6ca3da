"""Transcripts of Google's Agent Development Kit: written_by_google_adk.py FOLDER

It needs google-adk==2.13.0. Its own server answers, with a scripted model. Ids and times are
replaced, because they differ each time.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

AGENT = '''
from collections.abc import AsyncGenerator

from google.adk.agents import Agent
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_response import LlmResponse
from google.adk.tools import LongRunningFunctionTool
from google.genai import types

USAGE = types.GenerateContentResponseUsageMetadata(
    prompt_token_count=7, candidates_token_count=6, thoughts_token_count=2, total_token_count=15
)


def said(*parts, **more):
    return LlmResponse(content=types.Content(role="model", parts=list(parts)), **more)


def call(name):
    return types.Part(function_call=types.FunctionCall(name=name, args={"city": "Zürich"}))


class Scripted(BaseLlm):
    async def generate_content_async(self, request, stream=False):
        last = request.contents[-1].parts[-1]
        words = last.text or ""
        if last.function_response is not None or words == "Short":
            for word in ("It is ", "calm 🙂"):
                yield said(types.Part(text=word), partial=True)
            whole = types.Part(text="It is calm 🙂")
            yield said(whole, partial=False, usage_metadata=USAGE, finish_reason="STOP")
            return
        for word in ("I look ", "it up."):
            yield said(types.Part(text=word, thought=True), partial=True)
        thought = types.Part(text="I look it up.", thought=True)
        if words == "Break":
            yield said(types.Part(text="Half an "), partial=True)
            raise RuntimeError("the model is overloaded")
        name = "approve" if words == "Approve" else "wind"
        yield said(thought, call(name), partial=False, usage_metadata=USAGE)


def wind(city: str) -> str:
    """The wind in a city."""
    return f"calm in {city}"


def approve(city: str) -> None:
    """Asks a person."""


tools = [wind, LongRunningFunctionTool(func=approve)]
root_agent = Agent(name="weather", model=Scripted(model="tiny"), tools=tools)
'''

QUESTIONS = {
    "adk_tool": "Look",
    "adk_short": "Short",
    "adk_error": "Break",
    "adk_long_running": "Approve",
}


def main(folder: Path) -> None:
    from google.adk.cli.fast_api import get_fast_api_app
    from starlette.testclient import TestClient

    with tempfile.TemporaryDirectory() as agents:
        Path(agents, "weather").mkdir()
        Path(agents, "weather", "__init__.py").write_text("from . import agent\n")
        Path(agents, "weather", "agent.py").write_text(AGENT, encoding="utf-8")
        app = get_fast_api_app(agents_dir=agents, web=False, use_local_storage=False)
        client = TestClient(app)
        for name, question in QUESTIONS.items():
            session = f"/apps/weather/users/user/sessions/{name}"
            assert client.post(session, json={}).status_code == 200
            body = {
                "app_name": "weather",
                "user_id": "user",
                "session_id": name,
                "streaming": True,
                "new_message": {"role": "user", "parts": [{"text": question}]},
            }
            answer = client.post("/run_sse", json=body)
            assert answer.headers["content-type"].startswith("text/event-stream")
            (folder / f"{name}.txt").write_text(lasting(answer.text), encoding="utf-8")
        missing = client.post("/run_sse", json=body | {"session_id": "none"})
        assert (missing.status_code, missing.json()["detail"]) == (404, "Session not found: none")


def lasting(body: str) -> str:
    """Replace what differs each time."""
    ids: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        return ids.setdefault(found[0], f"id-{len(ids) + 1}")

    body = re.sub(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", named, body)
    return re.sub(r'"timestamp":( ?)[\d.]+', r'"timestamp":\g<1>1790000000.5', body)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
