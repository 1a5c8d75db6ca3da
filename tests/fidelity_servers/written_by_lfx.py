"""Transcripts of Langflow's own components: written_by_lfx.py FOLDER

It needs lfx==1.13.0, which is what Langflow runs flows with. A component sends its messages as a
flow does, with a scripted model. Ids and times are replaced, because they differ each time.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessageChunk
from lfx.components.input_output import ChatOutput
from lfx.events.event_manager import create_stream_tokens_event_manager
from lfx.schema.content_block import ContentBlock
from lfx.schema.content_types import ToolContent
from lfx.schema.message import Message

USAGE = {"input_tokens": 7, "output_tokens": 6, "total_tokens": 13}


async def model(broken: bool) -> AsyncIterator[AIMessageChunk]:
    yield AIMessageChunk(content="It is ")
    if broken:
        raise RuntimeError("the model is overloaded")
    yield AIMessageChunk(content="calm 🙂")
    yield AIMessageChunk(content="", usage_metadata=USAGE)


def machine(text: Any, **more: Any) -> Message:
    return Message(text=text, sender="Machine", sender_name="AI", session_id="session-1", **more)


async def run(name: str) -> bytes:
    queue: asyncio.Queue[Any] = asyncio.Queue()
    manager = create_stream_tokens_event_manager(queue)
    component = ChatOutput(_session_id="session-1")
    component.set_event_manager(manager)
    question = Message(text="Hi", sender="User", sender_name="User", session_id="session-1")
    await component.send_message(question)
    result = {"session_id": "session-1", "outputs": []}
    try:
        if name == "lfx_agent":
            tool = ToolContent(name="wind", tool_input={"city": "Zürich"}, output="calm")
            block = ContentBlock(title="Agent Steps", contents=[tool])
            await component.send_message(machine("It is calm 🙂", content_blocks=[block]))
        else:
            await component.send_message(machine(model(broken=name == "lfx_error")))
        manager.on_end(data={"result": result})
    except Exception as error:
        # As Langflow's run endpoint does.
        manager.on_error(data={"error": str(error)})
    frames = []
    while not queue.empty():
        frames.append(queue.get_nowait()[1])
    return b"".join(frames)


def lasting(body: str) -> str:
    """Replace what differs each time."""
    ids: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        return ids.setdefault(found[0], f"id-{len(ids) + 1}")

    body = re.sub(r'(?<="id": ")[\w-]{21}(?=")', named, body)
    body = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?", "2026-11-29 12:00:00", body)
    return re.sub(r'("\w*duration": ?)[\d.]+', r"\g<1>1", body)


def main(folder: Path) -> None:
    for name in ("lfx_stream", "lfx_agent", "lfx_error"):
        body = asyncio.run(run(name)).decode()
        (folder / f"{name}.txt").write_text(lasting(body), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
