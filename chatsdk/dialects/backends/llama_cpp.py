"""llama.cpp's native API, which continues a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chatsdk.dialects.backends.tgi import only_prompt
from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.finish_reasons import reason_of
from chatsdk.dialects.payload import as_name, as_text, as_whole, failure_in, load_object
from chatsdk.messages import Message
from chatsdk.parts import End, Finish, Identity, Part, Text, UsageUpdate
from chatsdk.sse import ServerSentEvent

__all__ = ["LlamaCpp"]

FINISH = {"eos": "stop", "word": "stop", "limit": "length"}

# Flags of servers before `stop_type`; one of them is true.
OLD_FINISH = {"stopped_eos": "eos", "stopped_word": "word", "stopped_limit": "limit"}


class LlamaCpp(Dialect):
    """``/completion`` of llama.cpp's server.

    It takes a prompt, not a conversation: the caller applies the model's chat template. For
    conversations use ``openai`` with the same server's ``/v1/chat/completions``.
    """

    about = About(
        name="llama_cpp",
        backend="llama.cpp server",
        version="ggml-org/llama.cpp 25d5b0c",
        page="https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
        endpoint="POST /completion",
        end_marker='"stop": true',
        finish_reason=True,
        usage=True,
    )

    output_ways = ("schema", "words")
    output_field = "json_schema"

    def decoder(self, content_type: str = "") -> Decoder:
        return LlamaCppDecoder(self)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the prompt; options such as ``n_predict`` become fields next to it."""
        return {"prompt": only_prompt(messages, options, "llama.cpp"), "stream": True} | options

    def with_schema(
        self, body: dict[str, Any], schema: dict[str, Any], name: str
    ) -> dict[str, Any]:
        """Return the body with the schema, from which the server makes a grammar."""
        return body | {"json_schema": schema}

    def document(self, payload: Any) -> Sequence[Part] | None:
        """Decode a complete answer."""
        if not isinstance(payload, dict) or payload.get("stop") is not True:
            return None
        if not isinstance(payload.get("content"), str):
            return None
        return LlamaCppDecoder(self).read(payload)


class LlamaCppDecoder(Decoder):
    """Decodes the deltas of one completion."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        if event.data.strip() in ("", "[DONE]"):
            return ()
        return self.read(load_object(event.data))

    def read(self, frame: dict[str, Any]) -> Sequence[Part]:
        """Return the parts of one parsed delta."""
        if frame.get("error"):
            return (failure_in(frame),)
        parts: list[Part] = []
        text = as_text(frame.get("content"), "content")
        if text:
            parts.append(Text(text))
        if frame.get("stop") is not True:
            return parts
        model = as_name(frame.get("model"))
        if model is not None:
            parts.append(Identity(model=model))
        into, out = as_whole(frame.get("tokens_evaluated")), as_whole(frame.get("tokens_predicted"))
        parts.append(UsageUpdate(input=into, output=out))
        native = as_name(frame.get("stop_type")) or next(
            (word for name, word in OLD_FINISH.items() if frame.get(name) is True), None
        )
        if native is not None and native != "none":
            parts.append(Finish(reason_of(native, FINISH), native))
        return [*parts, End()]
