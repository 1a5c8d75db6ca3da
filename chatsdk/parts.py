"""Parts of an answer, as decoded from events, and their values.

A dialect's decoder turns each event into parts; `chatsdk.answer.AnswerBuilder` applies them.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from chatsdk.frozen_values import Value, brief, distinct
from chatsdk.keywords import missing_attribute

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
    "ToolApproval",
    "ToolCallDelta",
    "ToolResult",
    "Usage",
    "UsageUpdate",
]

# The values of `Answer.finish_reason`; `Finish.native` has the backend's value.
FINISH_REASONS = (
    "stop",  # the model finished its answer
    "length",  # a limit on tokens was reached
    "tool_calls",  # the model waits for the results of tools
    "content_filter",  # moderation ended or blocked it
    "refusal",  # the model declined
    "cancelled",  # stopped on the server by a request
    "error",  # the backend failed
    "other",  # any other value
)


@distinct
class Citation(NamedTuple):
    """One source of the answer.

    Attributes:
        title: a display name: a page's title, a document's name.
        url: its URL, if it has one.
        document: the backend's id of the document or passage, if it has one.
        snippet: the passage that was used.
        score: relevance, on the backend's scale.
        position: its number in the answer, from the backend's first number, or ``None``.
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
    """Token counts of an answer, each ``None`` if the backend did not report it.

    ``Usage()`` is false: the backend has reported nothing.

    The definition is the same for every backend. If a backend counts reasoning separately from the
    output (xAI, Google), or cached tokens separately from the input (Anthropic, Databricks), the
    counts are added.

    Attributes:
        input: tokens of the request, including those read from a cache.
        output: tokens of the answer, including reasoning.
        total: the backend's total, else the sum of input and output.
        reasoning: output tokens spent on reasoning.
        cached: input tokens read from a cache.
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


# Outside the class, because type checkers would accept any name.
Usage.__getattr__ = missing_attribute  # type: ignore[attr-defined]


@distinct
class Native(NamedTuple):
    """Opaque state that the client must return to the backend with the conversation.

    It holds data without a field elsewhere, such as the signature of a thought; some backends
    refuse the results of tools without it. Only the dialect that created it interprets it. As a
    part, it replaces the one before.

    Attributes:
        dialect: the dialect that created it; others omit it.
        data: JSON text.
    """

    dialect: str
    data: str

    @classmethod
    def of(cls, dialect: str, value: Any) -> Native:
        """Return the state for a JSON value."""
        data = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        try:
            data.encode()
        except UnicodeEncodeError:
            # Text split between UTF-16 code units: both halves of a surrogate pair are adjacent
            # here.
            data = data.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return cls(dialect, data)

    @property
    def value(self) -> Any:
        """The value, parsed again on each access."""
        return json.loads(self.data)

    def __repr__(self) -> str:
        return f"Native(dialect={self.dialect!r})"


class _Words(Value):
    __match_args__ = ("text",)
    __slots__ = __match_args__
    text: str

    # Not a tuple: one is created for each event, and creating a tuple takes a third longer.
    def __init__(self, text: str) -> None:
        _set_text(self, text)


# The slot's setter; the class itself rejects assignments.
_set_text = vars(_Words)["text"].__set__


class Text(_Words):
    """Text to append to the answer."""

    __slots__ = ()


class TextSnapshot(_Words):
    """The complete text up to now; if it does not extend the earlier text, it replaces that."""

    __slots__ = ()


class Reasoning(_Words):
    """Reasoning to append, separate from the text."""

    __slots__ = ()


class ReasoningSnapshot(_Words):
    """The complete reasoning up to now."""

    __slots__ = ()


@distinct
class ToolCallDelta(NamedTuple):
    """A delta of a tool call.

    Attributes:
        index: identifies the call; any hashable that is the same in all deltas of one call.
        id: the call's id, in the delta that contains it.
        name: the tool's name, in the delta that contains it.
        arguments: a delta of the arguments' JSON text, to append.
        replace: whether ``arguments`` is the complete text and replaces the earlier deltas.
    """

    # Hides the tuple method of the same name.
    index: int | str  # type: ignore[assignment]
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    replace: bool = False


@distinct
class ToolResult(NamedTuple):
    """The result of a tool that was run for the model; it does not become part of the answer.

    Attributes:
        id: the id of the call.
        content: the text that the model received.
        failed: whether the tool raised an error; ``content`` is then its message.
        rejected: whether a person rejected the call, so that it was not run.
    """

    id: str | None
    content: str
    failed: bool = False
    rejected: bool = False


@distinct
class ToolApproval(NamedTuple):
    """A request for a person's approval of a tool call; it does not become part of the answer.

    Attributes:
        id: identifies the request; the person's decision carries it.
        call_id: the id of the call.
    """

    id: str
    call_id: str | None


@distinct
class Citations(NamedTuple):
    """Citations to add; duplicates are ignored."""

    items: tuple[Citation, ...]


@distinct
class UsageUpdate(NamedTuple):
    """Token counts; ``None`` keeps the earlier value."""

    input: int | None = None
    output: int | None = None
    total: int | None = None
    reasoning: int | None = None
    cached: int | None = None


@distinct
class Identity(NamedTuple):
    """Ids of the answer, its conversation and its model; ``None`` keeps the earlier value.

    ``task`` is the id for stopping the answer on the server (`Dialect.stop_request`).
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
        native: the backend's value.
    """

    reason: str
    native: str | None = None


@distinct
class End(NamedTuple):
    """The dialect's end marker: the answer is complete."""

    def __bool__(self) -> bool:
        # Without fields it is an empty tuple, which would be false.
        return True


@distinct
class Data(NamedTuple):
    """Application state or data outside the answer; `Answer.raw` has it.

    It shows that the stream is decoded correctly, even if the answer has no text.

    Attributes:
        name: the backend's name for it.
        value: its JSON text, if it is to be encoded; decoders leave it out.
    """

    name: str | None = None
    value: str | None = None


@distinct
class Failure(NamedTuple):
    """The backend's error, inside the stream or instead of it."""

    message: str
    code: str | int | None = None


# The return type of decoders: a union, not a base class, so that a match can be exhaustive.
Part = (
    Text
    | TextSnapshot
    | Reasoning
    | ReasoningSnapshot
    | ToolCallDelta
    | ToolResult
    | ToolApproval
    | Citations
    | UsageUpdate
    | Identity
    | Native
    | Data
    | Finish
    | End
    | Failure
)
