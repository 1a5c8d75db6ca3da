"""Helpers for encoding in more than one dialect."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from chatsdk.parts import Finish, Identity, Part, ToolCallDelta, Usage, UsageUpdate

__all__ = [
    "CREATED",
    "CallPieces",
    "around_empty",
    "counts",
    "dump",
    "native_reason",
    "opening",
]

# A fixed creation time in seconds since 1970 (2026-09-21), so that equal answers have equal bytes.
CREATED = 1790000000

# `json.dumps` makes an encoder for each call that has options.
_readable = json.JSONEncoder(ensure_ascii=False).encode


def dump(value: Any) -> str:
    """Encode JSON on one line, with readable text, and keep lone surrogates."""
    text = _readable(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        # If escaped, a lone surrogate joins its other half in the receiver's text; as bytes it
        # would be lost.
        return json.dumps(value)
    return text


def around_empty(frame: bytes) -> tuple[bytes, bytes]:
    """Return a frame's bytes before and after its last empty JSON string."""
    before, _, after = frame.rpartition(b'""')
    return before, after


def opening(parts: Iterable[Part], *, id: str, model: str) -> tuple[Identity, Iterator[Part]]:
    """Return the ids and model for the first frame, and the remaining parts.

    The first frame contains the ids, and clients do not expect them to change. The leading
    `Identity` parts are therefore merged; later ones are ignored.
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
    """Return the backend's native finish reason.

    Args:
        finish: the last one among the parts, or ``None``.
        known: the native values, each with its decoded reason.
        native: the nearest native value for each finish reason.
        default: the value for a reason that is not in `native`.
    """
    if finish is None:
        return default
    if finish.native is not None and known.get(finish.native) == finish.reason:
        return finish.native
    return native.get(finish.reason, default)


def counts(usage: Usage | UsageUpdate) -> tuple[int, int, int]:
    """Return input, output and total for a backend that sends all three; unknown counts are 0."""
    into, out = usage.input or 0, usage.output or 0
    return into, out, into + out if usage.total is None else usage.total


class CallPieces:
    """The arguments already sent for each tool call, for protocols that can only append deltas."""

    def __init__(self) -> None:
        self._said: dict[int | str, list[str]] = {}

    def added(self, part: ToolCallDelta) -> str:
        """Return the arguments that `part` adds."""
        said = self._said.setdefault(part.index, [])
        piece = part.arguments
        if part.replace:
            whole = "".join(said)
            piece = piece[len(whole) :] if piece.startswith(whole) else ""
        said.append(piece)
        return piece

    def whole(self, index: int | str) -> str:
        """Return all arguments of a call up to now."""
        return "".join(self._said.get(index, ()))
