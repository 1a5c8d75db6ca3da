"""What the encode side of more than one dialect needs: parts in, JSON out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from chatsdk.parts import Finish, Identity, Part, ToolCallDelta, Usage, UsageUpdate

__all__ = [
    "CREATED",
    "CallPieces",
    "counts",
    "dump",
    "native_reason",
    "opening",
]

# Seconds since 1970, 2026-09-21: answers that are written twice are the same bytes.
CREATED = 1790000000


def dump(value: Any) -> str:
    """Write JSON on one line, readable, and such that halves of surrogate pairs survive."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        # Escaped, a half meets its other half in the reader's text; as bytes it would be lost.
        return json.dumps(value)
    return text


def opening(parts: Iterable[Part], *, id: str, model: str) -> tuple[Identity, Iterator[Part]]:
    """Return who answers, and the parts after it.

    The ids stand in the first frame already, and readers take it amiss when they change; so the
    identities with which the parts begin are taken first, and later ones do not count.
    """
    identity = Identity(id=id, model=model)
    rest = iter(parts)
    for part in rest:
        if not isinstance(part, Identity):
            return identity, chain((part,), rest)
        identity = Identity(
            id=part.id or identity.id,
            conversation_id=part.conversation_id or identity.conversation_id,
            model=part.model or identity.model,
            task=part.task or identity.task,
        )
    return identity, rest


def native_reason(
    finish: Finish | None, known: Mapping[str, str], native: Mapping[str, str], default: str
) -> str:
    """Return the backend's word for why the model stopped.

    Args:
        finish: the last one among the parts, or ``None``.
        known: the backend's words, with the reason that each is read as.
        native: for each of our reasons the word that comes nearest.
        default: for a reason that is not in `native`.
    """
    if finish is None:
        return default
    if finish.native is not None and known.get(finish.native) == finish.reason:
        return finish.native
    return native.get(finish.reason, default)


def counts(usage: Usage | UsageUpdate) -> tuple[int, int, int]:
    """Return input, output and total for a backend that sends all three; what is unknown is 0."""
    into, out = usage.input or 0, usage.output or 0
    return into, out, into + out if usage.total is None else usage.total


class CallPieces:
    """What of each tool call's arguments is still to be said, where pieces can only be added."""

    def __init__(self) -> None:
        self._said: dict[int | str, list[str]] = {}

    def added(self, part: ToolCallDelta) -> str:
        """Return the piece of the arguments that `part` adds to those before."""
        said = self._said.setdefault(part.index, [])
        piece = part.arguments
        if part.replace:
            whole = "".join(said)
            piece = piece[len(whole) :] if piece.startswith(whole) else ""
        said.append(piece)
        return piece

    def whole(self, index: int | str) -> str:
        """Return all that was said of a call's arguments."""
        return "".join(self._said.get(index, ()))
