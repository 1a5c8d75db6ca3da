"""Anthropic Messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chatsdk.dialects.backends.anthropic.body import write_body
from chatsdk.dialects.backends.anthropic.decoder import AnthropicDecoder
from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.payload import as_list
from chatsdk.messages import Message
from chatsdk.parts import End, Part

if TYPE_CHECKING:
    from chatsdk.answer import Answer
    from chatsdk.dialects.asked import AskedFor

__all__ = ["Anthropic"]

# Accepted by every server of this dialect, including gateways and Amazon's older models. The next
# version, 2026-10-21, streams the same and refuses `temperature`; to use it, pass the client's
# `headers=`.
API_VERSION = "2023-06-01"


class Anthropic(Dialect):
    """Anthropic Messages, also over event streams from Amazon, Google and gateways.

    Only tools that the client runs become tool calls of the answer; searches and code that
    Anthropic runs are in ``raw``. Reasoning is sent back unchanged with its signatures, because the
    API refuses results of tools without them.
    """

    about = About(
        name="anthropic",
        backend="Anthropic Messages API",
        version="anthropic 2.12.0, API versions 2023-06-01 and 2026-10-21",
        page="https://docs.anthropic.com/en/api/messages-streaming",
        endpoint="POST /v1/messages",
        end_marker="event: message_stop",
        finish_reason=True,
        reasoning=True,
        tools=True,
        citations=True,
        usage=True,
    )

    output_ways = ("schema", "tool", "words")
    output_field = "output_config.format"

    passes_on = frozenset({"more", "files"})

    def decoder(self, content_type: str = "") -> Decoder:
        return AnthropicDecoder(self)

    def headers(self, token: str | None) -> dict[str, str]:
        """Return the API's version, and the key as ``x-api-key``."""
        version = {"anthropic-version": API_VERSION}
        return version if token is None else version | {"x-api-key": token}

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the body. The API requires ``max_tokens``; the default is 8192."""
        return write_body(messages, options)

    def with_schema(
        self, body: dict[str, Any], schema: dict[str, Any], name: str
    ) -> dict[str, Any] | None:
        """Return the body with the schema, for Claude 4.5 and later."""

        from chatsdk.output.strict import for_anthropic

        found = for_anthropic(schema)
        if found is None:
            return None
        form = {"type": "json_schema", "schema": found}
        return body | {"output_config": {**(body.get("output_config") or {}), "format": form}}

    def schema_in(self, options: Mapping[str, Any]) -> dict[str, Any] | None:
        config = options.get("output_config")
        from chatsdk.dialects.asked import schema_of_format

        return schema_of_format(config.get("format") if isinstance(config, Mapping) else None)

    def with_forced_tool(self, body: dict[str, Any], name: str | None) -> dict[str, Any]:
        choice = {"type": "any"} if name is None else {"type": "tool", "name": name}
        return body | {"tool_choice": choice}

    def document(self, payload: Any) -> Sequence[Part] | None:
        """Decode a complete ``message``, sent although the request was for a stream."""
        if not isinstance(payload, dict) or payload.get("type") != "message":
            return None
        decoder = AnthropicDecoder(self)
        parts = [*decoder.read("message_start", {"message": payload})]
        for index, block in enumerate(as_list(payload.get("content"), "content")):
            parts += decoder.read("content_block_start", {"index": index, "content_block": block})
            parts += decoder.read("content_block_stop", {"index": index})
        return [*parts, *decoder.read("message_delta", {"delta": payload}), *decoder.close(), End()]

    def read_request(self, body: Any) -> AskedFor:
        from chatsdk.dialects.backends.anthropic.request import read

        return read(body)

    def encode_document(
        self, answer: Answer, *, id: str = "answer-1", model: str = "built-in"
    ) -> dict[str, Any]:
        from chatsdk.dialects.backends.anthropic.document import document

        return document(answer, id=id, model=model)

    @property
    def models_path(self) -> str:
        return "/v1/models"

    def encode_models(self, names: Sequence[str]) -> dict[str, Any]:
        from chatsdk.dialects.backends.anthropic.document import models

        return models(names)

    def encode_error(self, message: str, *, kind: str) -> dict[str, Any]:
        from chatsdk.dialects.backends.anthropic.document import error

        return error(message, kind)

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        from chatsdk.dialects.backends.anthropic.encoder import encode

        return encode(parts, id=id, model=model)
