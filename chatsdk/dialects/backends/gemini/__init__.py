"""Google Gemini, ``streamGenerateContent?alt=sse``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

from chatsdk.dialects.backends.gemini.body import write_body
from chatsdk.dialects.backends.gemini.decoder import GeminiDecoder
from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.messages import Message
from chatsdk.parts import End, Failure, Part

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["Gemini"]

METHOD = ":streamGenerateContent"
NO_STREAM = (
    "Gemini answered with one JSON array in place of an event stream: add ?alt=sse to the URL, "
    f"as in .../models/NAME{METHOD}?alt=sse"
)


JSON_TYPE = "application/json"
JSON = {"responseMimeType": JSON_TYPE}


class Gemini(Dialect):
    """Google's Gemini API; Vertex AI answers in the same format.

    The URL contains the model, ``.../models/NAME:streamGenerateContent?alt=sse``. Without
    ``alt=sse`` the answer is a JSON array, not a stream. The dialect does not have an end marker:
    the finish reason and a clean end of the body show that the answer is complete. An error that
    breaks off a stream may be bare JSON, without ``data:``; clients decode that too.
    """

    about = About(
        name="gemini",
        backend="Google Gemini API",
        version="google-genai 3.4.0, v1beta",
        page="https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent",
        endpoint=f"POST /v1beta/models/{{model}}{METHOD}?alt=sse",
        finish_reason=True,
        reasoning=True,
        tools=True,
        citations=True,
        usage=True,
    )

    output_ways = ("schema", "json", "tool", "words")
    output_field = "generationConfig.responseJsonSchema"

    passes_on = frozenset({"files"})

    def decoder(self, content_type: str = "") -> Decoder:
        return GeminiDecoder(self)

    def headers(self, token: str | None) -> dict[str, str]:
        """Return the key as ``x-goog-api-key``."""
        return {} if token is None else {"x-goog-api-key": token}

    def url(self, url: str, *, conversation_id: str | None = None) -> str:
        """Return the URL with ``alt=sse``, which requests an event stream."""
        parts = urlsplit(url)
        if not parts.path.endswith(METHOD) or "alt" in parse_qs(parts.query):
            return url
        query = f"{parts.query}&alt=sse" if parts.query else "alt=sse"
        return urlunsplit(parts._replace(query=query))

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the body. ``model`` raises `ValueError`, because it belongs in the URL."""
        return write_body(messages, options)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> Failure | None:
        """Decode an error, also from a JSON array; an array of answers is an error too."""
        found = super().error(status, headers, body)
        if found is None and body.lstrip()[:1] == b"[":
            return Failure(NO_STREAM)
        return found

    def document(self, payload: Any) -> Sequence[Part] | None:
        """Decode a complete ``GenerateContentResponse``; an array of them gives ``None``."""
        if not isinstance(payload, dict):
            return None
        if not any(payload.get(name) for name in ("candidates", "promptFeedback")):
            return None
        decoder = GeminiDecoder(self)
        return [*decoder.read(payload), *decoder.close(), End()]

    def with_schema(
        self, body: dict[str, Any], schema: dict[str, Any], name: str
    ) -> dict[str, Any]:
        from chatsdk.output.strict import for_gemini

        found = {"responseJsonSchema": for_gemini(schema)}
        return _with_config(body, JSON | found)

    def schema_in(self, options: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return it in the keywords of JSON schema, although Google has variants of some."""
        config = options.get("generationConfig")
        if not isinstance(config, Mapping) or config.get("responseMimeType") != JSON_TYPE:
            return None
        found = config.get("responseJsonSchema", config.get("_responseJsonSchema"))
        if isinstance(found, dict):
            return found
        if config.get("responseSchema") is not None:
            raise ValueError("generationConfig.responseSchema: give responseJsonSchema instead")
        return {"type": "object"}

    def with_json(self, body: dict[str, Any]) -> dict[str, Any]:
        return _with_config(body, JSON)

    def with_forced_tool(self, body: dict[str, Any], name: str | None) -> dict[str, Any]:
        """Return the body in which the mode of function calls is ``ANY``."""
        names = {} if name is None else {"allowedFunctionNames": [name]}
        given = body.get("toolConfig") or {}
        return body | {"toolConfig": given | {"functionCallingConfig": {"mode": "ANY"} | names}}

    def read_request(self, body: Any) -> AskedFor:
        from chatsdk.dialects.backends.gemini.request import read

        return read(body)

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        from chatsdk.dialects.backends.gemini.encoder import encode

        return encode(parts, id=id, model=model)


def _with_config(body: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    return body | {"generationConfig": {**(body.get("generationConfig") or {}), **config}}
