"""AG-UI, the Agent User Interaction Protocol."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from chatsdk.dialects.backends.agui.decoder import AGUIDecoder
from chatsdk.dialects.backends.agui.native import DIALECT, add_encrypted
from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.request import embedded, failed, given_back, paired
from chatsdk.dialects.tool_calls import declared, written_calls
from chatsdk.messages import Image, Message
from chatsdk.parts import Part

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["AGUI"]


class AGUI(Dialect):
    """Agents with AG-UI over server-sent events, 1.0 and earlier versions.

    The answer is the text of the assistant's messages, joined, including those of subagents. State,
    activities and steps are in ``raw``.
    """

    about = About(
        name="agui",
        backend="AG-UI",
        version="ag-ui-protocol 1.0.0",
        page="https://docs.ag-ui.com/concepts/events",
        endpoint="POST, any path",
        end_marker="RUN_FINISHED, or RUN_ERROR",
        finish_reason=True,
        reasoning=True,
        tools=True,
        usage=True,
        runs_tools=True,
    )

    def new_conversation(self) -> str:
        """Return an id for a new thread; the protocol lets the client choose it."""
        return str(uuid4())

    def decoder(self, content_type: str = "") -> Decoder:
        return AGUIDecoder(self)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode a ``RunAgentInput``; `conversation_id` is the thread, by default a new one."""
        tools = options.pop("tools", None) or ()
        body = {
            "threadId": conversation_id or self.new_conversation(),
            "runId": str(uuid4()),
            "messages": [
                item
                for place, message in enumerate(paired(messages), 1)
                for item in _messages(message, place)
            ],
            "tools": [{"description": "", "parameters": {}} | declared(tool) for tool in tools],
            "context": [],
            "state": {},
            "forwardedProps": {},
        }
        return body | options

    def read_request(self, body: Any) -> AskedFor:
        from chatsdk.dialects.backends.agui.request import read

        return read(body)

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        from chatsdk.dialects.backends.agui.encoder import encode

        return encode(parts, id=id, model=model)


def _messages(message: Message, place: int) -> list[dict[str, Any]]:
    written = _message(message, place)
    return [*add_encrypted(written, given_back(message, DIALECT)), written]


def _message(message: Message, place: int) -> dict[str, Any]:
    id = message.id or f"message-{place}"
    written: dict[str, Any] = {"id": id, "role": message.role, "content": message.content}
    if message.role == "tool":
        error = {"error": message.content} if failed(message) else {}
        return written | {"toolCallId": message.tool_call_id} | error
    if message.images:
        written["content"] = [
            *([{"type": "text", "text": message.content}] if message.content else []),
            *({"type": "image", "source": _source(image)} for image in message.images),
        ]
    if message.tool_calls:
        written["toolCalls"] = written_calls(message)
    return written


def _source(image: Image) -> dict[str, Any]:
    found = embedded(image)
    if found is None:
        return {"type": "url", "value": image.url}
    return {"type": "data", "value": found[1], "mimeType": found[0]}
