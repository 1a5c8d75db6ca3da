"""Vercel's AI SDK: the UI message stream, as ``useChat`` reads it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from uuid import uuid4

from chatsdk.dialects.asking import embedded
from chatsdk.dialects.contract import About, Decoder, Dialect
from chatsdk.dialects.payload import (
    as_name,
    as_number,
    as_object,
    as_text,
    as_whole,
    load_object,
)
from chatsdk.messages import Image, Message
from chatsdk.parts import (
    Citation,
    Citations,
    End,
    Failure,
    Finish,
    Identity,
    Part,
    Reasoning,
    Text,
    ToolCallDelta,
    UsageUpdate,
)
from chatsdk.sse import ServerSentEvent

__all__ = ["Vercel", "VercelDecoder"]

FINISH = {
    "stop": "stop",
    "length": "length",
    "tool-calls": "tool_calls",
    "content-filter": "content_filter",
    "error": "error",
    "other": "other",
}


class Vercel(Dialect):
    """Version 1 of the UI message stream, of the AI SDK 5 to 7 and of whoever speaks like it.

    Text parts follow each other as they are. Calls of tools are among ``tool_calls`` whoever runs
    them; those that wait for the client show in ``finish_reason``. Usage and model are read from
    the message's metadata where the application puts them there, as ``usage`` or ``totalUsage``
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
        """Return an id for a chat; the protocol leaves naming it to the client."""
        return str(uuid4())

    def decoder(self, content_type: str = "") -> Decoder:
        return VercelDecoder(self)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Write the body that ``DefaultChatTransport`` writes.

        `conversation_id` is the chat's id, a new one without it. The protocol itself declares no
        tools: ``tools`` stands in the body like every other option, for a route that reads it.
        """
        body: dict[str, Any] = {
            "id": conversation_id or self.new_conversation(),
            "messages": _messages(messages),
            "trigger": "submit-message",
        }
        if not options.get("tools", True):
            del options["tools"]
        return body | options

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        from chatsdk.dialects.backends.vercel_encoding import encode

        return encode(parts, id=id, model=model)


class VercelDecoder(Decoder):
    """Reads the chunks of one UI message; ``data-*``, files and steps are not of the answer."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        # Of each call, the arguments that were streamed.
        self._pieces: dict[str, list[str]] = {}
        self._finished = False
        # Calls whose result did not come: the client is to run those tools.
        self._open: set[str] = set()

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        data = event.data
        if data[:1] != "{":
            text = data.strip()
            if text in ("[DONE]", '"[DONE]"'):
                return (End(),)
            if not text:
                return ()
        chunk = load_object(data)
        kind = chunk.get("type")
        if kind == "text-delta":
            return (Text(as_text(chunk.get("delta"), "delta")),)
        read = _READ.get(kind) if isinstance(kind, str) else None
        return read(self, chunk) if read is not None else ()

    def close(self) -> Sequence[Part]:
        # Look-alikes leave [DONE] out; the AI SDK itself does not wait for it.
        return (End(),) if self._finished else ()

    def _reasoning(self, chunk: dict[str, Any]) -> Sequence[Part]:
        return (Reasoning(as_text(chunk.get("delta"), "delta")),)

    def _call_start(self, chunk: dict[str, Any]) -> Sequence[Part]:
        id = as_text(chunk.get("toolCallId"), "toolCallId")
        self._pieces[id] = []
        self._open.add(id)
        return (ToolCallDelta(id, id, as_name(chunk.get("toolName"))),)

    def _call_delta(self, chunk: dict[str, Any]) -> Sequence[Part]:
        id = as_text(chunk.get("toolCallId"), "toolCallId")
        piece = as_text(chunk.get("inputTextDelta"), "inputTextDelta")
        self._pieces.setdefault(id, []).append(piece)
        return (ToolCallDelta(id, id, arguments=piece),)

    def _call_whole(self, chunk: dict[str, Any]) -> Sequence[Part]:
        id = as_text(chunk.get("toolCallId"), "toolCallId")
        self._open.add(id)
        given = chunk.get("input")
        streamed = "".join(self._pieces.pop(id, ()))
        call = ToolCallDelta(id, id, as_name(chunk.get("toolName")))
        # A call that was repaired on the server differs from what was streamed of it.
        if streamed == given or (streamed and _same(streamed, given)):
            return (call,)
        # What the model got wrong stays the text that it is.
        text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
        return (ToolCallDelta(id, id, call.name, text, replace=True),)

    def _call_ended(self, chunk: dict[str, Any]) -> Sequence[Part]:
        self._open.discard(as_text(chunk.get("toolCallId"), "toolCallId"))
        return ()

    def _source(self, chunk: dict[str, Any]) -> Sequence[Part]:
        more = as_object(chunk.get("providerMetadata"), "providerMetadata").get("chatsdk")
        more = more if isinstance(more, dict) else {}
        url = as_name(chunk.get("url"))
        citation = Citation(
            title=as_name(chunk.get("title")) or as_name(chunk.get("filename")),
            url=url,
            document=as_name(chunk.get("sourceId"))
            if url is None
            else as_name(more.get("document")),
            snippet=as_name(more.get("snippet")),
            score=as_number(more.get("score")),
            position=as_whole(more.get("position")),
        )
        return (Citations((citation,)),)

    def _start(self, chunk: dict[str, Any]) -> Sequence[Part]:
        return (Identity(id=as_name(chunk.get("messageId"))), *self._metadata(chunk))

    def _metadata(self, chunk: dict[str, Any]) -> Sequence[Part]:
        # The application's own: what does not fit is none of ours.
        found = chunk.get("messageMetadata")
        if not isinstance(found, dict):
            return ()
        parts: list[Part] = []
        model = as_name(found.get("model")) or as_name(found.get("modelId"))
        if model is not None:
            parts.append(Identity(model=model))
        for name in ("usage", "totalUsage"):
            if isinstance(found.get(name), dict):
                found = found[name]
                break
        usage = UsageUpdate(
            input=as_whole(found.get("inputTokens")),
            output=as_whole(found.get("outputTokens")),
            total=as_whole(found.get("totalTokens")),
            reasoning=as_whole(found.get("reasoningTokens")),
            cached=as_whole(found.get("cachedInputTokens")),
        )
        if usage != UsageUpdate():
            parts.append(usage)
        return parts

    def _finish(self, chunk: dict[str, Any]) -> Sequence[Part]:
        self._finished = True
        parts = [*self._metadata(chunk)]
        native = as_text(chunk.get("finishReason"), "finishReason")
        if native:
            parts.append(Finish(FINISH.get(native, "other"), native))
        elif self._open:
            # Version 5 says no reason.
            parts.append(Finish("tool_calls"))
        if native == "error":
            parts.append(Failure("the model failed, and its error part did not come"))
        return parts

    def _abort(self, chunk: dict[str, Any]) -> Sequence[Part]:
        return (Finish("cancelled", "abort"),)

    def _error(self, chunk: dict[str, Any]) -> Sequence[Part]:
        return (Failure(as_text(chunk.get("errorText"), "errorText")),)


