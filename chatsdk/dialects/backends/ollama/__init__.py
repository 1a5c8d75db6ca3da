"""Ollama's native API, JSON lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chatsdk.dialects.backends.ollama.body import write_body
from chatsdk.dialects.backends.ollama.decoder import OllamaDecoder
from chatsdk.dialects.content_type import media_type
from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.messages import Message
from chatsdk.parts import Part

if TYPE_CHECKING:
    from chatsdk.answer import Answer
    from chatsdk.dialects.asked import AskedFor

__all__ = ["Ollama"]


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

    output_ways = ("schema", "json", "words")
    output_field = "format"

    def decoder(self, content_type: str = "") -> Decoder:
        return OllamaDecoder(self)

    def framing(self, content_type: str = "") -> str:
        """Return ``"ndjson"``, unless a proxy has turned the lines into an event stream."""
        return "sse" if media_type(content_type) == "text/event-stream" else "ndjson"

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the body. Images are sent as content; image URLs raise `ValueError`."""
        return write_body(messages, options)

    def with_schema(
        self, body: dict[str, Any], schema: dict[str, Any], name: str
    ) -> dict[str, Any]:
        return body | {"format": schema}

    def schema_in(self, options: Mapping[str, Any]) -> dict[str, Any] | None:
        form = options.get("format")
        return form if isinstance(form, dict) else {"type": "object"} if form == "json" else None

    def with_json(self, body: dict[str, Any]) -> dict[str, Any]:
        return body | {"format": "json"}

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
