"""What a decoder reads out of one event: parts of an answer, and the values they carry.

A dialect's decoder turns each event into parts; `chatsdk.answer.AnswerBuilder` applies them.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from chatsdk.values import Value, brief, distinct

__all__ = [
    "FINISH_REASONS",
    "Citation",
    "Citations",
    "Data",
    "End",
    "Failure",
    "Finish",
    "Identity",
    "Native",
    "Part",
    "Reasoning",
    "ReasoningSnapshot",
    "Text",
    "TextSnapshot",
    "ToolCallDelta",
    "ToolResult",
    "Usage",
    "UsageUpdate",
]

# The one vocabulary of `Answer.finish_reason`; the backend's own word stands beside it.
FINISH_REASONS = (
    "stop",  # the model had said what it had to say
    "length",  # a limit on tokens ended it
    "tool_calls",  # it waits for the results of tools
    "content_filter",  # moderation ended or blocked it
    "refusal",  # the model declined
    "cancelled",  # ended on the server, on request
    "error",  # the backend failed
    "other",  # a word that is none of these
)


@distinct
class Citation(NamedTuple):
    """One source that the answer leans on.

    Attributes:
        title: what to call it: a page's title, a document's name.
        url: its address, where it has one.
        document: the backend's id of the document or passage, where it has one.
        snippet: the passage that was used.
        score: how well it fits, on the backend's own scale.
        position: its number in the answer, counted as the backend counts, or ``None``.
    """

    title: str | None = None
    url: str | None = None
    document: str | None = None
    snippet: str | None = None
    score: float | None = None
    position: int | None = None

    def __repr__(self) -> str:
        return brief(self)


@distinct
class Usage(NamedTuple):
    """Tokens that were counted for this answer, each ``None`` if the backend did not report it.

    ``Usage()`` is false: the backend has reported nothing.

    The definition is the same for every backend. Those that count thoughts beside the output
    (xAI, Google), or a cache beside the input (Anthropic, Databricks), are added up.

    Attributes:
        input: tokens of the request, those read from a cache included.
        output: tokens of the answer, reasoning included.
        total: as the backend says, else input and output together.
        reasoning: of the output, those spent on reasoning.
        cached: of the input, those read from a cache.
    """

    input: int | None = None
    output: int | None = None
    total: int | None = None
    reasoning: int | None = None
    cached: int | None = None

    def __bool__(self) -> bool:
        return any(count is not None for count in self)

    def __repr__(self) -> str:
        return brief(self)


@distinct
class Native(NamedTuple):
    """What a backend wants to get back with an answer, in its own form.

    That is what no other field can hold, such as the signature of a thought, without which some
    backends refuse the results of tools. Nobody but the dialect that wrote it looks into it. As a
    part it takes the place of the one before.

    Attributes:
        dialect: whose form it is; the others leave it out.
        data: JSON text.
    """

    dialect: str
    data: str

    @classmethod
    def of(cls, dialect: str, value: Any) -> Native:
        """Return it for a value of JSON."""
        data = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        try:
            data.encode()
        except UnicodeEncodeError:
            # Text cut by UTF-16 units: the halves of a pair stand side by side here.
            data = data.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return cls(dialect, data)

    @property
    def value(self) -> Any:
        """The value, anew each time."""
        return json.loads(self.data)

    def __repr__(self) -> str:
        return f"Native(dialect={self.dialect!r})"


class _Words(Value):
    __match_args__ = ("text",)
    __slots__ = __match_args__
    text: str

    # No tuple, for there is one for each event: making a tuple takes a third more.
    def __init__(self, text: str) -> None:
        _set_text(self, text)


# The slot's own way of being set; the class refuses any other.
_set_text = vars(_Words)["text"].__set__


class Text(_Words):
    """Text to append to the answer."""

    __slots__ = ()


class TextSnapshot(_Words):
    """The whole text so far; where it does not extend the earlier text, that is rewritten."""

    __slots__ = ()


class Reasoning(_Words):
    """Reasoning to append, kept apart from the text."""

    __slots__ = ()


class ReasoningSnapshot(_Words):
    """The whole reasoning so far."""

    __slots__ = ()


@distinct
class ToolCallDelta(NamedTuple):
    """A piece of a tool call.

    Attributes:
        index: which call; any hashable that is the same for all pieces of one call.
        id: the call's id, on the piece that carries it.
        name: the tool's name, on the piece that carries it.
        arguments: a piece of the arguments' JSON text, to append.
        replace: ``arguments`` is the whole text, in place of the pieces before.
    """

    # A tuple's method of that name gives way.
    index: int | str  # type: ignore[assignment]
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    replace: bool = False


@distinct
class ToolResult(NamedTuple):
    """The result of a tool that was run for the model; an answer does not hold it.

    Attributes:
        id: the id of the call.
        content: what the model was given, as text.
        failed: the tool raised an error, and ``content`` is its message.
    """

    id: str | None
    content: str
    failed: bool = False


@distinct
class Citations(NamedTuple):
    """Citations to add; one that is there already is not added again."""

    items: tuple[Citation, ...]


@distinct
class UsageUpdate(NamedTuple):
    """Token counts; ``None`` leaves what was known."""

    input: int | None = None
    output: int | None = None
    total: int | None = None
    reasoning: int | None = None
    cached: int | None = None


@distinct
class Identity(NamedTuple):
    """Ids of the answer, its conversation, its model; ``None`` leaves what was known.

    ``task`` is the id by which the backend can be told to stop (`Dialect.stop_request`).
    """

    id: str | None = None
    conversation_id: str | None = None
    model: str | None = None
    task: str | None = None


@distinct
class Finish(NamedTuple):
    """Why the model stopped.

    Attributes:
        reason: one of `FINISH_REASONS`.
        native: the backend's own word.
    """

    reason: str
    native: str | None = None


@distinct
class End(NamedTuple):
    """The dialect's end marker: the answer is whole."""

    def __bool__(self) -> bool:
        # Without fields it would be an empty tuple.
        return True


@distinct
class Data(NamedTuple):
    """State or data of the application, which is no part of the answer; it stands in `Answer.raw`.

    It proves that the stream is understood, even if the answer has no text.

    Attributes:
        name: what the backend calls it.
    """

    name: str | None = None


@distinct
class Failure(NamedTuple):
    """The backend's own error, inside the stream or instead of it."""

    message: str
    code: str | int | None = None


# What a decoder gives; a union rather than a base class, so that a match can be exhaustive.
Part = (
    Text
    | TextSnapshot
    | Reasoning
    | ReasoningSnapshot
    | ToolCallDelta
    | ToolResult
    | Citations
    | UsageUpdate
    | Identity
    | Native
    | Data
    | Finish
    | End
    | Failure
)
