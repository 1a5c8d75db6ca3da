"""The native protocol of Alibaba's DashScope, also called Model Studio.

For the compatible mode, ``/compatible-mode/v1/chat/completions``, use ``openai``: it is OpenAI's
protocol with DeepSeek's ``reasoning_content``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from chatsdk.dialects.backends.openai.calls import Calls
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
from chatsdk.dialects.request import paired
from chatsdk.dialects.tool_calls import written_calls, written_tools
from chatsdk.dialects.usage import sum_of
from chatsdk.messages import Message
from chatsdk.parts import (
    Citation,
    Citations,
    End,
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

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["DashScope", "DashScopeDecoder"]

FINISH = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
}

# Fields next to `input` and `parameters`; every other option is a parameter.
BESIDE = ("model", "resources", "debug")


class DashScope(Dialect):
    """DashScope's text and multimodal generation, and its applications.

    Args:
        text: ``"delta"``; ``"snapshot"`` for requests without ``incremental_output``, to which
            older models send the complete text up to now in each event. `body` requests this form.
            If a body contains ``incremental_output``, that decides how its answer is decoded.
    """

    about = About(
        name="dashscope",
        backend="Alibaba DashScope (native)",
        version="dashscope 2.0.2",
        page="https://www.alibabacloud.com/help/en/model-studio/qwen-api-via-dashscope",
        endpoint="POST /api/v1/services/aigc/text-generation/generation",
        finish_reason=True,
        reasoning=True,
        tools=True,
        citations=True,
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
        return DashScopeDecoder(self, snapshot=self._text == "snapshot")

    def headers(self, token: str | None) -> dict[str, str]:
        """Return the token's header, and the one that requests a stream."""
        return {**super().headers(token), "X-DashScope-SSE": "enable"}

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the body. Options except ``model`` go into ``parameters``.

        With images in the messages it is a body for ``multimodal-generation``.
        """
        messages = paired(messages)
        pictures = any(message.images for message in messages)
        parameters: dict[str, Any] = {
            "result_format": "message",
            "incremental_output": self._text == "delta",
        }
        tools = options.pop("tools", None)
        if tools:
            parameters["tools"] = written_tools(tools)
        body = {name: options.pop(name) for name in BESIDE if name in options}
        parameters |= options.pop("parameters", {})
        body["input"] = {"messages": [_message(message, pictures) for message in messages]}
        body["parameters"] = parameters | options
        return body

    def for_request(self, body: Any) -> Dialect:
        """Return this dialect with the ``text`` that the body requests."""
        parameters = body.get("parameters") if isinstance(body, dict) else None
        wanted = parameters.get("incremental_output") if isinstance(parameters, dict) else None
        if not isinstance(wanted, bool):
            return self
        return DashScope(text="delta" if wanted else "snapshot")

    def document(self, payload: Any) -> Sequence[Part] | None:
        """Decode a complete answer, sent because the header that requests a stream was missing."""
        if not isinstance(payload, dict) or not isinstance(payload.get("output"), dict):
            return None
        return [*DashScopeDecoder(self, snapshot=True).read(payload), End()]

    def read_request(self, body: Any) -> AskedFor:
        from chatsdk.dialects.backends.dashscope.request import read

        return read(body)

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        from chatsdk.dialects.backends.dashscope.encoder import encode

        return encode(parts, id=id, snapshot=self._text == "snapshot")


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
        usage = as_object(payload.get("usage"), "usage")
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
    search = as_object(output.get("search_info"), "search_info")
    found = [
        Citation(
            title=as_name(result.get("title")) or as_name(result.get("site_name")),
            url=as_name(result.get("url")),
            position=as_whole(result.get("index")),
        )
        for item in as_list(search.get("search_results"), "search_results")
        if (result := as_object(item, "search_results[]"))
    ]
    for item in as_list(output.get("doc_references"), "doc_references"):
        document = as_object(item, "doc_references[]")
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
    listed = as_list(usage.get("models"), "models")
    # An application counts each of its models separately.
    models = [as_object(item, "models[]") for item in listed] or [usage]
    out = as_object(usage.get("output_tokens_details"), "output_tokens_details")
    into = as_object(usage.get("prompt_tokens_details"), "prompt_tokens_details")
    cached = as_object(usage.get("input_tokens_details"), "input_tokens_details") | into
    return UsageUpdate(
        input=sum_of(item.get("input_tokens") for item in models),
        output=sum_of(item.get("output_tokens") for item in models),
        total=as_whole(usage.get("total_tokens")),
        reasoning=as_whole(out.get("reasoning_tokens")),
        cached=as_whole(cached.get("cached_tokens")),
    )


def _message(message: Message, pictures: bool) -> dict[str, Any]:
    written: dict[str, Any] = {"role": message.role, "content": message.content}
    if pictures:
        text = [{"text": message.content}] if message.content else []
        written["content"] = [*({"image": image.source} for image in message.images), *text]
    if message.role == "tool":
        written["tool_call_id"] = message.tool_call_id
        if message.name:
            written["name"] = message.name
    if message.tool_calls:
        written["tool_calls"] = written_calls(message)
    return written
