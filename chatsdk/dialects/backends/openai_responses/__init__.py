"""OpenAI's Responses API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from chatsdk.answer import Answer
from chatsdk.dialects.backends.openai_responses.body import CONVERSATION, write_body
from chatsdk.dialects.backends.openai_responses.decoder import ResponsesDecoder
from chatsdk.dialects.dialect import About, Decoder, Dialect, StopRequest
from chatsdk.messages import Message
from chatsdk.parts import Part

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["OpenAIResponses"]

# Statuses of a background response that does not contain an answer yet.
UNFINISHED = ("queued", "in_progress")


class OpenAIResponses(Dialect):
    """OpenAI's Responses API, also of gateways and compatible servers.

    OpenAI keeps the conversation: ``conversation_id`` is the id of the last response, sent as
    ``previous_response_id``, or that of a ``conversation``. A response to a request with
    ``store=False`` is not kept, so the next request repeats the messages. They include the model's
    reasoning if the request had ``include=["reasoning.encrypted_content"]``. Only tools that the
    client runs become tool calls of the answer.
    """

    about = About(
        name="openai_responses",
        backend="OpenAI Responses",
        version="openai 3.54.0",
        page="https://developers.openai.com/api/reference/resources/responses/streaming-events.md",
        endpoint="POST /v1/responses",
        end_marker="response.completed, response.incomplete or response.failed; agents: [DONE]",
        finish_reason=True,
        history="server",
        stop="POST /v1/responses/{id}/cancel, for background responses",
        reasoning=True,
        tools=True,
        citations=True,
        usage=True,
    )

    output_ways = ("schema", "json", "tool", "words")
    output_field = "text.format"

    passes_on = frozenset({"files"})

    def decoder(self, content_type: str = "") -> Decoder:
        return ResponsesDecoder(self)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the body; with `conversation_id`, only the messages after the last answer."""
        return write_body(messages, conversation_id, options)

    def with_schema(
        self, body: dict[str, Any], schema: dict[str, Any], name: str
    ) -> dict[str, Any]:
        """Return the body with the schema, strict if strict mode can express it."""

        from chatsdk.output.strict import for_openai

        strict = for_openai(schema)
        described = {"name": name, "schema": strict or schema, "strict": strict is not None}
        return _with_format(body, {"type": "json_schema", **described})

    def schema_in(self, options: Mapping[str, Any]) -> dict[str, Any] | None:
        text = options.get("text")
        from chatsdk.dialects.asked import schema_of_format

        return schema_of_format(text.get("format") if isinstance(text, Mapping) else None)

    def with_json(self, body: dict[str, Any]) -> dict[str, Any]:
        return _with_format(body, {"type": "json_object"})

    def with_forced_tool(self, body: dict[str, Any], name: str | None) -> dict[str, Any]:
        choice = "required" if name is None else {"type": "function", "name": name}
        return body | {"tool_choice": choice}

    def branches(self, conversation_id: str | None) -> bool:
        """Return true for the ids of responses; a ``conversation`` can only be appended to."""
        return not (conversation_id or "").startswith(CONVERSATION)

    def document(self, payload: Any) -> Sequence[Part] | None:
        """Decode a complete ``response``, sent although the request was for a stream."""
        if not isinstance(payload, dict) or payload.get("object") != "response":
            return None
        if payload.get("status") in UNFINISHED:
            return None
        decoder = ResponsesDecoder(self)
        return [*decoder.ended(payload, "completed"), *decoder.close()]

    def stop_request(self, answer: Answer, request: Mapping[str, Any]) -> StopRequest | None:
        """Return the request that cancels a background response; others end when closed."""
        if not request.get("background") or answer.id is None:
            return None
        path = f"/responses/{quote(answer.id, safe='')}/cancel"
        return StopRequest(path, relative="/responses")

    def read_request(self, body: Any) -> AskedFor:
        from chatsdk.dialects.backends.openai_responses.request import read

        return read(body)

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        from chatsdk.dialects.backends.openai_responses.encoder import encode

        return encode(parts, id=id, model=model)


def _with_format(body: dict[str, Any], form: dict[str, Any]) -> dict[str, Any]:
    return body | {"text": {**(body.get("text") or {}), "format": form}}
