"""Text Generation Inference's native API, which continues a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.finish_reasons import reason_of
from chatsdk.dialects.payload import as_name, as_object, as_text, as_whole, failure_in, load_object
from chatsdk.dialects.request import user_prompt
from chatsdk.messages import Message
from chatsdk.parts import End, Failure, Finish, Part, Text, UsageUpdate
from chatsdk.sse import ServerSentEvent

__all__ = ["TGI"]


class TGI(Dialect):
    """``/generate_stream`` of Text Generation Inference.

    It takes a prompt, not a conversation: the caller applies the model's chat template. For
    conversations use ``openai`` with the same server's ``/v1/chat/completions``.
    """

    about = About(
        name="tgi",
        backend="Text Generation Inference",
        version="huggingface_hub 2.4.0",
        page="https://huggingface.co/docs/text-generation-inference/reference/api_reference",
        endpoint="POST /generate_stream",
        end_marker='"generated_text" that is not null',
        finish_reason=True,
        usage=True,
    )

    output_ways = ("schema", "words")
    output_field = "parameters.grammar"

    def decoder(self, content_type: str = "") -> Decoder:
        return TGIDecoder(self)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the prompt; options become ``parameters``, such as ``max_new_tokens``."""
        parameters = {"details": True} | dict(options.pop("parameters", None) or {})
        return {"inputs": only_prompt(messages, options, "TGI"), "parameters": parameters | options}

    def with_schema(
        self, body: dict[str, Any], schema: dict[str, Any], name: str
    ) -> dict[str, Any]:
        grammar = {"type": "json", "value": schema}
        return body | {"parameters": body["parameters"] | {"grammar": grammar}}

    def document(self, payload: Any) -> Sequence[Part] | None:
        """Decode a complete answer, as from ``/generate``."""
        if isinstance(payload, list) and len(payload) == 1:
            payload = payload[0]
        if not isinstance(payload, dict) or not isinstance(payload.get("generated_text"), str):
            return None
        return [Text(payload["generated_text"]), *_ended(payload)]


class TGIDecoder(Decoder):
    """Decodes the tokens of one generation."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        if not event.data.strip():
            return ()
        frame = load_object(event.data)
        if frame.get("error"):
            failure = failure_in(frame)
            code = as_name(frame.get("error_type")) if failure.code is None else failure.code
            return (Failure(failure.message, code),)
        parts: list[Part] = []
        token = as_object(frame.get("token"), "token")
        text = as_text(token.get("text"), "text")
        if text and token.get("special") is not True:
            parts.append(Text(text))
        if frame.get("generated_text") is not None:
            parts += _ended(frame)
        return parts


def _ended(frame: dict[str, Any]) -> list[Part]:
    parts: list[Part] = []
    details = as_object(frame.get("details"), "details")
    if details:
        into, out = as_whole(details.get("input_length")), details.get("generated_tokens")
        parts.append(UsageUpdate(input=into, output=as_whole(out)))
        reason = as_name(details.get("finish_reason"))
        if reason is not None:
            parts.append(Finish(reason_of(reason, {}), reason))
    return [*parts, End()]


def only_prompt(messages: Sequence[Message], options: dict[str, Any], backend: str) -> str:
    """Return the prompt for a server that continues text.

    Raises:
        ValueError: there is content other than a prompt.
    """
    if options.pop("tools", None):
        raise ValueError(f"{backend}'s own API has no tools: use /v1/chat/completions")
    if len(messages) != 1 or messages[0].images:
        raise ValueError(
            f"{backend}'s own API continues one text: apply the model's chat template yourself and "
            "give the result as the prompt, or use /v1/chat/completions of the same server"
        )
    return user_prompt(messages, f"{backend}'s own API").content
