"""Amazon Bedrock: ConverseStream, with an API key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chatsdk.dialects.backends.bedrock.decoder import BedrockDecoder
from chatsdk.dialects.content_type import media_type
from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.messages import Message
from chatsdk.parts import Failure, Part

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["Bedrock"]


class Bedrock(Dialect):
    """Bedrock's ``/model/{model}/converse-stream``, framed as Amazon's binary event stream.

    The token is a Bedrock API key, sent as a bearer token; requests are not signed. The URL
    contains the model, ``https://bedrock-runtime.{region}.amazonaws.com/model/{model}/...``; leave
    the placeholder ``{model}`` in it to choose the model with each request. Streams of
    ``invoke-with-response-stream`` are decoded if the model is Anthropic's.
    """

    about = About(
        name="bedrock",
        backend="Amazon Bedrock",
        version="ConverseStream, botocore 1.44",
        page="https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html",
        endpoint="POST /model/{model}/converse-stream",
        end_marker="metadata, after messageStop",
        finish_reason=True,
        framing="amazon",
        reasoning=True,
        tools=True,
        citations=True,
        usage=True,
    )

    output_ways = ("schema", "tool", "words")
    output_field = "outputConfig.textFormat"

    def framing(self, content_type: str = "") -> str:
        # Gateways and tests may answer with server-sent events.
        sse = media_type(content_type) == "text/event-stream"
        return "sse" if sse else "amazon"

    def decoder(self, content_type: str = "") -> Decoder:
        return BedrockDecoder(self)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the body. ``model`` raises `ValueError`, because it belongs in the URL.

        ``max_tokens``, ``temperature``, ``top_p`` and ``stop`` become ``inferenceConfig``.
        """
        from chatsdk.dialects.backends.bedrock.body import write_body

        return write_body(messages, options)

    def with_schema(
        self, body: dict[str, Any], schema: dict[str, Any], name: str
    ) -> dict[str, Any] | None:
        """Return the body with the schema, as text, for models with structured output.

        Source: https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html
        """

        from chatsdk.output.strict import for_anthropic

        found = for_anthropic(schema)
        if found is None:
            return None
        described = {"schema": json.dumps(found, ensure_ascii=False), "name": name}
        form = {"type": "json_schema", "structure": {"jsonSchema": described}}
        return body | {"outputConfig": {**(body.get("outputConfig") or {}), "textFormat": form}}

    def schema_in(self, options: Mapping[str, Any]) -> dict[str, Any] | None:
        found: Any = options
        for name in ("outputConfig", "textFormat", "structure", "jsonSchema", "schema"):
            found = found.get(name) if isinstance(found, Mapping) else None
        try:
            value = json.loads(found) if isinstance(found, str) else None
        except ValueError:
            raise ValueError("outputConfig.textFormat: the schema is not JSON") from None
        return value if isinstance(value, dict) else None

    def with_forced_tool(self, body: dict[str, Any], name: str | None) -> dict[str, Any]:
        choice: dict[str, Any] = {"any": {}} if name is None else {"tool": {"name": name}}
        return body | {"toolConfig": body["toolConfig"] | {"toolChoice": choice}}

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> Failure | None:
        """Decode an error; a header field has its kind."""
        found = super().error(status, headers, body)
        kind = headers.get("x-amzn-errortype", "").partition(":")[0]
        return found if found is None or not kind else Failure(found.message, kind)

    def read_request(self, body: Any) -> AskedFor:
        """Decode a client's request."""
        from chatsdk.dialects.backends.bedrock.request import read

        return read(body)

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        from chatsdk.dialects.backends.bedrock.encoder import encode

        return encode(parts)

    def heartbeat(self, *, model: str = "built-in") -> bytes:
        """Return nothing, because every frame has an effect."""
        return b""
