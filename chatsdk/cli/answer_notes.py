"""Notes about an answer besides its text, safe for a terminal."""

from __future__ import annotations

from typing import TextIO

from chatsdk.answer import Answer
from chatsdk.outcome import Outcome

__all__ = ["encodable", "facts", "printable", "remarks"]

# Control characters: a backend's text must not move the cursor, set the title or write to the
# clipboard. Line feeds and tabs stay; carriage returns are dropped.
_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), "\ufffd")
_CONTROLS |= {ord("\n"): "\n", ord("\t"): "\t", ord("\r"): ""}

# Finish reasons that leave an answer incomplete.
TRUNCATED = {
    "length": "the answer is incomplete: the model reached its token limit",
    "content_filter": "the answer is incomplete: the backend's content filter ended it",
}


def printable(text: str) -> str:
    """Return `text` without terminal control characters."""
    return text.translate(_CONTROLS)


def encodable(text: str, stream: TextIO) -> str:
    """Return `text` with ``?`` for lone surrogates and characters outside the stream's encoding."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def facts(answer: Answer) -> list[str]:
    """Return the tool calls and citations of an answer, a line each."""
    lines = [f"[calls {call.name}({call.arguments})]" for call in answer.tool_calls]
    for number, citation in enumerate(answer.citations, 1):
        words = (citation.title or citation.document, citation.url)
        shown = citation.position if citation.position is not None else number
        lines.append(f"[{shown}] {' '.join(word for word in words if word)}")
    return lines


def remarks(outcome: Outcome, *, timings: bool) -> list[str]:
    """Return notes on how an answer ended, a line each."""
    answer = outcome.answer
    if outcome.reason == "stopped":
        return ["stopped; the text so far is kept" if answer.text else "stopped"]
    if outcome.reason == "error":
        return []
    lines = []
    if answer.finish_reason in TRUNCATED:
        lines.append(TRUNCATED[answer.finish_reason])
    if outcome.end == "unproven":
        lines.append(
            "the answer may be incomplete: the backend closed the connection without an end marker"
        )
    if timings or not answer.text:
        lines.append(timed(outcome))
    return lines


def timed(outcome: Outcome) -> str:
    """Return the timings of the answer, in words."""
    timings, answer = outcome.timings, outcome.answer
    events = "1 event" if timings.events == 1 else f"{timings.events} events"
    if answer.text or timings.first_text is not None:
        first = f"first text {timings.first_text or 0.0:.3f} s, "
    elif answer.tool_calls:
        first = "no text, only tool calls; "
    else:
        first = "the answer was empty; "
    return f"{first}{events}, {timings.duration:.3f} s"
