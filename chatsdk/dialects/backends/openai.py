"""OpenAI chat completions, and the many servers that speak alike."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from chatsdk.dialects.contract import About, Decoder, Dialect
from chatsdk.dialects.payload import as_list, as_object, as_text, as_whole, load_object, refusal
from chatsdk.messages import Message
from chatsdk.parts import (
    End,
    Failure,
    Finish,
    Identity,
    Part,
    Reasoning,
    Text,
    TextSnapshot,
    ToolCallDelta,
    UsageUpdate,
)
from chatsdk.sse import ServerSentEvent, encode

__all__ = ["OpenAI", "OpenAIDecoder"]

FINISH = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


class OpenAI(Dialect):
    """OpenAI chat completions.

    Args:
        text: ``"delta"``, or ``"snapshot"`` for look-alikes whose ``delta.content`` is the whole
            text so far. That is never guessed: "ha", "ha", "haha" may be either.
    """

    about = About(
        name="openai",
        backend="OpenAI chat completions",
        version="openai 3.54.0",
        page="https://developers.openai.com/api/reference/resources/chat/subresources/completions/streaming-events.md",
        endpoint="POST /v1/chat/completions",
        end_marker="data: [DONE]",
        finish_reason=True,
        reasoning=True,
        tools=True,
        usage=True,
    )

    def __init__(self, *, text: str = "delta") -> None:
        if text not in ("delta", "snapshot"):
            raise ValueError(f"text is 'delta' or 'snapshot', not {text!r}")
        self._text = text

    @property
    def text(self) -> str:
        return self._text

    def decoder(self, content_type: str = "") -> Decoder:
        return OpenAIDecoder(self, snapshot=self._text == "snapshot")

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        tools = options.pop("tools", None)
        body: dict[str, Any] = {
            "messages": [_message(message) for message in messages],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if tools:
            body["tools"] = [{"type": "function", "function": dict(tool)} for tool in tools]
        return body | options

    def document(self, payload: Any) -> Sequence[Part] | None:
        """Read a ``chat.completion`` that came whole, though a stream was asked for."""
        if not isinstance(payload, dict) or not isinstance(payload.get("choices"), list):
            return None
        chunk = dict(payload)
        chunk["choices"] = [
            {**choice, "delta": choice.get("message")}
            for choice in payload["choices"]
            if isinstance(choice, dict)
        ]
        return [*OpenAIDecoder(self).read(chunk), End()]

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        return _encode(parts, id=id, model=model)


class OpenAIDecoder(Decoder):
    """Reads ``chat.completion.chunk`` frames."""

    def __init__(self, dialect: Dialect, *, snapshot: bool = False) -> None:
        self.dialect = dialect
        self._snapshot = snapshot
        self._identity: tuple[Any, Any] = (None, None)

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        data = event.data
        if data[:1] != "{":
            # better-sse writes the marker as a JSON string, with the quotes.
            if data.strip() in ("[DONE]", '"[DONE]"'):
                return (End(),)
            if not data.strip():
                return ()
        return self.read(load_object(data))

    def read(self, chunk: dict[str, Any]) -> Sequence[Part]:
        """Return the parts of one parsed chunk."""
        if chunk.get("error"):
            failure = refusal(json.dumps(chunk).encode(), failed=True)
            return (failure,) if failure is not None else ()
        parts: list[Part] = []
        identity = (chunk.get("id"), chunk.get("model"))
        if identity != self._identity:
            self._identity = identity
            parts.append(Identity(id=_name(identity[0]), model=_name(identity[1])))
        choices = chunk.get("choices")
        if choices:
            for choice in as_list(choices, "choices"):
                if choice.__class__ is not dict:
                    as_object(choice, "choices[]")
                elif not choice.get("index"):
                    # With several choices the first is the answer; the rest stand in `raw`.
                    self._choice(choice, parts)
        usage = chunk.get("usage")
        if usage:
            parts.append(_usage(as_object(usage, "usage")))
        return parts

    def _choice(self, choice: dict[str, Any], parts: list[Part]) -> None:
        delta = choice.get("delta")
        if delta:
            delta = as_object(delta, "delta")
            reasoning = delta.get("reasoning_content") or delta.get("reasoning")
            if reasoning and isinstance(reasoning, str):
                parts.append(Reasoning(reasoning))
            for name in ("content", "refusal"):
                text = delta.get(name)
                if text:
                    text = as_text(text, name)
                    parts.append(TextSnapshot(text) if self._snapshot else Text(text))
            calls = delta.get("tool_calls")
            if calls:
                self._tool_calls(as_list(calls, "tool_calls"), parts)
        reason = choice.get("finish_reason")
        if reason:
            native = as_text(reason, "finish_reason")
            parts.append(Finish(FINISH.get(native, "other"), native))

    def _tool_calls(self, calls: list[Any], parts: list[Part]) -> None:
        for place, item in enumerate(calls):
            call = as_object(item, "tool_calls[]")
            function = as_object(call.get("function"), "function")
            index = call.get("index")
            parts.append(
                ToolCallDelta(
                    index if isinstance(index, int) else place,
                    id=_name(call.get("id")),
                    name=_name(function.get("name")),
                    arguments=as_text(function.get("arguments"), "arguments"),
                )
            )


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _usage(usage: dict[str, Any]) -> UsageUpdate:
    out = as_object(usage.get("completion_tokens_details"), "completion_tokens_details")
    into = as_object(usage.get("prompt_tokens_details"), "prompt_tokens_details")
    return UsageUpdate(
        input=as_whole(usage.get("prompt_tokens")),
        output=as_whole(usage.get("completion_tokens")),
        total=as_whole(usage.get("total_tokens")),
        reasoning=as_whole(out.get("reasoning_tokens")),
        cached=as_whole(into.get("cached_tokens")),
    )


def _message(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        return {
            "role": "tool",
            "tool_call_id": message.tool_call_id,
            "content": message.content,
        }
    written: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.images:
        written["content"] = [
            *([{"type": "text", "text": message.content}] if message.content else []),
            *(
                {"type": "image_url", "image_url": {"url": image.source}}
                for image in message.images
            ),
        ]
    if message.tool_calls:
        written["content"] = message.content or None
        written["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    return written


NATIVE = {"refusal": "stop", "cancelled": "stop", "error": "stop", "other": "stop"}


def _encode(parts: Iterable[Part], *, id: str, model: str) -> Iterator[bytes]:
    calls: dict[int | str, int] = {}

    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return _frame(id, model, {"choices": [choice]})

    said = ""
    yield chunk({"role": "assistant", "content": ""})
    for part in parts:
        match part:
            case Text(text):
                said += text
                yield chunk({"content": text})
            case TextSnapshot(text):
                # There is no way to take text back in this dialect.
                delta, said = text[len(said) :] if text.startswith(said) else text, text
                yield chunk({"content": delta})
            case Reasoning(text):
                yield chunk({"reasoning_content": text})
            case ToolCallDelta():
                place = calls.setdefault(part.index, len(calls))
                function: dict[str, Any] = {"arguments": part.arguments}
                call: dict[str, Any] = {"index": place, "function": function}
                if part.name is not None:
                    function["name"] = part.name
                if part.id is not None:
                    call |= {"id": part.id, "type": "function"}
                yield chunk({"tool_calls": [call]})
            case Finish(reason, _):
                yield chunk({}, NATIVE.get(reason, reason))
            case UsageUpdate():
                yield _frame(id, model, {"choices": [], "usage": _written_usage(part)})
            case Failure(message, code):
                error = {"message": message, "type": "server_error", "code": code, "param": None}
                yield encode(json.dumps({"error": error}))
                return
            case Identity():
                id, model = part.id or id, part.model or model
            case _:
                pass
    yield encode("[DONE]")


def _frame(id: str, model: str, rest: dict[str, Any]) -> bytes:
    head = {"id": id, "object": "chat.completion.chunk", "created": 1790000000, "model": model}
    return encode(json.dumps(head | rest, ensure_ascii=False))


def _written_usage(usage: UsageUpdate) -> dict[str, Any]:
    given = (usage.input or 0, usage.output or 0)
    written: dict[str, Any] = {
        "prompt_tokens": given[0],
        "completion_tokens": given[1],
        "total_tokens": usage.total if usage.total is not None else sum(given),
    }
    if usage.reasoning is not None:
        written["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    if usage.cached is not None:
        written["prompt_tokens_details"] = {"cached_tokens": usage.cached}
    return written