_READ: dict[str, Callable[[VercelDecoder, dict[str, Any]], Sequence[Part]]] = {
    "start": VercelDecoder._start,
    "reasoning-delta": VercelDecoder._reasoning,
    "tool-input-start": VercelDecoder._call_start,
    "tool-input-delta": VercelDecoder._call_delta,
    "tool-input-available": VercelDecoder._call_whole,
    "tool-input-error": VercelDecoder._call_whole,
    "tool-output-available": VercelDecoder._call_ended,
    "tool-output-error": VercelDecoder._call_ended,
    "tool-output-denied": VercelDecoder._call_ended,
    "source-url": VercelDecoder._source,
    "source-document": VercelDecoder._source,
    "message-metadata": VercelDecoder._metadata,
    "finish": VercelDecoder._finish,
    "abort": VercelDecoder._abort,
    "error": VercelDecoder._error,
}


def _same(streamed: str, given: object) -> bool:
    try:
        return bool(json.loads(streamed) == given)
    except (ValueError, RecursionError):
        return False


def _messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    written: list[dict[str, Any]] = []
    calls: dict[str | None, dict[str, Any]] = {}
    for place, message in enumerate(messages, 1):
        if message.role == "tool":
            # A result stands in the message that asked for it.
            call = calls.get(message.tool_call_id)
            if call is None:
                raise ValueError(
                    f"no call before it has the id {message.tool_call_id!r} of a tool's result: "
                    "give the assistant's message with its tool_calls too"
                )
            call |= {"state": "output-available", "output": _json(message.content)}
            continue
        parts: list[dict[str, Any]] = []
        if message.content or not (message.images or message.tool_calls):
            parts.append({"type": "text", "text": message.content})
        parts += [_file(image) for image in message.images]
        for item in message.tool_calls:
            call = {
                "type": f"tool-{item.name}",
                "toolCallId": item.id,
                "state": "input-available",
                "input": _json(item.arguments),
            }
            calls[item.id] = call
            parts.append(call)
        before = written[-1] if written else None
        if before is not None and message.role == before["role"] == "assistant":
            # What it says once it has the results is a further step of the same message.
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
