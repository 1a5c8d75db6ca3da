"""LangServe: a LangChain runnable behind FastAPI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.langchain import MessageReader, documents, written
from chatsdk.dialects.langchain_events import EventReader, is_event
from chatsdk.dialects.payload import (
    as_name,
    as_text,
    as_whole,
    failure_in,
    load,
    load_object,
)
from chatsdk.messages import Message
from chatsdk.parts import (
    Citations,
    End,
    Failure,
    Identity,
    Part,
    Text,
    TextSnapshot,
)
from chatsdk.sse import ServerSentEvent

__all__ = ["LangServe", "LangServeDecoder"]

# The types of a model's messages, as deltas or complete.
MESSAGES = ("AIMessageChunk", "ai")


class LangServe(Dialect):
    """A runnable's ``/stream``, for any type of output, and its ``/stream_events``.

    A string is text, an ``AIMessageChunk`` adds to the answer, and a list of documents is
    citations. Other output is in ``raw``, unless `key` gives the field with the text.

    Args:
        key: the field with the text in the objects of the output, such as ``"answer"`` or
            ``"output"``.
        input_key: the field of the runnable's input for the messages, such as ``"messages"``;
            ``None`` if the messages are the input.
        plain: whether the runnable takes the text of the last message instead of messages.
        text: ``"snapshot"`` if each output is the complete text up to now.
    """

    about = About(
        name="langserve",
        backend="LangServe",
        version="langserve 0.3.3",
        page="https://github.com/langchain-ai/langserve",
        endpoint="POST /{runnable}/stream or /{runnable}/stream_events",
        end_marker="event: end, without data, or the end of the first run",
        reasoning=True,
        tools=True,
        citations=True,
        usage=True,
    )

    def __init__(
        self,
        *,
        key: str | None = None,
        input_key: str | None = None,
        plain: bool = False,
        text: str = "delta",
    ) -> None:
        if text not in ("delta", "snapshot"):
            raise ValueError(f"text is 'delta' or 'snapshot', not {text!r}")
        self._key = key
        self._input_key = input_key
        self._plain = plain
        self._text = text

    @property
    def text(self) -> str:
        return self._text

    @property
    def dataless(self) -> bool:
        """The last event, ``end``, does not have a data line."""
        return True

    def decoder(self, content_type: str = "") -> Decoder:
        return LangServeDecoder(self, key=self._key, snapshot=self._text == "snapshot")

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the body. The option ``input`` replaces the messages."""
        if options.get("tools"):
            raise ValueError(
                "LangServe takes no tools with a request: bind them to the runnable on the server"
            )
        options.pop("tools", None)
        given: Any = messages[-1].content if self._plain else written(messages)
        body = {"input": given if self._input_key is None else {self._input_key: given}}
        return body | options


class LangServeDecoder(Decoder):
    def __init__(self, dialect: Dialect, *, key: str | None, snapshot: bool) -> None:
        self.dialect = dialect
        self._key = key
        self._snapshot = snapshot
        self._messages = MessageReader()
        self._events = EventReader(self._messages)

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        name, data = event.event, event.data
        if name == "data":
            return self._yielded(load(data)) if data else ()
        if name == "end":
            return (*self._messages.flush(), End())
        if name == "error":
            error = load_object(data)
            if "message" in error:
                message = as_text(error["message"], "message")
                failure = Failure(message, as_whole(error.get("status_code")))
            else:
                # The error of a gateway.
                failure = failure_in(error)
            return (*self._messages.flush(), failure)
        if name == "message" and data[:1] == "{":
            # A custom service may forward LangChain's events.
            value = load_object(data)
            return self._events.read(value) if is_event(value) else ()
        if name == "metadata":
            return (Identity(id=as_name(load_object(data).get("run_id"))),)
        return ()

    def close(self) -> Sequence[Part]:
        left = self._messages.flush()
        return (*left, End()) if self._events.ended else left

    def _yielded(self, value: Any) -> Sequence[Part]:
        if isinstance(value, str):
            return (self._text(value),)
        if not isinstance(value, dict):
            cited = documents(value)
            return (Citations(cited),) if cited else ()
        if value.get("type") in MESSAGES:
            return self._message(value)
        if is_event(value):
            return self._events.read(value)
        parts: list[Part] = []
        for name, field in value.items():
            if name == self._key:
                if isinstance(field, dict) and field.get("type") in MESSAGES:
                    parts += self._message(field)
                elif text := as_text(field, name):
                    parts.append(self._text(text))
            elif cited := documents(field):
                parts.append(Citations(cited))
        return parts

    def _message(self, message: dict[str, Any]) -> list[Part]:
        if self._snapshot:
            return self._messages.whole((message,))
        return self._messages.piece(message)

    def _text(self, text: str) -> Part:
        return TextSnapshot(text) if self._snapshot else Text(text)
