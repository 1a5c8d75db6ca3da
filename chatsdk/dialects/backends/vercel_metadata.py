"""What a provider wants to get back with a UI message: the metadata of its parts."""

from __future__ import annotations

from typing import Any

from chatsdk.dialects.keeping import Room

__all__ = ["DIALECT", "Metadata", "add_metadata"]

# Whose form it is, in `chatsdk.parts.Native`.
DIALECT = "vercel"


class Metadata:
    """Collects ``providerMetadata``, in which the AI SDK has signatures and ids of a model's maker.

    A UI message has it at its parts, at calls of tools as ``callProviderMetadata``, and the whole
    message goes back (ai 6.0.326, ``process-ui-message-stream.ts``).
    """

    def __init__(self) -> None:
        # By the id of the reasoning its pieces, and by that of any part what comes with it.
        self._thoughts: dict[str, list[str]] = {}
        self._found: dict[tuple[str, str], dict[str, Any]] = {}
        self._room = Room()

    def think(self, id: str, piece: str) -> None:
        """Note a piece of reasoning."""
        if self._room.take(piece):
            self._thoughts.setdefault(id, []).append(piece)

    def see(self, kind: str, id: str, value: object) -> None:
        """Note what came with a part of this kind: ``reasoning``, ``text`` or ``call``."""
        if isinstance(value, dict) and self._room.take(value):
            self._found[kind, id] = value

    def whole(self) -> list[dict[str, Any]] | None:
        """Return the pieces to keep, ``None`` if there are none."""
        if not self._found or not self._room:
            return None
        kept: list[dict[str, Any]] = []
        for (kind, id), value in self._found.items():
            piece: dict[str, Any] = {"of": kind, "metadata": value}
            if kind == "reasoning":
                piece["text"] = "".join(self._thoughts.get(id, ()))
            elif kind == "call":
                piece["id"] = id
            kept.append(piece)
        return kept


def add_metadata(parts: list[dict[str, Any]], kept: list[dict[str, Any]]) -> None:
    """Put what was kept back to the parts that are written of the same message."""
    thoughts = []
    for piece in kept:
        kind, value = piece.get("of"), piece.get("metadata")
        if kind == "reasoning":
            text = str(piece.get("text", ""))
            # One that was redacted is empty.
            thoughts.append({"type": "reasoning", "text": text, "providerMetadata": value})
        for part in parts:
            if kind == part["type"] == "text":
                part["providerMetadata"] = value
            elif kind == "call" and part.get("toolCallId") == piece.get("id"):
                part["callProviderMetadata"] = value
    parts[:0] = thoughts
