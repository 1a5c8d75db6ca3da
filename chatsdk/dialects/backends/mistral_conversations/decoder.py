"""Decodes the events of Mistral's conversations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.dialects.payload import (
    as_list,
    as_name,
    as_object,
    as_text,
    as_whole,
    extra_object,
    load_object,
)
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

__all__ = ["ConversationsDecoder"]


class ConversationsDecoder(Decoder):
    """Decodes the events of one response of a conversation."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._identity: tuple[str | None, str | None] = (None, None)
        self._waiting = False

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        if event.data.strip() in ("", "[DONE]"):
            return ()
        frame = load_object(event.data)
        kind = frame.get("type")
        read = _READ.get(kind if isinstance(kind, str) else event.event)
        return () if read is None else list(read(self, frame))

    def _started(self, frame: dict[str, Any]) -> Iterator[Part]:
        yield Identity(conversation_id=as_name(frame.get("conversation_id")))

    def _said(self, frame: dict[str, Any]) -> Iterator[Part]:
        identity = (as_name(frame.get("id")), as_name(frame.get("model")))
        if identity != self._identity:
            self._identity = identity
            yield Identity(id=identity[0], model=identity[1])
        content = frame.get("content")
        for chunk in content if isinstance(content, list) else (content,):
            yield from _chunk(chunk)

    def _function(self, frame: dict[str, Any]) -> Iterator[Part]:
        self._waiting = True
        id = as_text(frame.get("tool_call_id"), "tool_call_id")
        arguments = as_text(frame.get("arguments"), "arguments")
        yield ToolCallDelta(id, id or None, as_name(frame.get("name")), arguments)

    def _tool(self, frame: dict[str, Any]) -> Iterator[Part]:
        """Decode the call of one of Mistral's connectors."""
        id = as_text(frame.get("id"), "id")
        arguments = as_text(frame.get("arguments"), "arguments")
        yield ToolCallDelta(id, id or None, as_name(frame.get("name")), arguments)

    def _done(self, frame: dict[str, Any]) -> Iterator[Part]:
        usage = extra_object(frame.get("usage"))
        if usage:
            yield UsageUpdate(
                input=as_whole(usage.get("prompt_tokens")),
                output=as_whole(usage.get("completion_tokens")),
                total=as_whole(usage.get("total_tokens")),
            )
        if self._waiting:
            yield Finish("tool_calls")
        yield End()

    def _error(self, frame: dict[str, Any]) -> Iterator[Part]:
        code = frame.get("code")
        known = code if isinstance(code, str) else as_whole(code)
        yield Failure(as_text(frame.get("message"), "message") or f"code {code}", known)


_READ: dict[str, Callable[[ConversationsDecoder, dict[str, Any]], Iterator[Part]]] = {
    "conversation.response.started": ConversationsDecoder._started,
    "message.output.delta": ConversationsDecoder._said,
    "function.call.delta": ConversationsDecoder._function,
    "tool.execution.started": ConversationsDecoder._tool,
    "tool.execution.delta": ConversationsDecoder._tool,
    "conversation.response.done": ConversationsDecoder._done,
    "conversation.response.error": ConversationsDecoder._error,
}


def _chunk(value: Any) -> Iterator[Part]:
    if isinstance(value, str):
        if value:
            yield Text(value)
        return
    chunk = as_object(value, "content")
    kind = chunk.get("type")
    if kind == "text":
        text = as_text(chunk.get("text"), "text")
        if text:
            yield Text(text)
    elif kind == "thinking":
        thoughts = chunk.get("thinking")
        if isinstance(thoughts, str):
            thoughts = [{"text": thoughts}]
        for item in as_list(thoughts, "thinking"):
            thought = as_text(as_object(item, "thinking[]").get("text"), "text")
            if thought:
                yield Reasoning(thought)
    elif kind in ("tool_reference", "document_url"):
        url = as_name(chunk.get("url")) or as_name(chunk.get("document_url"))
        title = as_name(chunk.get("title")) or as_name(chunk.get("document_name"))
        snippet = as_name(chunk.get("description"))
        yield Citations((Citation(title=title, url=url, snippet=snippet),))
