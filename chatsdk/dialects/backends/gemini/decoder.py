"""Decodes Gemini's responses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from chatsdk.dialects.backends.gemini.native import DIALECT, Content
from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.dialects.finish_reasons import GOOGLE, reason_of
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
from chatsdk.errors import ProtocolError
from chatsdk.parts import (
    Citation,
    Citations,
    Finish,
    Identity,
    Native,
    Part,
    Reasoning,
    Text,
    ToolCallDelta,
    UsageUpdate,
)
from chatsdk.sse import ServerSentEvent

__all__ = ["UNSET", "GeminiDecoder", "grounds", "usage_update"]

# Protocol Buffers' value for an unset field.
UNSET = "FINISH_REASON_UNSPECIFIED"


class GeminiDecoder(Decoder):
    """Decodes the ``GenerateContentResponse`` of each event."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._identity: tuple[object, object] = (None, None)
        self._usage: dict[str, Any] = {}
        self._calls = 0
        self._content = Content()
        # Whether the first candidate has its finish reason, and the others with output but without
        # one.
        self._ended = False
        self._speaking: set[int] = set()

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        data = event.data
        # Gateways add OpenAI's end marker to every API.
        if data[:1] != "{" and data.strip() in ("", "[DONE]"):
            return ()
        return self.read(load_object(data))

    def close(self) -> Sequence[Part]:
        kept = self._content.whole()
        return () if kept is None else (Native.of(DIALECT, kept),)

    def read(self, payload: dict[str, Any]) -> Sequence[Part]:
        """Return the parts of one parsed response."""
        if payload.get("error"):
            return (failure_in(payload),)
        parts: list[Part] = []
        identity = (payload.get("responseId"), payload.get("modelVersion"))
        if identity != self._identity and any(identity):
            self._identity = identity
            parts.append(Identity(id=as_name(identity[0]), model=as_name(identity[1])))
        candidates = as_list(payload.get("candidates"), "candidates")
        for value in candidates:
            candidate = as_object(value, "candidates[]")
            # The first of several candidates is the answer; the others are in `raw`.
            index = candidate.get("index")
            if not index:
                self._candidate(candidate, parts)
            elif isinstance(index, int):
                if candidate.get("finishReason"):
                    self._speaking.discard(index)
                else:
                    self._speaking.add(index)
        self.finished = self._ended and not self._speaking
        usage = extra_object(payload.get("usageMetadata"))
        # Every frame has the counts up to now.
        if usage and usage != self._usage:
            self._usage = usage
            parts.append(usage_update(usage))
        feedback = as_object(payload.get("promptFeedback"), "promptFeedback")
        blocked = as_name(feedback.get("blockReason"))
        if blocked is not None and not candidates:
            parts.append(Finish("content_filter", blocked))
        return parts

    def _candidate(self, candidate: dict[str, Any], parts: list[Part]) -> None:
        content = as_object(candidate.get("content"), "content")
        for value in as_list(content.get("parts"), "parts"):
            part = as_object(value, "parts[]")
            text = as_text(part.get("text"), "text")
            self._content.add(part, text)
            if text:
                parts.append(Reasoning(text) if part.get("thought") is True else Text(text))
            if part.get("functionCall") is not None:
                parts.append(self._call(as_object(part["functionCall"], "functionCall")))
        cited = [*grounds(candidate), *_recited(candidate)]
        if cited:
            parts.append(Citations(tuple(cited)))
        native = as_text(candidate.get("finishReason"), "finishReason")
        if native and native != UNSET:
            reason = reason_of(native, GOOGLE)
            # Gemini reports STOP for function calls too.
            called = reason == "stop" and self._calls
            parts.append(Finish("tool_calls" if called else reason, native))
            self._ended = True

    def _call(self, call: dict[str, Any]) -> Part:
        if call.get("partialArgs") or call.get("willContinue"):
            raise ProtocolError(
                "Gemini sent a function call in pieces, which chatsdk does not put together: "
                "leave streamFunctionCallArguments out of the request's toolConfig"
            )
        arguments = as_object(call.get("args"), "args")
        self._calls += 1
        return ToolCallDelta(
            self._calls,
            id=as_name(call.get("id")),
            name=as_text(call.get("name"), "name"),
            arguments=json.dumps(arguments, ensure_ascii=False),
        )


def grounds(candidate: dict[str, Any]) -> Iterator[Citation]:
    """Decode the citations in ``groundingMetadata``."""
    grounding = extra_object(candidate.get("groundingMetadata"))
    for place, chunk in enumerate(extra_objects(grounding.get("groundingChunks"))):
        for kind in ("web", "retrievedContext", "maps"):
            source = extra_object(chunk.get(kind))
            if source:
                yield Citation(
                    title=as_name(source.get("title")),
                    url=as_name(source.get("uri")),
                    document=as_name(source.get("documentName")) or as_name(source.get("placeId")),
                    snippet=as_name(source.get("text")),
                    # The index used by groundingSupports.
                    position=place,
                )


def _recited(candidate: dict[str, Any]) -> Iterator[Citation]:
    metadata = extra_object(candidate.get("citationMetadata"))
    # Vertex AI uses the second name.
    for name in ("citationSources", "citations"):
        for source in extra_objects(metadata.get(name)):
            yield Citation(title=as_name(source.get("title")), url=as_name(source.get("uri")))


def usage_update(usage: dict[str, Any]) -> UsageUpdate:
    """Decode ``usageMetadata``."""
    thoughts = as_whole(usage.get("thoughtsTokenCount"))
    return UsageUpdate(
        input=sum_of(map(usage.get, ("promptTokenCount", "toolUsePromptTokenCount"))),
        # The candidates' count does not include thoughts, but they are output and billed as such.
        output=sum_of(map(usage.get, ("candidatesTokenCount", "thoughtsTokenCount"))),
        total=as_whole(usage.get("totalTokenCount")),
        reasoning=thoughts,
        cached=as_whole(usage.get("cachedContentTokenCount")),
    )
