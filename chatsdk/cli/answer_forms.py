"""The output formats of `chatsdk ask`: text, payloads, JSON."""

from __future__ import annotations

import json
import sys
from typing import Any, Protocol, TextIO

from chatsdk.answer import Answer
from chatsdk.cli.answer_notes import encodable, printable
from chatsdk.cli.payloads import Payloads, one_line
from chatsdk.client import AnswerStream
from chatsdk.errors import ChatError

__all__ = ["Form", "JsonForm", "RawForm", "TextForm", "ValueForm", "as_json", "dumped"]


class Form(Protocol):
    """Prints one answer in one format."""

    def begin(self, stream: AnswerStream) -> None:
        """Print nothing yet: only the response's header has arrived."""

    def step(self, answer: Answer) -> None:
        """Print what this step adds to the answer."""

    def end(self, answer: Answer, error: BaseException | None) -> None:
        """Print the rest; `error` is the exception that ended the answer early."""


class _Writer:
    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._terminal = out.isatty()

    def begin(self, stream: AnswerStream) -> None:
        """Print nothing yet."""

    def _write(self, text: str) -> None:
        if self._terminal:
            text = printable(text)
        self._out.write(encodable(text, self._out))
        self._out.flush()


class TextForm(_Writer):
    """Only the text, as it arrives.

    Args:
        out: the stream to write to.
        at_the_end: print nothing before the end, because the backend may change earlier words.
    """

    def __init__(self, out: TextIO, *, at_the_end: bool = False) -> None:
        super().__init__(out)
        self._at_the_end = at_the_end
        self._last = ""

    def step(self, answer: Answer) -> None:
        """Print the text that this step adds."""
        if self._at_the_end:
            return
        if answer.rewritten:
            self._end_line()
            print(
                "chatsdk: the backend has changed its answer; here is the new one", file=sys.stderr
            )
            self._put(answer.text)
        else:
            self._put(answer.delta)

    def end(self, answer: Answer, error: BaseException | None) -> None:
        """Print the text if it was held back, and a line end if it lacks one."""
        if self._at_the_end:
            self._put(answer.text)
        self._end_line()

    def _put(self, text: str) -> None:
        if text:
            # First, because Ctrl-C may arrive right after the write.
            self._last = text
            self._write(text)

    def _end_line(self) -> None:
        if self._last and not self._last.endswith("\n"):
            self._write("\n")
        self._last = ""


class RawForm(_Writer):
    """The payload of each event, one per line."""

    def __init__(self, out: TextIO, payloads: Payloads) -> None:
        super().__init__(out)
        self._payloads = payloads

    def begin(self, stream: AnswerStream) -> None:
        """Choose the framing by the response's header."""
        if stream.response is not None and stream.dialect is not None:
            self._payloads.begin(stream.dialect, stream.response.content_type)

    def step(self, answer: Answer) -> None:
        """Print the payloads that have arrived."""
        self._print()

    def end(self, answer: Answer, error: BaseException | None) -> None:
        """Print the last payloads; an answer in one JSON document is one payload."""
        self._print(ended=True)
        if not self._payloads.count and answer.raw is not None:
            raw = answer.raw
            self._write(one_line(raw if isinstance(raw, str) else dumped(raw)) + "\n")

    def _print(self, *, ended: bool = False) -> None:
        for line in self._payloads.new(ended=ended):
            self._write(f"{line}\n")


class JsonForm(_Writer):
    """The final answer as one JSON object, complete or not."""

    def step(self, answer: Answer) -> None:
        """Print nothing: the object follows at the end."""

    def end(self, answer: Answer, error: BaseException | None) -> None:
        """Print the object."""
        self._write(dumped(as_json(answer, error)) + "\n")


class ValueForm(_Writer):
    """The object of an answer with a schema, or the text that does not fit."""

    def step(self, answer: Answer) -> None:
        """Print nothing: the object follows at the end."""

    def end(self, answer: Answer, error: BaseException | None) -> None:
        """Print the object."""
        self._write((answer.text if error is not None else dumped(answer.value)) + "\n")


def as_json(answer: Answer, error: BaseException | None) -> dict[str, Any]:
    """Return an answer as JSON values, with the error that ended it early, if there was one."""
    usage = answer.usage
    return {
        "text": answer.text,
        **_value(answer),
        "reasoning": answer.reasoning,
        "tool_calls": [
            {"id": call.id, "name": call.name, "arguments": call.arguments}
            for call in answer.tool_calls
        ],
        "citations": [_fields(citation) for citation in answer.citations],
        "usage": usage._asdict() if usage else None,
        "finish_reason": answer.finish_reason,
        "id": answer.id,
        "conversation_id": answer.conversation_id,
        "model": answer.model,
        "timings": answer.timings._asdict(),
        "error": None if error is None else _as_error(error),
    }


def _value(answer: Answer) -> dict[str, Any]:
    """The object of an answer that was asked for with a schema."""
    if answer._ledger.growing is None:
        return {}
    from chatsdk.output.shape import plain

    return {"value": plain(answer.value)}


def _as_error(error: BaseException) -> dict[str, Any]:
    if not isinstance(error, ChatError):
        return {"type": "stopped", "message": "stopped by Ctrl-C"}
    known: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    for name in ("status", "code", "phase", "limit", "retry_after", "path", "expected", "came"):
        if (value := getattr(error, name, None)) is not None:
            known[name] = value
    if error.request_id:
        known["request_id"] = error.request_id
    return known


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__match_args__}


def dumped(value: Any) -> str:
    """Return a value as one line of JSON that can be encoded in UTF-8."""
    try:
        text = json.dumps(value, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair: only an escape can represent it.
        return json.dumps(value)
    return text
