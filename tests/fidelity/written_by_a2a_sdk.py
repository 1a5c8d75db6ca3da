"""Transcripts of A2A's own server, in both versions and bindings: run it to write the files again.

Ids and times are replaced, because they differ each time.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers.default_request_handler_v2 import DefaultRequestHandlerV2
from a2a.server.routes.jsonrpc_routes import create_jsonrpc_routes
from a2a.server.routes.rest_routes import create_rest_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import (
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    AgentSkill,
    Message,
    Part,
    Role,
    Task,
    TaskState,
    TaskStatus,
)
from starlette.applications import Starlette

FOLDER = Path(__file__).parent.parent / "transcripts" / "a2a"


class Executor(AgentExecutor):
    """Answers as the question asks for."""

    async def execute(self, context: Any, event_queue: Any) -> None:
        question = context.get_user_input()
        if question == "Message":
            parts = [Part(text="Just a message 🙂")]
            said = Message(message_id="m1", role=Role.ROLE_AGENT, parts=parts)
            await event_queue.enqueue_event(said)
            return
        task = Task(
            id=context.task_id,
            context_id=context.context_id,
            status=TaskStatus(state=TaskState.TASK_STATE_SUBMITTED),
            history=[context.message],
        )
        await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        looking = updater.new_agent_message([Part(text="Looking.")])
        await updater.start_work(looking)
        if question == "Ask":
            await updater.requires_input(updater.new_agent_message([Part(text="Which city?")]))
            return
        pieces = ("It is ", "calm ", "🙂\n")
        for place, piece in enumerate(pieces):
            if question == "Break" and place == 1:
                words = updater.new_agent_message([Part(text="the model is overloaded")])
                await updater.failed(words)
                return
            await updater.add_artifact(
                [Part(text=piece)],
                artifact_id="a1",
                name="answer",
                append=place > 0,
                last_chunk=place == len(pieces) - 1,
            )
        await updater.complete()

    async def cancel(self, context: Any, event_queue: Any) -> None:
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


def application() -> Starlette:
    interfaces = [
        AgentInterface(url="http://agent/", protocol_binding="JSONRPC", protocol_version=version)
        for version in ("1.0", "0.3")
    ]
    card = AgentCard(
        name="agent",
        description="Tells the weather.",
        version="1",
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="wind", name="wind", description="The wind.", tags=["weather"])],
        capabilities=AgentCapabilities(streaming=True),
        supported_interfaces=interfaces,
    )
    handler = DefaultRequestHandlerV2(Executor(), InMemoryTaskStore(), card)
    routes = [
        *create_jsonrpc_routes(handler, "/", enable_v0_3_compat=True),
        *create_rest_routes(handler, path_prefix="/rest"),
    ]
    return Starlette(routes=routes)


# The version, the path and the question of each transcript.
ASKED = {
    "sdk_1_0": ("1.0", "/", "Look"),
    "sdk_0_3": ("0.3", "/", "Look"),
    "sdk_rest": ("1.0", "/rest/message:stream", "Look"),
    "sdk_message": ("1.0", "/", "Message"),
    "sdk_question": ("1.0", "/", "Ask"),
    "sdk_failed": ("1.0", "/", "Break"),
    "sdk_failed_0_3": ("0.3", "/", "Break"),
}


async def body(name: str) -> bytes:
    """Return the server's answer to chatsdk's body."""
    from chatsdk import dialects

    version, path, question = ASKED[name]
    dialect = dialects.a2a(version=version).at(f"http://agent{path}")
    messages = [_message(question)]
    transport = httpx.ASGITransport(app=application())
    async with httpx.AsyncClient(transport=transport, base_url="http://agent") as client:
        asked = dialect.body(messages, conversation_id="context-1")
        found = await client.post(path, json=asked, headers=dialect.headers(None))
    assert found.headers["content-type"].startswith("text/event-stream"), found.text
    return lasting(found.text).encode()


def _message(words: str) -> Any:
    from chatsdk.messages import Message

    return Message("user", words, id="u1")


def lasting(text: str) -> str:
    """Replace what differs each time."""
    ids: dict[str, str] = {}
    text = re.sub(
        r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        lambda found: ids.setdefault(found[0], f"id-{len(ids) + 1}"),
        text,
    )
    return re.sub(r'"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)"', '"2026-11-29T12:00:00Z"', text)


if __name__ == "__main__":
    import asyncio

    for transcript in ASKED:
        (FOLDER / f"{transcript}.txt").write_bytes(asyncio.run(body(transcript)))
