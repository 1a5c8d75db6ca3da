"""`Wanted`: the type that an answer is asked for, and the check of the complete answer."""

from __future__ import annotations

import json
from typing import Any

from chatsdk.answer import Answer
from chatsdk.errors import BackendError, OutputError
from chatsdk.output.growing import Growing
from chatsdk.output.shape import Mismatch, Shape

__all__ = ["WORDS_BEFORE_SCHEMA", "Wanted", "correction", "instructions", "path_of"]

WORDS_BEFORE_SCHEMA = "fit this JSON schema:"

# Finish reasons of an answer that is not one.
_REFUSED = {
    "refusal": "the model declined to answer",
    "content_filter": "the backend's moderation ended the answer",
}


class Wanted:
    """The type wanted from one answer.

    Attributes:
        shape: the type.
        tool: the name of the tool whose arguments are the object, ``None`` if it is the text.
    """

    def __init__(self, shape: Shape, tool: str | None = None) -> None:
        self.shape = shape
        self.tool = tool

    def growing(self) -> Growing:
        """Return what makes the values of the answer's steps."""
        return Growing(self.shape)

    def check(self, answer: Answer[Any]) -> None:
        """Check a complete answer.

        An answer that calls tools waits for their results, and is not checked.

        Raises:
            BackendError: the model declined, or moderation ended the answer.
            OutputError: the answer does not fit.
        """
        reason = answer.finish_reason
        if reason == "tool_calls" and answer.tool_calls:
            return
        text = answer.text
        if reason in _REFUSED:
            said = text.strip()
            raise BackendError(
                f"{_REFUSED[reason]}: {said}" if said else _REFUSED[reason],
                message=said or _REFUSED[reason],
                code=answer.native_finish_reason or reason,
            )
        try:
            self.growing().check(text)
        except Mismatch as mismatch:
            found = mismatch
        else:
            return
        path = path_of(found.path)
        place = f"{path} should be" if path else "it should be"
        why = ""
        if reason == "length":
            why = "; it reached the limit of tokens, so allow more, with max_tokens for example"
        raise OutputError(
            f"the answer does not fit {self.shape.name}: {place} {found.expected}, "
            f"but is {found.came}{why}",
            path=path,
            expected=found.expected,
            came=found.came,
            text=text,
        )


def path_of(path: tuple[str | int, ...]) -> str:
    """Return a path such as ``"steps[2].minutes"``."""
    text = "".join(f"[{place}]" if isinstance(place, int) else f".{place}" for place in path)
    return text.removeprefix(".")


def instructions(shape: Shape) -> str:
    """Return the words that ask for the object, for a backend that has no other way."""
    schema = json.dumps(shape.schema, ensure_ascii=False, separators=(",", ":"))
    return (
        "Answer with one JSON object and nothing else: no explanation and no code fence. It must "
        f"{WORDS_BEFORE_SCHEMA}\n{schema}"
    )


def correction(error: OutputError) -> str:
    """Return the words that ask once more for an object that did not fit."""
    place = f"At {error.path}, " if error.path else "There, "
    return (
        f"That answer does not fit. {place}{error.expected} was expected, but this came: "
        f"{error.came}. Answer again with the complete, corrected JSON object and nothing else."
    )
