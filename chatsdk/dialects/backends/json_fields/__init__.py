"""``json``: decodes a custom service's JSON by the caller's field names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from chatsdk import sse
from chatsdk.answer import Answer
from chatsdk.dialects.backends.json_fields.decoder import FieldsDecoder
from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.encoder import Writer, write
from chatsdk.dialects.encoder_values import dump
from chatsdk.dialects.field_path import condition, keys_of, placed
from chatsdk.dialects.request import new_messages
from chatsdk.messages import Message
from chatsdk.parts import Failure, Finish, Part

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["JSONFields"]


KEPT = {"messages": "client", "prompt": "server"}


class JSONFields(Dialect):
    """JSON over server-sent events, one value per line, or values separated by blank lines.

    The first byte of the body decides which. A field is given as a path: ``"choices.0.text"``. An
    event is given by a field that is set, ``"done"``, by a field's value, ``"type=end"``, or by the
    name of a server-sent event, ``"event:end"``. ``[DONE]`` is always the end, and an event named
    ``error`` always a failure.
    """

    about = About(
        name="json",
        backend="any service that streams JSON",
        version="the caller's field names",
        page="docs/own-service.md",
        endpoint="POST, any path",
        end_marker="data: [DONE], or the event given as end=",
        clean_end=True,
        framing="json",
    )

    def __init__(
        self,
        text: str = "text",
        *,
        delta: bool = True,
        when: str | None = None,
        reasoning: str | None = None,
        end: str | None = None,
        error: str = "error",
        conversation: str | None = None,
        prompt: str | None = None,
        messages: str | None = None,
    ) -> None:
        """Set the fields.

        Args:
            text: the field with the text; ``""`` if the JSON value is the text itself.
            delta: whether each event adds to the text; false if it has the complete text up to now.
            when: the events with text and reasoning, such as ``"type=token"``; by default all.
            reasoning: the field with the reasoning.
            end: the event that marks the end. If given, a body without it was interrupted;
                otherwise a clean end of the HTTP body is enough.
            error: the field with an error, as text or as an object with a message.
            conversation: the field with the conversation's id, in the events and in the request.
            prompt: the request's field for the prompt. The service keeps the history.
            messages: the request's field for all messages, ``{"role", "content"}``.

        Raises:
            TypeError, ValueError: a field or an event does not have the form described.
        """
        for path in (text, reasoning, error, conversation, prompt, messages):
            if path is not None:
                keys_of(path)
        for event in (when, end):
            if event is not None:
                condition(event)
        if prompt is not None and messages is not None:
            raise ValueError("a request has a prompt or messages: name one of the two")
        self._text = text
        self._delta = delta
        self._when = when
        self._reasoning = reasoning
        self._end = end
        self._error = error
        self._conversation = conversation
        self._prompt = prompt
        self._messages = messages
        self.about = self.about._replace(  # type: ignore[misc]
            text="delta" if delta else "snapshot",
            clean_end=end is None,
            reasoning=reasoning is not None,
            history="client" if prompt is None else "server",
        )

    @property
    def dataless(self) -> bool:
        """The end may be an event with a name and without data."""
        return True

    def framing(self, content_type: str = "") -> str:
        return "json"

    def decoder(self, content_type: str = "") -> Decoder:
        return FieldsDecoder(self, **self._fields())

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the body with the fields `prompt` or `messages`, and the options next to them."""
        if self._prompt is None and self._messages is None:
            raise ValueError(
                "name the field of the request that takes the prompt, "
                "dialects.json(prompt='question'), or all messages, dialects.json("
                "messages='messages'); or use client.send(body)"
            )
        if any(message.images or message.tool_calls for message in messages):
            raise ValueError("pictures and calls of tools have no field: use client.send(body)")
        body: Any = dict(options)
        if self._messages is not None:
            told = [{"role": item.role, "content": item.content} for item in messages]
            body = placed(body, keys_of(self._messages), told)
        else:
            new = new_messages(messages)
            if len(new) != 1 or new[0].role != "user":
                raise ValueError(
                    "the service takes one prompt: give the new message of the user only, or name "
                    "the field that takes all messages, dialects.json(messages=...)"
                )
            body = placed(body, keys_of(self._prompt or ""), new[0].content)
        if conversation_id is not None and self._conversation is not None:
            body = placed(body, keys_of(self._conversation), conversation_id)
        if not isinstance(body, dict):
            raise ValueError("the body is a JSON object: name a field of it")
        return body

    def read_request(self, body: Any) -> AskedFor:
        from chatsdk.dialects.backends.json_fields.request import read

        return read(
            body,
            prompt=self._prompt,
            messages=self._messages,
            conversation=self._conversation,
        )

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        """Encode server-sent events with the chosen fields."""
        return write(_Events(**self._fields()), parts)

    def _fields(self) -> dict[str, Any]:
        return {
            "text": self._text,
            "delta": self._delta,
            "when": self._when,
            "reasoning": self._reasoning,
            "end": self._end,
            "error": self._error,
            "conversation": self._conversation,
        }


class _Events(Writer[bytes]):
    def __init__(self, **fields: Any) -> None:
        self._text = keys_of(fields["text"])
        self._delta: bool = fields["delta"]
        self._when = None if fields["when"] is None else condition(fields["when"])
        self._reasoning = None if fields["reasoning"] is None else keys_of(fields["reasoning"])
        self._end = None if fields["end"] is None else condition(fields["end"])
        self._error = keys_of(fields["error"])

    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        yield self._said(self._text, added if self._delta else step.text)

    def reasoning(self, added: str, step: Answer) -> Iterator[bytes]:
        if self._reasoning is not None:
            yield self._said(self._reasoning, added if self._delta else step.reasoning)

    def failure(self, part: Failure, answer: Answer) -> Iterator[bytes]:
        told: Any = {"message": part.message}
        if part.code is not None:
            told["code"] = part.code
        yield sse.encode(dump(placed(None, self._error, told)), event="error")

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        end = self._end
        if end is None:
            yield sse.encode("[DONE]")
        else:
            yield sse.encode(dump(end.put({})), event=end.event)

    def _said(self, keys: tuple[str, ...], words: str) -> bytes:
        value = placed(None, keys, words)
        name = None
        if self._when is not None:
            value, name = self._when.put(value), self._when.event
        return sse.encode(dump(value), event=name)
