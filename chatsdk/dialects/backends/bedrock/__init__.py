"""Amazon Bedrock: ConverseStream, with an API key."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chatsdk.amazon_frames import EXCEPTION
from chatsdk.dialects.backends.bedrock.converse import ConverseReader
from chatsdk.dialects.content_type import media_type
from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.payload import as_name, as_object, as_text, load_object
from chatsdk.messages import Message
from chatsdk.parts import End, Failure, Part
from chatsdk.sse import ServerSentEvent

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


class BedrockDecoder(Decoder):
    """Decodes the events of one turn of a model."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._reader = ConverseReader()
        # The provider's decoder, for the events inside `chunk`.
        self._inner: Decoder | None = None

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        name = event.event
        if name == "chunk":
            return self._chunk(load_object(event.data))
        value = load_object(event.data) if event.data.strip() else {}
        if name.startswith(EXCEPTION):
            said = as_name(value.get("originalMessage")) or as_text(value.get("message"), "message")
            kind = name.removeprefix(EXCEPTION)
            return (Failure(said or kind or "Bedrock failed without a message", kind or None),)
        parts = list(self._reader.read(name, value))
        if name == "messageStop":
            self.finished = True
            if self._reader.stopped is not None:
                parts.append(self._reader.stopped)
        if name == "metadata" and self._reader.stopped is not None:
            parts.append(End())
        return parts

    def close(self) -> Sequence[Part]:
        return () if self._inner is None else self._inner.close()

    def _chunk(self, value: dict[str, Any]) -> Sequence[Part]:
        try:
            data = base64.b64decode(as_text(value.get("bytes"), "bytes")).decode("utf-8", "replace")
        except ValueError:
            return ()
        if self._inner is None:
            from chatsdk.dialects.backends.anthropic import Anthropic

            self._inner = Anthropic().decoder()
        try:
            kind = as_object(json.loads(data), "chunk").get("type")
        except (ValueError, RecursionError):
            return ()
        return self._inner.decode(ServerSentEvent(kind if isinstance(kind, str) else "", data))
