"""Vercel's AI SDK 3.4 and 4: the data stream v1 for ``useChat``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from chatsdk.dialects.backends.vercel_v1.decoder import VercelV1Decoder
from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.messages import Message
from chatsdk.parts import Part

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["VercelV1"]


class VercelV1(Dialect):
    """Lines of a code, a colon and JSON, ``0:"Hello"``, usually as ``text/plain``.

    Sent by routes of the AI SDK 3.4 and 4, and by compatible servers in many languages, such as
    assistant-ui's ``assistant-stream``. ``tool_calls`` includes calls that the server runs and
    calls for the client; ``finish_reason`` shows whether some wait for the client.
    """

    about = About(
        name="vercel_v1",
        backend="Vercel AI SDK 3.4 and 4",
        version="ai 4.3.19, data stream v1",
        page="https://github.com/vercel/ai/blob/ai%404.3.19/content/docs/04-ai-sdk-ui/50-stream-protocol.mdx",
        endpoint="POST /api/chat",
        end_marker="d:{...}, or the last e:{...}",
        finish_reason=True,
        framing="lines",
        response_headers=(
            ("Content-Type", "text/plain; charset=utf-8"),
            ("x-vercel-ai-data-stream", "v1"),
        ),
        reasoning=True,
        tools=True,
        citations=True,
        usage=True,
        runs_tools=True,
    )

    def new_conversation(self) -> str:
        """Return an id for a new chat; the protocol lets the client choose it."""
        return str(uuid4())

    def framing(self, content_type: str = "") -> str:
        return "lines"

    def decoder(self, content_type: str = "") -> Decoder:
        return VercelV1Decoder(self)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the body as ``useChat`` of the AI SDK 4 does.

        `conversation_id` is the chat's id, by default a new one. The protocol does not declare
        tools: ``tools`` becomes a field of the body like every other option, for routes that use
        it.
        """
        body: dict[str, Any] = {
            "id": conversation_id or self.new_conversation(),
            "messages": _messages(messages),
        }
        if not options.get("tools", True):
            del options["tools"]
        return body | options

    def read_request(self, body: Any) -> AskedFor:
        from chatsdk.dialects.backends.vercel_v1.request import read

        return read(body)

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        from chatsdk.dialects.backends.vercel_v1.encoder import encode

        return encode(parts, id=id)

    def heartbeat(self, *, model: str = "built-in") -> bytes:
        """Return an empty list of data, because lines cannot be comments."""
        return b"2:[]\n"


def _messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    written: list[dict[str, Any]] = []
    calls: dict[str | None, dict[str, Any]] = {}
    for place, message in enumerate(messages, 1):
        if message.role == "tool":
            # A result belongs in the message with its call.
            call = calls.get(message.tool_call_id)
            if call is None:
                raise ValueError(
                    f"no call before it has the id {message.tool_call_id!r} of a tool's result: "
                    "give the assistant's message with its tool_calls too"
                )
            call |= {"state": "result", "result": _json(message.content)}
            continue
        parts: list[dict[str, Any]] = []
        if message.content or not message.tool_calls:
            parts.append({"type": "text", "text": message.content})
        for item in message.tool_calls:
            call = {
                "state": "call",
                "toolCallId": item.id,
                "toolName": item.name,
                "args": _json(item.arguments or "{}"),
            }
            calls[item.id] = call
            parts.append({"type": "tool-invocation", "toolInvocation": call})
        before = written[-1] if written else None
        if before is not None and message.role == before["role"] == "assistant":
            # The text after the results is a further step of the same message.
            before["parts"] += [{"type": "step-start"}, *parts]
            before["content"] += message.content
            continue
        told = {
            "id": message.id or f"message-{place}",
            "role": message.role,
            "content": message.content,
            "parts": parts,
        }
        if message.images:
            told["experimental_attachments"] = [
                {"url": image.source, "contentType": image.media_type or "image/*"}
                for image in message.images
            ]
        written.append(told)
    return written


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
