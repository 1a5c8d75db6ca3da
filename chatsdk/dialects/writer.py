"""The encode side of every dialect: what is said of an answer, in the order of its parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from chatsdk.answer import Answer, AnswerBuilder, ToolCall
from chatsdk.parts import (
    Citation,
    Citations,
    Failure,
    Finish,
    Part,
    Reasoning,
    ReasoningSnapshot,
    Text,
    TextSnapshot,
    ToolCallDelta,
    ToolResult,
    UsageUpdate,
)

__all__ = ["Writer", "write"]

Frame = TypeVar("Frame")


class Writer(Generic[Frame]):
    """Writes the frames of one answer.

    A dialect overrides what it has frames for; the rest says nothing. `write` calls the methods in
    the order of the parts, and leaves pieces out that add nothing. A `step` is the answer so far.
    """

    def begin(self) -> Iterable[Frame]:
        """Say what comes before all parts."""
        return ()

    def text(self, added: str, step: Answer) -> Iterable[Frame]:
        """Say a piece of the text."""
        return ()

    def rewritten(self, step: Answer) -> Iterable[Frame]:
        """Say that the text is another one now; where that cannot be said, it follows whole."""
        return self.text(step.text, step) if step.text else ()

    def reasoning(self, added: str, step: Answer) -> Iterable[Frame]:
        """Say a piece of the reasoning."""
        return ()

    def call(self, part: ToolCallDelta) -> Iterable[Frame]:
        """Say a piece of a tool call, where calls are sent in pieces."""
        return ()

    def calls(self, calls: tuple[ToolCall, ...], first: int) -> Iterable[Frame]:
        """Say calls that are whole, where each is sent at once; `first` is the place of the first.

        A call is whole when something else than a call comes after it.
        """
        return ()

    def result(self, part: ToolResult) -> Iterable[Frame]:
        """Say the result of a tool that was run on this side."""
        return ()

    def citations(self, items: tuple[Citation, ...], step: Answer) -> Iterable[Frame]:
        """Say what the answer leans on."""
        return ()

    def usage(self, part: UsageUpdate, step: Answer) -> Iterable[Frame]:
        """Say counts, where they have a frame of their own."""
        return ()

    def finish(self, part: Finish) -> Iterable[Frame]:
        """Say why the model stopped, where the end does not say it."""
        return ()

    def failure(self, part: Failure, answer: Answer) -> Iterable[Frame]:
        """Say that it failed; nothing follows."""
        return ()

    def end(self, answer: Answer, finish: Finish | None) -> Iterable[Frame]:
        """Say that the answer is whole; `finish` is the last one among the parts."""
        return ()


def write(writer: Writer[Frame], parts: Iterable[Part]) -> Iterator[Frame]:
    """Write parts, each as soon as it is there."""
    builder, called = AnswerBuilder(), 0
    finish: Finish | None = None
    yield from writer.begin()
    for part in parts:
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
            case Reasoning() | ReasoningSnapshot():
                if step.reasoning_delta:
                    yield from writer.reasoning(step.reasoning_delta, step)
            case ToolCallDelta():
                yield from writer.call(part)
            case ToolResult():
                yield from writer.result(part)
            case Citations(items):
                yield from writer.citations(items, step)
            case UsageUpdate():
                yield from writer.usage(part, step)
            case Finish():
                finish = part
                yield from writer.finish(part)
            case Failure():
                yield from _leftover(writer, builder)
                yield from writer.failure(part, builder.answer)
                return
            case _:
                pass
    if len(builder.answer.tool_calls) > called:
        yield from writer.calls(builder.answer.tool_calls[called:], called)
    yield from _leftover(writer, builder)
    yield from writer.end(builder.answer, finish)


def _leftover(writer: Writer[Frame], builder: AnswerBuilder) -> Iterator[Frame]:
    """Say what text and reasoning end with: half a pair that waited for its other half."""
    before = builder.answer
    last = builder.flush()
    if last is before:
        return
    if last.reasoning_delta:
        yield from writer.reasoning(last.reasoning_delta, last)
    if last.delta:
        yield from writer.text(last.delta, last)
