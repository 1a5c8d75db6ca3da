"""`ask_object`: asks for an object, and once more if the answer does not fit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chatsdk.client.repaired import Question, Repaired
from chatsdk.client.stream import AnswerStream
from chatsdk.dialects.dialect import Dialect
from chatsdk.dialects.tool_calls import declared
from chatsdk.messages import Message
from chatsdk.output import Shape, Wanted, shape_of
from chatsdk.output.wanted import instructions
from chatsdk.transport import Cancel

if TYPE_CHECKING:
    from chatsdk.client.client import ChatClient

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
            # If there are other tools, the model has to call one of them until it gives the answer.
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
                # Its parts are sent instead of the text.
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
    if not repair:
        return client._ask(
            messages,
            options,
            cancel=cancel,
            idempotency_key=idempotency_key,
            conversation_id=conversation_id,
            asking=asking,
        )
    question = Question(client, tuple(messages), asking, cancel, conversation_id, options)
    return AnswerStream(Repaired(question.first(idempotency_key), question, repair))
