"""Decides whether an answer is complete."""

from __future__ import annotations

from chatsdk.answer import Answer
from chatsdk.dialects.dialect import About
from chatsdk.parts import Failure

__all__ = ["trailing_error", "proof"]


def trailing_error(tail: bytes) -> Failure | None:
    """Return an error outside an event that broke the stream off; `tail` is the body's end."""
    from chatsdk.dialects.error_bodies import outside_events

    return outside_events(tail)


def proof(
    about: About, answer: Answer, ended: bool, *, delimited: bool, pending: bool = False
) -> str | None:
    """Return the proof that `answer` is complete, after a body that ended without an error.

    Args:
        about: of the dialect that decoded the body; for ``auto``, of the detected one.
        answer: the last step.
        ended: whether the dialect's end marker arrived (`AnswerBuilder.ended`).
        delimited: whether the HTTP body had chunks or a length and ended there. Otherwise the body
            ends with the connection, so a truncated body looks the same.
        pending: whether the body ended inside an event, which was dropped.

    Returns:
        ``"marker"``, ``"finish_reason"`` or ``"framing"``; ``"unproven"`` if only `delimited` is
            missing and the dialect has no end marker; ``None`` if the answer was interrupted.
    """
    if ended:
        return "marker"
    if not delimited and (pending or (about.end_marker is not None and not about.clean_end)):
        # The body may be truncated, and the marker that would disprove it is missing.
        return None
    if answer.finish_reason is not None:
        found = "finish_reason"
    elif pending:
        return None
    elif about.clean_end or (about.end_marker is None and not about.finish_reason):
        found = "framing"
    else:
        return None
    return found if delimited else "unproven"
