"""Ollama's native API, JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from chatsdk.answer import ToolCall
from chatsdk.dialects.content_type import media_type
from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.payload import (
    as_list,
    as_name,
    as_object,
    as_text,
    as_whole,
    failure_in,
    load_object,
)
from chatsdk.dialects.reasons import reason_of
from chatsdk.dialects.request import (
    arguments_of,
    embedded,
    thoughts_to_give_back,
    tool_name,
)
from chatsdk.dialects.tool_calls import written_tools
from chatsdk.messages import Image, Message
from chatsdk.parts import (
    End,
    Finish,
    Identity,
    Part,
    Reasoning,
    Text,
    ToolCallDelta,
    UsageUpdate,
)
from chatsdk.sse import ServerSentEvent

if TYPE_CHECKING:
    from chatsdk.answer import Answer
    from chatsdk.dialects.asked import AskedFor

__all__ = ["Ollama", "OllamaDecoder"]

FINISH = {"stop": "stop", "length": "length", "load": "other", "unload": "other"}


class Ollama(Dialect):
    """Ollama's ``/api/chat``; answers of ``/api/generate`` are decoded too.

    Each line is one JSON object, including the error that breaks off a stream. Tool calls arrive
    complete. Older servers do not give them ids, so their results are matched by the tool's name.
    The reasoning of a turn with tools is sent back too, as in Ollama's documentation of tools.
    """

    about = About(
        name="ollama",
        backend="Ollama",
        version="ollama/ollama fb30760, ollama 0.6.3",
        page="https://github.com/ollama/ollama/blob/main/docs/api.md",
        endpoint="POST /api/chat",
        end_marker='"done": true',
        finish_reason=True,
        framing="ndjson",
        reasoning=True,
        tools=True,
        usage=True,
    )

    def decoder(self, content_type: str = "") -> Decoder:
        return OllamaDecoder(self)

    def framing(self, content_type: str = "") -> str:
        """Return ``"ndjson"``, unless a proxy has turned the lines into an event stream."""
        return "sse" if media_type(content_type) == "text/event-stream" else "ndjson"

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the body. Images are sent as content; image URLs raise `ValueError`."""
        tools = options.pop("tools", None)
        body: dict[str, Any] = {
            "messages": [
                _message(message, messages) | ({"thinking": thought} if thought else {})
                for message, thought in zip(messages, thoughts_to_give_back(messages), strict=True)
            ],
            "stream": True,
        }
        if tools:
            body["tools"] = written_tools(tools)
        return body | options

    def document(self, payload: Any) -> Sequence[Part] | None:
        """Decode a complete answer, as for ``"stream": false``."""
        if not isinstance(payload, dict) or payload.get("done") is not True:
            return None
        if not isinstance(payload.get("message", payload.get("response")), (dict, str)):
            return None
        return OllamaDecoder(self).read(payload)

    def read_request(self, body: Any) -> AskedFor:
        from chatsdk.dialects.backends.ollama.request import read

        return read(body)

    def encode_document(
        self, answer: Answer, *, id: str = "answer-1", model: str = "built-in"
    ) -> dict[str, Any]:
        from chatsdk.dialects.backends.ollama.document import document

        return document(answer, id=id, model=model)

    @property
    def models_path(self) -> str:
        return "/api/tags"

    def encode_models(self, names: Sequence[str]) -> dict[str, Any]:
        from chatsdk.dialects.backends.ollama.document import models

        return models(names)

    def encode_error(self, message: str, *, kind: str) -> dict[str, Any]:
        from chatsdk.dialects.backends.ollama.document import error

        return error(message, kind)

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        from chatsdk.dialects.backends.ollama.encoder import encode

        return encode(parts, id=id, model=model)

    def heartbeat(self, *, model: str = "built-in") -> bytes:
        """Return a line without content, because Ollama's client does not accept an empty line."""
        from chatsdk.dialects.backends.ollama.encoder import heartbeat

        return heartbeat(model)


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


def _message(message: Message, messages: Sequence[Message]) -> dict[str, Any]:
    written: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.images:
        written["images"] = [_image(image) for image in message.images]
    if message.tool_calls:
        written["tool_calls"] = [written_call(call) for call in message.tool_calls]
    if message.role == "tool":
        written["tool_name"] = tool_name(message, messages)
        if message.tool_call_id:
            written["tool_call_id"] = message.tool_call_id
    return written


def written_call(call: ToolCall, index: int | None = None) -> dict[str, Any]:
    """Encode a call as it appears in a message."""
    function: dict[str, Any] = {"name": call.name or "", "arguments": arguments_of(call)}
    if index is not None:
        function["index"] = index
    return {"function": function} | ({"id": call.id} if call.id else {})


def _image(image: Image) -> str:
    found = embedded(image)
    if found is None:
        raise ValueError(
            "Ollama takes pictures by their content and not by an address: "
            "give Image(data=<base64>, media_type='image/png')"
        )
    return found[1]
