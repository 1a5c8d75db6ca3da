"""Keeps providers' metadata of a UI message's parts, to send it back."""

from __future__ import annotations

from typing import Any

from chatsdk.dialects.request import Room

__all__ = ["DIALECT", "Metadata", "add_metadata"]

# The name in `chatsdk.parts.Native`.
DIALECT = "vercel"


class Metadata:
    """Collects ``providerMetadata``: signatures and ids of the model's provider.

    A UI message has it in its parts, as ``callProviderMetadata`` in tool calls, and the complete
    message is sent back (ai 6.0.326, ``process-ui-message-stream.ts``).
    """

    def __init__(self) -> None:
        # The deltas of reasoning by its id, and the metadata of a part by its kind and id.
        self._thoughts: dict[str, list[str]] = {}
        self._found: dict[tuple[str, str], dict[str, Any]] = {}
        self._room = Room()

    def think(self, id: str, piece: str) -> None:
        """Store a reasoning delta."""
        if self._room.take(piece):
            self._thoughts.setdefault(id, []).append(piece)

    def see(self, kind: str, id: str, value: object) -> None:
        """Store the metadata of a part of this kind: ``reasoning``, ``text`` or ``call``."""
        if isinstance(value, dict) and self._room.take(value):
            self._found[kind, id] = value

    def whole(self) -> list[dict[str, Any]] | None:
        """Return the entries to keep, ``None`` if there are none."""
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
    """Add the kept metadata to the encoded parts of the same message."""
    thoughts = []
    for piece in kept:
        kind, value = piece.get("of"), piece.get("metadata")
        if kind == "reasoning":
            text = str(piece.get("text", ""))
            # Redacted reasoning has an empty text.
            thoughts.append({"type": "reasoning", "text": text, "providerMetadata": value})
        for part in parts:
            if kind == part["type"] == "text":
                part["providerMetadata"] = value
            elif kind == "call" and part.get("toolCallId") == piece.get("id"):
                part["callProviderMetadata"] = value
    parts[:0] = thoughts
