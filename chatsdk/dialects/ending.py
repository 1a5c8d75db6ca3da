"""How sure it is that an answer is whole."""

from __future__ import annotations

from chatsdk.answer import Answer
from chatsdk.dialects.contract import About
from chatsdk.parts import Failure

__all__ = ["bare_error", "proof"]


def bare_error(tail: bytes) -> Failure | None:
    """Return the error that broke a stream off outside of events; `tail` is the body's end."""
    from chatsdk.dialects.refusing import outside_events

    return outside_events(tail)


def proof(
    about: About, answer: Answer, ended: bool, *, delimited: bool, pending: bool = False
) -> str | None:
    """Return what shows that `answer` is whole, after a body that ended without an error.

    Args:
        about: of the dialect that read the body; of ``auto``, of the one it decided for.
        answer: the last step.
        ended: whether the dialect's end marker came (`AnswerBuilder.ended`).
        delimited: whether the HTTP body had chunks or a length and came to its own end. Without
            either it ends with the connection, and a cut looks just the same.
        pending: whether the body ended inside an event, which was dropped.

    Returns:
        ``"marker"``, ``"finish_reason"`` or ``"framing"``; ``"unproven"`` where all that is
        missing is `delimited` and the dialect has no end marker; ``None`` where the answer was
        interrupted.
    """
    if ended:
        return "marker"
    if not delimited and (pending or (about.end_marker is not None and not about.clean_end)):
        # It may have been cut, and the marker that would show otherwise did not come.
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
