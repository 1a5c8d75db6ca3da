"""The native protocol of Alibaba's DashScope, also called Model Studio.

For the compatible mode, ``/compatible-mode/v1/chat/completions``, use ``openai``: it is OpenAI's
protocol with DeepSeek's ``reasoning_content``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chatsdk.dialects.backends.dashscope.decoder import DashScopeDecoder
from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.request import paired
from chatsdk.dialects.tool_calls import forced_choice, written_calls, written_tools
from chatsdk.messages import Message
from chatsdk.parts import End, Part

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["DashScope"]


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

    output_ways = ("json", "schema", "tool", "words")
    output_field = "parameters.response_format"

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

    def with_schema(
        self, body: dict[str, Any], schema: dict[str, Any], name: str
    ) -> dict[str, Any] | None:
        """Return the body with the schema, which some of the models enforce."""

        from chatsdk.output.strict import for_openai

        strict = for_openai(schema)
        if strict is None:
            return None
        described = {"name": name, "schema": strict, "strict": True}
        return _with_parameter(
            body, "response_format", {"type": "json_schema", "json_schema": described}
        )

    def schema_in(self, options: Mapping[str, Any]) -> dict[str, Any] | None:
        from chatsdk.dialects.asked import schema_of_format

        return schema_of_format(options.get("response_format"))

    def with_json(self, body: dict[str, Any]) -> dict[str, Any]:
        return _with_parameter(body, "response_format", {"type": "json_object"})

    def with_forced_tool(self, body: dict[str, Any], name: str | None) -> dict[str, Any]:
        if name is None:
            # The API cannot ask for any tool.
            return body
        return _with_parameter(body, "tool_choice", forced_choice(name))

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


def _with_parameter(body: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    return body | {"parameters": body["parameters"] | {name: value}}
