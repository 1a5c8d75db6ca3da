"""Vercel's AI SDK: the UI message stream for ``useChat``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from chatsdk.dialects.backends.vercel.decoder import VercelDecoder
from chatsdk.dialects.backends.vercel.native import DIALECT, add_metadata
from chatsdk.dialects.content_type import is_vercel_v1
from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.request import (
    embedded,
    failed,
    given_back,
    paired,
    whole_arguments,
)
from chatsdk.messages import Image, Message
from chatsdk.parts import Part

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["Vercel"]


class Vercel(Dialect):
    """Version 1 of the UI message stream, from the AI SDK 5 to 7 and compatible servers.

    Text parts are joined unchanged. ``tool_calls`` includes calls that the server runs and calls
    for the client; ``finish_reason`` shows whether some wait for the client. Usage and model come
    from the message's metadata, if the application puts them there as ``usage`` or ``totalUsage``
    and ``model``.
    """

    about = About(
        name="vercel",
        backend="Vercel AI SDK",
        version="ai 6.0.326, UI message stream v1",
        page="https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol",
        endpoint="POST /api/chat",
        end_marker="data: [DONE]",
        finish_reason=True,
        response_headers=(("x-vercel-ai-ui-message-stream", "v1"),),
        reasoning=True,
        tools=True,
        citations=True,
        usage=True,
        runs_tools=True,
    )

    def new_conversation(self) -> str:
        """Return an id for a new chat; the protocol lets the client choose it."""
        return str(uuid4())

    def for_response(self, content_type: str, headers: Mapping[str, str], head: bytes) -> Dialect:
        """Return `vercel_v1` for the stream of a route that runs on an older AI SDK."""
        if not is_vercel_v1(content_type, headers, head):
            return self
        from chatsdk.dialects.backends.vercel_v1 import VercelV1

        return VercelV1()

    passes_on = frozenset({"files"})

    def decoder(self, content_type: str = "") -> Decoder:
        return VercelDecoder(self)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the body as ``DefaultChatTransport`` does.

        `conversation_id` is the chat's id, by default a new one. The protocol itself does not
        declare tools: ``tools`` becomes a field of the body like every other option, for routes
        that use it.
        """
        body: dict[str, Any] = {
            "id": conversation_id or self.new_conversation(),
            "messages": _messages(messages),
            "trigger": "submit-message",
        }
        if not options.get("tools", True):
            del options["tools"]
        return body | options

    def read_request(self, body: Any) -> AskedFor:
        from chatsdk.dialects.backends.vercel.request import read

        return read(body)

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        from chatsdk.dialects.backends.vercel.encoder import encode

        return encode(parts, id=id, model=model)


def _messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    written: list[dict[str, Any]] = []
    calls: dict[str | None, dict[str, Any]] = {}
    for place, message in enumerate(paired(messages), 1):
        if message.role == "tool":
            # A result belongs in the message with its call.
            call = calls.get(message.tool_call_id)
            if call is None:
                raise ValueError(
                    f"no call before it has the id {message.tool_call_id!r} of a tool's result: "
                    "give the assistant's message with its tool_calls too"
                )
            if failed(message):
                call |= {"state": "output-error", "errorText": message.content}
            else:
                call |= {"state": "output-available", "output": _json(message.content)}
            continue
        parts: list[dict[str, Any]] = []
        if message.content or not (message.images or message.files or message.tool_calls):
            parts.append({"type": "text", "text": message.content})
        parts += [_file(image) for image in message.images]
        for file in message.files:
            part = {"type": "file", "mediaType": file.media_type, "url": file.source}
            parts.append(part | ({"filename": file.name} if file.name else {}))
        for item in message.tool_calls:
            call = {
                "type": f"tool-{item.name}",
                "toolCallId": item.id,
                "state": "input-available",
                "input": _json(whole_arguments(item)),
            }
            calls[item.id] = call
            parts.append(call)
        add_metadata(parts, given_back(message, DIALECT))
        before = written[-1] if written else None
        if before is not None and message.role == before["role"] == "assistant":
            # The text after the results is a further step of the same message.
            before["parts"] += [{"type": "step-start"}, *parts]
        else:
            id = message.id or f"message-{place}"
            written.append({"id": id, "role": message.role, "parts": parts})
    return written


def _file(image: Image) -> dict[str, Any]:
    found = embedded(image)
    media_type = found[0] if found is not None else image.media_type or "image/*"
    return {"type": "file", "mediaType": media_type, "url": image.source}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
