"""`ask_object`: asks for an object, and once more if the answer does not fit."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chatsdk.answer import Answer
from chatsdk.client.stream import AnswerStream, Source, Unanswered
from chatsdk.dialects.dialect import Dialect
from chatsdk.dialects.tool_calls import declared
from chatsdk.errors import OutputError
from chatsdk.messages import Message
from chatsdk.outcome import Outcome
from chatsdk.output import Shape, Wanted, shape_of
from chatsdk.output.wanted import correction, instructions
from chatsdk.transport import Cancel

if TYPE_CHECKING:
    from chatsdk.client.client import ChatClient
    from chatsdk.client.observation import Observation
    from chatsdk.client.response import ResponseInfo

__all__ = ["Asking", "ask_object"]

# The ways to ask for an object, for an error message.
WAYS = ("schema", "json", "tool", "words")

TOOL_DESCRIPTION = "Gives the answer. Call it exactly once, with the complete answer."


class Asking:
    """How one question asks for an object.

    Attributes:
        wanted: the type, once `body` has chosen the way.
    """

    def __init__(self, shape: Shape, way: str | None) -> None:
        self._shape = shape
        self._way = way
        self.wanted = Wanted(shape)

    def body(
        self,
        dialect: Dialect,
        messages: Sequence[Message],
        options: Mapping[str, Any],
        conversation_id: str | None,
    ) -> dict[str, Any]:
        """Encode the body, in the first of the dialect's ways that can express the type.

        Raises:
            ValueError: the given way cannot, or the dialect does not have it.
        """
        ways = dialect.output_ways
        if self._way is not None:
            if self._way not in ways:
                raise ValueError(
                    f"the dialect {dialect.name!r} cannot ask by {self._way!r}: "
                    f"output_by= is one of {', '.join(map(repr, ways))}"
                )
            ways = (self._way,)
        for way in ways:
            body = self._written(way, dialect, messages, options, conversation_id)
            if body is not None:
                return body
        raise ValueError(
            f"{dialect.about.backend} cannot express this type by {ways[0]!r}: leave output_by= "
            "out, and another way is taken"
        )

    def _written(
        self,
        way: str,
        dialect: Dialect,
        messages: Sequence[Message],
        options: Mapping[str, Any],
        conversation_id: str | None,
    ) -> dict[str, Any] | None:
        shape = self._shape
        options = dict(options)
        self.wanted = Wanted(shape)
        if way in dialect.output_words:
            messages = with_words(messages, instructions(shape))
        if way == "tool":
            given = list(options.get("tools") or ())
            taken_names = {declared(tool).get("name") for tool in given}
            name = shape.name
            while name in taken_names:
                name += "_"
            tool = {
                "name": name,
                "description": TOOL_DESCRIPTION,
                "parameters": shape.schema,
            }
            options["tools"] = [*given, tool]
            self.wanted = Wanted(shape, name)
        body = dialect.body(messages, conversation_id=conversation_id, **options)
        if way == "schema":
            return dialect.with_schema(body, shape.schema, shape.name)
        if way == "json":
            return dialect.with_json(body)
        if way == "tool":
            # Beside other tools the model has to call one of them, until it gives the answer.
            return dialect.with_forced_tool(body, None if given else name)
        return body


def with_words(messages: Sequence[Message], words: str) -> tuple[Message, ...]:
    """Return the messages with `words` at the end of the user's last one."""
    found = list(messages)
    for place in range(len(found) - 1, -1, -1):
        message = found[place]
        if message.role == "user":
            content = f"{message.content}\n\n{words}" if message.content else words
            more = message.more
            if more is not None and "content" in (parsed := json.loads(more)):
                # Its parts are sent in place of the text.
                parsed["content"].append({"type": "text", "text": words})
                more = json.dumps(parsed, ensure_ascii=False)
            found[place] = message._replace(content=content, more=more)
            break
    return tuple(found)


