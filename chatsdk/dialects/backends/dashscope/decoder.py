"""Decodes DashScope's frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chatsdk.dialects.backends.openai.calls import Calls
from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.dialects.finish_reasons import reason_of
from chatsdk.dialects.payload import (
    as_list,
    as_name,
    as_object,
    as_text,
    as_whole,
    extra_object,
    extra_objects,
    failure_in,
    load_object,
)
from chatsdk.dialects.usage import sum_of
from chatsdk.parts import (
    Citation,
    Citations,
    Finish,
    Identity,
    Part,
    Reasoning,
    ReasoningSnapshot,
    Text,
    TextSnapshot,
    ToolCallDelta,
    UsageUpdate,
)
from chatsdk.sse import ServerSentEvent

__all__ = ["FINISH", "DashScopeDecoder"]


FINISH = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
}


class DashScopeDecoder(Decoder):
    """Decodes the events of one generation."""

    def __init__(self, dialect: Dialect, *, snapshot: bool) -> None:
        self.dialect = dialect
        self._snapshot = snapshot
        self._calls = Calls()

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        if not event.data.strip():
            return ()
        payload = load_object(event.data)
        if event.event == "error":
            return (failure_in(payload),)
        return self.read(payload)

    def read(self, payload: dict[str, Any]) -> Sequence[Part]:
        """Return the parts of one parsed event."""
        if payload.get("code"):
            # Gateways omit the event's name.
            return (failure_in(payload),)
        output = as_object(payload.get("output"), "output")
        session = as_name(output.get("session_id"))
        parts: list[Part] = []
        id = as_name(payload.get("request_id"))
        if id is not None or session is not None:
            parts.append(Identity(id=id, conversation_id=session))
        choices = as_list(output.get("choices"), "choices")
        if choices:
            for item in choices:
                choice = as_object(item, "choices[]")
                if not choice.get("index"):
                    self._message(as_object(choice.get("message"), "message"), parts)
                    self._finish(choice, parts)
        else:
            # result_format "text", and applications.
            self._text(as_text(output.get("text"), "text"), parts)
            self._thoughts(output, parts)
            self._finish(output, parts)
        cited = _cited(output)
        if cited:
            parts.append(Citations(tuple(cited)))
        usage = extra_object(payload.get("usage"))
        if usage:
            parts.append(_usage(usage))
        return parts

    def _message(self, message: dict[str, Any], parts: list[Part]) -> None:
        self._reasoning(as_text(message.get("reasoning_content"), "reasoning_content"), parts)
        content = message.get("content")
        if isinstance(content, list):
            pieces = [as_object(item, "content[]") for item in content]
            content = "".join(as_text(piece.get("text"), "text") for piece in pieces)
        self._text(as_text(content, "content"), parts)
        if not self._snapshot:
            parts += (part for part, _ in self._calls.pieces(message.get("tool_calls")))
            return
        for place, item in enumerate(as_list(message.get("tool_calls"), "tool_calls")):
            call = as_object(item, "tool_calls[]")
            function = as_object(call.get("function"), "function")
            index = call.get("index")
            parts.append(
                ToolCallDelta(
                    index if isinstance(index, int) else place,
                    # Only a call's first delta has them.
                    as_name(call.get("id")),
                    as_name(function.get("name")),
                    as_text(function.get("arguments"), "arguments"),
                    replace=True,
                )
            )

    def _thoughts(self, output: dict[str, Any], parts: list[Part]) -> None:
        """Decode an application's reasoning, which is listed with its searches and calls."""
        for item in as_list(output.get("thoughts"), "thoughts"):
            thought = as_object(item, "thoughts[]")
            if thought.get("action_type") == "reasoning":
                self._reasoning(as_text(thought.get("thought"), "thought"), parts)

    def _finish(self, choice: dict[str, Any], parts: list[Part]) -> None:
        native = as_text(choice.get("finish_reason"), "finish_reason")
        # The reason is the string "null" until the end.
        if native not in ("", "null"):
            parts.append(Finish(reason_of(native, FINISH), native))
            self.finished = True

    def _text(self, text: str, parts: list[Part]) -> None:
        if text:
            parts.append(TextSnapshot(text) if self._snapshot else Text(text))

    def _reasoning(self, text: str, parts: list[Part]) -> None:
        if text:
            parts.append(ReasoningSnapshot(text) if self._snapshot else Reasoning(text))


def _cited(output: dict[str, Any]) -> list[Citation]:
    search = extra_object(output.get("search_info"))
    found = [
        Citation(
            title=as_name(result.get("title")) or as_name(result.get("site_name")),
            url=as_name(result.get("url")),
            position=as_whole(result.get("index")),
        )
        for result in extra_objects(search.get("search_results"))
    ]
    for document in extra_objects(output.get("doc_references")):
        number = as_name(document.get("index_id"))
        found.append(
            Citation(
                title=as_name(document.get("title")) or as_name(document.get("doc_name")),
                url=as_name(document.get("doc_url")),
                document=as_name(document.get("doc_id")),
                snippet=as_name(document.get("text")),
                position=int(number) if number is not None and number.isdecimal() else None,
            )
        )
    return found


def _usage(usage: dict[str, Any]) -> UsageUpdate:
    # An application counts each of its models separately.
    models = extra_objects(usage.get("models")) or [usage]
    out = extra_object(usage.get("output_tokens_details"))
    into = extra_object(usage.get("prompt_tokens_details"))
    cached = extra_object(usage.get("input_tokens_details")) | into
    return UsageUpdate(
        input=sum_of(item.get("input_tokens") for item in models),
        output=sum_of(item.get("output_tokens") for item in models),
        total=as_whole(usage.get("total_tokens")),
        reasoning=as_whole(out.get("reasoning_tokens")),
        cached=as_whole(cached.get("cached_tokens")),
    )
