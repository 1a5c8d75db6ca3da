"""Decodes Ollama's lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.dialects.finish_reasons import reason_of
from chatsdk.dialects.payload import (
    as_list,
    as_name,
    as_object,
    as_text,
    as_whole,
    failure_in,
    load_object,
)
from chatsdk.parts import End, Finish, Identity, Part, Reasoning, Text, ToolCallDelta, UsageUpdate
from chatsdk.sse import ServerSentEvent

__all__ = ["FINISH", "OllamaDecoder"]


FINISH = {"stop": "stop", "length": "length", "load": "other", "unload": "other"}


class OllamaDecoder(Decoder):
    """Decodes the lines of one answer."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._model: object = None
        self._calls = 0

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        return self.read(load_object(event.data)) if event.data.strip() else ()

    def read(self, line: dict[str, Any]) -> Sequence[Part]:
        """Return the parts of one parsed line."""
        if line.get("error"):
            return (failure_in(line),)
        parts: list[Part] = []
        model = line.get("model")
        if model != self._model and model is not None:
            self._model = model
            parts.append(Identity(model=as_name(model)))
        message = line.get("message")
        if message is None:
            # /api/generate sends the same fields without a message around them.
            message = {"content": line.get("response"), "thinking": line.get("thinking")}
        self._message(as_object(message, "message"), parts)
        if line.get("done") is True:
            parts += self._end(line)
        return parts

    def _message(self, message: dict[str, Any], parts: list[Part]) -> None:
        thinking = as_text(message.get("thinking"), "thinking")
        if thinking:
            parts.append(Reasoning(thinking))
        content = as_text(message.get("content"), "content")
        if content:
            parts.append(Text(content))
        for item in as_list(message.get("tool_calls"), "tool_calls"):
            call = as_object(item, "tool_calls[]")
            function = as_object(call.get("function"), "function")
            arguments = function.get("arguments")
            if not isinstance(arguments, str):
                found = as_object(arguments, "arguments")
                arguments = json.dumps(found, ensure_ascii=False)
            name = as_text(function.get("name"), "name")
            id = as_name(call.get("id"))
            parts.append(ToolCallDelta(self._calls, id=id, name=name, arguments=arguments))
            self._calls += 1

    def _end(self, line: dict[str, Any]) -> Iterator[Part]:
        # Both are omitted if they are zero, for example if the prompt was cached.
        into, out = as_whole(line.get("prompt_eval_count")), as_whole(line.get("eval_count"))
        if into is not None or out is not None:
            yield UsageUpdate(input=into, output=out)
        native = as_name(line.get("done_reason"))
        if native is not None or self._calls:
            reason = reason_of(native or "stop", FINISH)
            # Ollama reports "stop" for tool calls too.
            called = self._calls and reason == "stop"
            yield Finish("tool_calls" if called else reason, native)
        yield End()
