"""OpenAI chat completions, also of compatible servers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from chatsdk.dialects.backends.openai.decoder import FINISH, OpenAIDecoder
from chatsdk.dialects.backends.openai.encoder import encode
from chatsdk.dialects.backends.openai.native import DIALECT
from chatsdk.dialects.dialect import About, Dialect
from chatsdk.dialects.request import given_back, more_of, paired, thoughts_to_give_back
from chatsdk.dialects.tool_calls import forced_choice, written_calls, written_tools
from chatsdk.messages import Message
from chatsdk.parts import End, Part

if TYPE_CHECKING:
    from chatsdk.answer import Answer
    from chatsdk.dialects.asked import AskedFor

if TYPE_CHECKING:
    from chatsdk.messages.files import File

__all__ = ["OpenAI"]

# The supported audio types, with OpenAI's names for them.
AUDIO = {"audio/wav": "wav", "audio/mpeg": "mp3"}


class OpenAI(Dialect):
    """OpenAI chat completions.

    Args:
        text: ``"delta"``, or ``"snapshot"`` for compatible servers whose ``delta.content`` is the
            complete text up to now. This is never guessed, because "ha", "ha", "haha" may be
            either.
        think_tags: whether text between ``<think>`` and ``</think>`` is reasoning, for servers that
            put it there. By default it remains text, because an answer can be about the tags.
    """

    about = About(
        name="openai",
        backend="OpenAI chat completions",
        version="openai 3.54.0",
        page="https://developers.openai.com/api/reference/resources/chat/subresources/completions/streaming-events.md",
        endpoint="POST /v1/chat/completions",
        end_marker="data: [DONE]",
        finish_reason=True,
        reasoning=True,
        tools=True,
        citations=True,
        usage=True,
    )

    output_ways: ClassVar[tuple[str, ...]] = ("schema", "json", "tool", "words")
    output_field: ClassVar[str | None] = "response_format"

    passes_on = frozenset({"more", "name", "files"})

    # Enabled only by the option.
    _think_tags = False

    def __init__(self, *, text: str = "delta", think_tags: bool = False) -> None:
        if think_tags:
            self._think_tags = True
        if text not in ("delta", "snapshot"):
            raise ValueError(f"text is 'delta' or 'snapshot', not {text!r}")
        self._text = text

    @property
    def text(self) -> str:
        return self._text

    def decoder(self, content_type: str = "") -> OpenAIDecoder:
        return OpenAIDecoder(self, snapshot=self._text == "snapshot", think_tags=self._think_tags)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode a ``chat.completion`` request; ``stream_options=None`` omits those options."""
        tools = options.pop("tools", None)
        body: dict[str, Any] = {
            "messages": self.written(messages),
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if tools:
            body["tools"] = written_tools(tools)
        body |= options
        if body["stream_options"] is None:
            del body["stream_options"]
        return body

    def with_schema(
        self, body: dict[str, Any], schema: dict[str, Any], name: str
    ) -> dict[str, Any]:
        """Return the body with the schema, strict if strict mode can express it."""

        from chatsdk.output.strict import for_openai

        strict = for_openai(schema)
        described = {"name": name, "schema": strict or schema, "strict": strict is not None}
        return body | {"response_format": {"type": "json_schema", "json_schema": described}}

    def schema_in(self, options: Mapping[str, Any]) -> dict[str, Any] | None:
        from chatsdk.dialects.asked import schema_of_format

        return schema_of_format(options.get("response_format"))

    def with_json(self, body: dict[str, Any]) -> dict[str, Any]:
        return body | {"response_format": {"type": "json_object"}}

    def with_forced_tool(self, body: dict[str, Any], name: str | None) -> dict[str, Any]:
        return body | {"tool_choice": forced_choice(name)}

    def read_request(self, body: Any) -> AskedFor:
        from chatsdk.dialects.backends.openai.request import read

        return read(body)

    def written(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        """Encode the messages of the body."""
        messages = paired(messages)
        written = [_message(message) for message in messages]
        thoughts = thoughts_to_give_back(messages)
        for message, form, thought in zip(messages, written, thoughts, strict=True):
            # Reasoning that arrived in this field must be sent back in it.
            for kept in given_back(message, DIALECT) if thought is not None else ():
                if isinstance(kept.get("reasoning"), str):
                    form.setdefault(kept["reasoning"], thought)
        return written

    def document(self, payload: Any) -> Sequence[Part] | None:
        """Decode a complete ``chat.completion``, sent although the request was for a stream."""
        if not isinstance(payload, dict) or not isinstance(payload.get("choices"), list):
            return None
        chunk = dict(payload)
        chunk["choices"] = [
            {**choice, "delta": choice.get("message")}
            for choice in payload["choices"]
            if isinstance(choice, dict)
        ]
        decoder = self.decoder()
        return [*decoder.read(chunk), *decoder.close(), End()]

    def encode_document(
        self, answer: Answer, *, id: str = "answer-1", model: str = "built-in"
    ) -> dict[str, Any]:
        from chatsdk.dialects.backends.openai.document import document

        return document(answer, id=id, model=model)

    @property
    def models_path(self) -> str:
        return "/v1/models"

    def encode_models(self, names: Sequence[str]) -> dict[str, Any]:
        from chatsdk.dialects.backends.openai.document import models

        return models(names)

    def encode_error(self, message: str, *, kind: str) -> dict[str, Any]:
        from chatsdk.dialects.backends.openai.document import error

        return error(message, kind)

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        return encode(parts, id=id, model=model, finish=FINISH, snapshot=self._text == "snapshot")


def _message(message: Message) -> dict[str, Any]:
    fields, parts = more_of(message)
    if message.role == "tool":
        return {
            "role": "tool",
            "tool_call_id": message.tool_call_id,
            "content": message.content if parts is None else parts,
            **fields,
        }
    written: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.name:
        written["name"] = message.name
    if parts is not None:
        written["content"] = parts
    elif message.images or message.files:
        written["content"] = [
            *([{"type": "text", "text": message.content}] if message.content else []),
            *(
                {"type": "image_url", "image_url": {"url": image.source}}
                for image in message.images
            ),
            *map(_file, message.files),
        ]
    if message.tool_calls:
        written["content"] = written["content"] or None
        written["tool_calls"] = written_calls(message)
    for kept in given_back(message, DIALECT):
        _give_back(kept, written, message)
    return written | fields


def _give_back(kept: dict[str, Any], written: dict[str, Any], message: Message) -> None:
    signed = kept.get("content")
    if isinstance(signed, list) and isinstance(written["content"], (str, type(None))):
        text = [{"type": "text", "text": message.content}] if message.content else []
        written["content"] = [*signed, *text]
    fields = kept.get("fields")
    if not isinstance(fields, dict):
        return
    if kept.get("call") is None:
        written |= fields
    for call in written.get("tool_calls", ()):
        if call["id"] == kept.get("call"):
            call |= fields
            if call["type"] == "custom":
                function = call.pop("function", {"name": None})
                original = next(c for c in message.tool_calls if c.id == call["id"])
                call["custom"] = {"name": function["name"], "input": original.arguments}


def _file(file: File) -> dict[str, Any]:
    kind = AUDIO.get(file.media_type)
    if kind is not None:
        return {"type": "input_audio", "input_audio": {"data": file.data, "format": kind}}
    if file.media_type != "application/pdf":
        raise ValueError(
            f"this dialect takes PDF, WAV and MP3 files, not {file.media_type}: give another "
            "format, or use client.send(body)"
        )
    name = file.name or "file.pdf"
    return {"type": "file", "file": {"filename": name, "file_data": file.source}}