def ask_object(
    client: ChatClient,
    messages: Sequence[Message],
    output: Any,
    *,
    by: str | None,
    repair: int,
    cancel: Cancel | None,
    conversation_id: str | None,
    idempotency_key: str | None,
    options: dict[str, Any],
) -> AnswerStream[Any, Any]:
    """Send the question, and return the stream of its answer."""
    if by is not None and by not in WAYS:
        raise ValueError(f"output_by= is one of {', '.join(map(repr, WAYS))}, not {by!r}")
    if isinstance(repair, bool) or not isinstance(repair, int) or repair < 0:
        raise ValueError(f"repair= is how often to ask again, 0 or more, not {repair!r}")
    shape = shape_of(output)
    asking = Asking(shape, by)
    stream = client._ask(
        messages,
        options,
        cancel=cancel,
        idempotency_key=idempotency_key,
        conversation_id=conversation_id,
        asking=asking,
    )
    if not repair:
        return stream
    again = _Again(client, tuple(messages), asking, cancel or Cancel(), conversation_id, options)
    return AnswerStream(Repaired(stream, again, repair))


class _Again:
    """Asks the question again, with the answer and what is wrong with it."""

    def __init__(
        self,
        client: ChatClient,
        messages: tuple[Message, ...],
        asking: Asking,
        cancel: Cancel,
        conversation_id: str | None,
        options: dict[str, Any],
    ) -> None:
        self._client = client
        self._messages = messages
        self._asking = asking
        self._conversation_id = conversation_id
        self._options = options
        self.cancel = cancel

    def ask(self, error: OutputError) -> AnswerStream[Any, Any]:
        """Send the request."""
        answer = error.answer
        self._messages = (
            *self._messages,
            Message("assistant", answer.text),
            Message("user", correction(error)),
        )
        return self._client._ask(
            self._messages,
            self._options,
            cancel=self.cancel,
            idempotency_key=None,
            conversation_id=answer.conversation_id or self._conversation_id,
            asking=self._asking,
        )


class Repaired:
    """The source of answers of which each takes the place of one that does not fit."""

    def __init__(self, stream: AnswerStream[Any, Any], again: _Again, repair: int) -> None:
        self._again = again
        self._left = repair
        # Stopped or closed.
        self._over = False
        self._before_waits: Callable[[], object] | None = None
        self._source, self._inner = taken(stream)

    @property
    def answer(self) -> Answer[Any]:
        return self._source.answer

    @property
    def outcome(self) -> Outcome:
        return self._source.outcome

    @property
    def response(self) -> ResponseInfo | None:
        return self._source.response

    @property
    def dialect(self) -> Dialect | None:
        return self._source.dialect

    @property
    def attempts(self) -> int:
        return self._source.attempts

    @property
    def body(self) -> Any:
        return self._source.body

    @property
    def observation(self) -> Observation | None:
        return getattr(self._source, "observation", None)

    def on_wait(self, callback: Callable[[], object] | None) -> bool:
        self._before_waits = callback
        return self._source.on_wait(callback)

    def stop(self) -> None:
        self._over = True
        self._source.stop()
        if self._source.outcome.error is not None:
            # It may be asking again just now.
            self._again.cancel.set()

    def close(self, steps: Generator[Answer[Any], Any, None]) -> None:
        if steps.gi_running:  # type: ignore[attr-defined]
            self.stop()
            return
        self._over = True
        self._source.close(self._inner)
        # One that is read by another thread meanwhile ends by itself.
        with contextlib.suppress(ValueError):
            steps.close()

    def drop(self, steps: Generator[Answer[Any], Any, None]) -> None:
        if not steps.gi_running:  # type: ignore[attr-defined]
            self._over = True
            self._source.drop(self._inner)

    def steps(self) -> Generator[Answer[Any], Any, None]:
        while True:
            try:
                yield from self._inner
                return
            except OutputError as error:
                if not self._left or self._over:
                    raise
                failed = error
            self._left -= 1
            before = failed.answer
            stream = self._again.ask(failed)
            if self._over:
                stream.stop()
            source, self._inner = taken(stream)
            if isinstance(source, Unanswered):
                # Stopped meanwhile: what had come is kept.
                source.answer, source.outcome = before, Outcome("stopped", answer=before)
            self._source = source
            if self._before_waits is not None:
                self._source.on_wait(self._before_waits)
            for answer in self._inner:
                # The text starts again.
                yield answer.since(before)
                break


def taken(stream: AnswerStream[Any, Any]) -> tuple[Source, Generator[Answer[Any], Any, None]]:
    """Return the source of a stream and its generator; dropping the stream ends neither."""
    source, steps = stream._source, stream._steps
    stream._source = Unanswered(source.body)
    return source, steps
