"""`Writer`: encodes parts as frames; the base class of all encoders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from json.encoder import encode_basestring
from typing import Any, Generic, TypeVar

from chatsdk.answer import Answer, AnswerBuilder, ToolCall
from chatsdk.parts import (
    Citation,
    Citations,
    Data,
    Failure,
    Finish,
    Part,
    Reasoning,
    ReasoningSnapshot,
    Text,
    TextSnapshot,
    ToolApproval,
    ToolCallDelta,
    ToolResult,
    UsageUpdate,
)

__all__ = ["Writer", "write"]

Frame = TypeVar("Frame")


class Writer(Generic[Frame]):
    """Encodes the frames of one answer.

    A dialect overrides the methods for which it has frames; the others return none. `write` calls
    the methods in the order of the parts and skips deltas that add nothing. A `step` is the answer
    up to and including the current part.
    """

    def begin(self) -> Iterable[Frame]:
        """Return the frames that come before all parts."""
        return ()

    def text(self, added: str, step: Answer) -> Iterable[Frame]:
        """Return the frames of a text delta."""
        return ()

    def around_text(self) -> tuple[Frame, Frame] | None:
        """Return the bytes of the next text frames before and after their JSON string.

        For dialects whose text frames differ in nothing else, until a part of another kind comes.
        `write` then encodes them without calling `text`, which takes most of a relay's time.
        """
        return None

    def rewritten(self, step: Answer) -> Iterable[Frame]:
        """Return the frames for replaced text; by default the new text is appended."""
        return self.text(step.text, step) if step.text else ()

    def reasoning(self, added: str, step: Answer) -> Iterable[Frame]:
        """Return the frames of a reasoning delta."""
        return ()

    def call(self, part: ToolCallDelta) -> Iterable[Frame]:
        """Return the frames of a tool call delta, for dialects that stream calls."""
        return ()

    def calls(self, calls: tuple[ToolCall, ...], first: int) -> Iterable[Frame]:
        """Return the frames of complete calls, for dialects that send each call in one frame.

        `first` is the index of the first one. A call is complete when a part that is not a call
        follows.
        """
        return ()

    def result(self, part: ToolResult) -> Iterable[Frame]:
        """Return the frames of the result of a tool that the server ran."""
        return ()

    def approval(self, part: ToolApproval) -> Iterable[Frame]:
        """Return the frames of a request for a person's approval of a call."""
        return ()

    def citations(self, items: tuple[Citation, ...], step: Answer) -> Iterable[Frame]:
        """Return the frames of new citations."""
        return ()

    def usage(self, part: UsageUpdate, step: Answer) -> Iterable[Frame]:
        """Return the frames of token counts, for dialects that send them separately."""
        return ()

    def data(self, name: str, value: str) -> Iterable[Frame]:
        """Return the frames of additional data, a name and JSON text."""
        return ()

    def finish(self, part: Finish) -> Iterable[Frame]:
        """Return the frames of a finish reason, if the end frame does not contain it."""
        return ()

    def failure(self, part: Failure, answer: Answer) -> Iterable[Frame]:
        """Return the frames of an error; nothing follows."""
        return ()

    def end(self, answer: Answer, finish: Finish | None) -> Iterable[Frame]:
        """Return the frames that end a complete answer; `finish` is the last `Finish` part."""
        return ()


def write(writer: Writer[Frame], parts: Iterable[Part]) -> Iterator[Frame]:
    """Encode parts, each as soon as it is available."""
    builder, called = AnswerBuilder(), 0
    finish: Finish | None = None
    # The bytes around a text delta, and the deltas that the builder does not have yet.
    around: tuple[Any, Any] | None = None
    before: Any = b""
    after: Any = b""
    ahead: list[str] = []
    yield from writer.begin()
    for part in parts:
        if around is not None:
            if part.__class__ is Text and (added := part.text):
                try:
                    frame: Any = before + encode_basestring(added).encode() + after
                except UnicodeEncodeError:
                    # Half of a surrogate pair, which the builder joins with its other half.
                    pass
                else:
                    ahead.append(added)
                    yield frame
                    continue
            around = None
            if ahead:
                builder.apply(Text("".join(ahead)))
                ahead.clear()
        step = builder.apply(part)
        if not isinstance(part, ToolCallDelta) and len(step.tool_calls) > called:
            yield from writer.calls(step.tool_calls[called:], called)
            called = len(step.tool_calls)
        match part:
            case Text() | TextSnapshot():
                if step.rewritten:
                    yield from writer.rewritten(step)
                elif step.delta:
                    yield from writer.text(step.delta, step)
                    if step.delta == part.text and (around := writer.around_text()) is not None:
                        before, after = around
            case Reasoning() | ReasoningSnapshot():
                if step.reasoning_delta:
                    yield from writer.reasoning(step.reasoning_delta, step)
            case ToolCallDelta():
                yield from writer.call(part)
            case ToolResult():
                yield from writer.result(part)
            case ToolApproval():
                yield from writer.approval(part)
            case Citations(items):
                yield from writer.citations(items, step)
            case UsageUpdate():
                yield from writer.usage(part, step)
            case Data(str(name), str(value)):
                yield from writer.data(name, value)
            case Finish():
                finish = part
                yield from writer.finish(part)
            case Failure():
                yield from _leftover(writer, builder)
                yield from writer.failure(part, builder.answer)
                return
            case _:
                pass
    if ahead:
        builder.apply(Text("".join(ahead)))
    if len(builder.answer.tool_calls) > called:
        yield from writer.calls(builder.answer.tool_calls[called:], called)
    yield from _leftover(writer, builder)
    yield from writer.end(builder.answer, finish)


def _leftover(writer: Writer[Frame], builder: AnswerBuilder) -> Iterator[Frame]:
    """Encode half a surrogate pair that still waits for its other half at the end."""
    before = builder.answer
    last = builder.flush()
    if last is before:
        return
    if last.reasoning_delta:
        yield from writer.reasoning(last.reasoning_delta, last)
    if last.delta:
        yield from writer.text(last.delta, last)
