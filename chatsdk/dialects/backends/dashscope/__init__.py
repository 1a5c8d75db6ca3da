"""The native protocol of Alibaba's DashScope, also called Model Studio.

For the compatible mode, ``/compatible-mode/v1/chat/completions``, use ``openai``: it is OpenAI's
protocol with DeepSeek's ``reasoning_content``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from chatsdk.dialects.backends.dashscope.decoder import DashScopeDecoder
from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.request import paired
from chatsdk.dialects.tool_calls import written_calls, written_tools
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
