"""Genkit: flows served by Express, Next.js or Flask."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.field_path import find, keys_of, placed
from chatsdk.dialects.finish_reasons import reason_of
from chatsdk.dialects.payload import (
    as_list,
    as_name,
    as_object,
    as_text,
    as_whole,
    extra_object,
    failure_in,
    load_object,
)
from chatsdk.dialects.request import user_prompt
from chatsdk.messages import Message
from chatsdk.parts import End, Finish, Part, Reasoning, Text, ToolCallDelta, UsageUpdate
from chatsdk.sse import ServerSentEvent

__all__ = ["Genkit"]

FINISH = {"blocked": "content_filter", "interrupted": "tool_calls", "unknown": "other"}


class Genkit(Dialect):
    """A Genkit flow.

    The flow's author chooses its input and its chunks. Text and the chunks of Genkit's models are
    decoded; for custom objects, `text` gives the field with the text.

    Args:
        text: the field with the text, in each chunk and in the result.
        prompt: the field of the flow's input for the prompt; ``""`` if the input is text.
    """

    about = About(
        name="genkit",
        backend="Genkit",
        version="genkit 1.42.0",
        page="https://genkit.dev/docs/deployment/any-platform/",
        endpoint="POST /{flow}",
        end_marker='data: {"result": ...}',
        finish_reason=True,
        history="server",
        response_headers=(("Content-Type", "text/plain"),),
        reasoning=True,
        tools=True,
        usage=True,
        runs_tools=True,
    )

    def __init__(self, *, text: str = "", prompt: str = "") -> None:
        self._text = text
        self._prompt = prompt
        keys_of(text)
        keys_of(prompt)

    def decoder(self, content_type: str = "") -> Decoder:
        return GenkitDecoder(self, self._text)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the flow's input: the prompt, with options as fields next to it."""
        if options.pop("tools", None):
            raise ValueError("Genkit runs its tools itself: add them to the flow")
        message = user_prompt(messages, "Genkit")
        if message.images:
            raise ValueError("the flow decides what it takes: use client.send({'data': ...})")
        if conversation_id is not None:
            options = {"sessionId": conversation_id} | options
        if not self._prompt and options:
            raise ValueError(
                "a flow whose input is text takes nothing else: name the field of the prompt, "
                "dialects.genkit(prompt='question')"
            )
        return {"data": placed(options or None, keys_of(self._prompt), message.content)}

    def document(self, payload: Any) -> Sequence[Part] | None:
        """Decode the result of a flow without streaming."""
        if not isinstance(payload, dict) or "result" not in payload:
            return None
        return GenkitDecoder(self, self._text).result(payload["result"])


class GenkitDecoder(Decoder):
    """Decodes the chunks of one flow, and its result."""

    def __init__(self, dialect: Dialect, text: str) -> None:
        self.dialect = dialect
        self._keys = keys_of(text)
        self._spoken = False
        self._calls: set[str] = set()

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        if not event.data.strip():
            return ()
        frame = load_object(event.data)
        if frame.get("error"):
            return (failure_in(frame),)
        if "result" in frame:
            return self.result(frame["result"])
        # With other fields next to it, it is the message of an error.
        return list(self._said(frame["message"])) if frame.keys() == {"message"} else ()

    def result(self, value: Any) -> list[Part]:
        """Return the parts of the flow's result: the text again, and how it ended."""
        parts: list[Part] = []
        whole = as_object(value, "result") if isinstance(value, dict) else {}
        spoken = self._spoken
        for part in self._said(whole.get("message", value) if not self._keys else value):
            # The result repeats the streamed content, except calls that wait for the client.
            if isinstance(part, ToolCallDelta) or not spoken:
                parts.append(part)
        usage = extra_object(whole.get("usage"))
        if usage:
            parts.append(
                UsageUpdate(
                    input=as_whole(usage.get("inputTokens")),
                    output=as_whole(usage.get("outputTokens")),
                    total=as_whole(usage.get("totalTokens")),
                    reasoning=as_whole(usage.get("thoughtsTokens")),
                    cached=as_whole(usage.get("cachedContentTokens")),
                )
            )
        reason = as_name(whole.get("finishReason"))
        if reason is not None:
            parts.append(Finish(reason_of(reason, FINISH), reason))
        return [*parts, End()]

    def _said(self, value: Any) -> Iterator[Part]:
        if self._keys:
            value = find(value, self._keys)
        if isinstance(value, str):
            if value:
                self._spoken = True
                yield Text(value)
            return
        content = value.get("content") if isinstance(value, dict) else None
        if not isinstance(content, list):
            return
        for item in as_list(content, "content"):
            part = as_object(item, "content[]")
            text = as_text(part.get("text"), "text")
            if text:
                self._spoken = True
                yield Text(text)
            thought = as_text(part.get("reasoning"), "reasoning")
            if thought:
                yield Reasoning(thought)
            if part.get("toolRequest"):
                yield from self._call(as_object(part["toolRequest"], "toolRequest"))

    def _call(self, request: dict[str, Any]) -> Iterator[Part]:
        name, ref = as_name(request.get("name")), as_name(request.get("ref"))
        given = request.get("input")
        arguments = json.dumps({} if given is None else given, ensure_ascii=False)
        key = ref or f"{name} {arguments}"
        if key not in self._calls:
            self._calls.add(key)
            yield ToolCallDelta(key, ref, name, arguments, replace=True)
