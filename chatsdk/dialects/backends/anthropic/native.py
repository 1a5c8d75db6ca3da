"""Keeps the blocks of Anthropic's message unchanged, for the next request."""

from __future__ import annotations

import json
from typing import Any

from chatsdk.dialects.request import Room

__all__ = ["DIALECT", "Content"]

# The name in `chatsdk.parts.Native`.
DIALECT = "anthropic"

# Blocks that fit into a message's other fields.
PLAIN = ("text", "tool_use")

# Fields that deltas may create in a block. Any other must exist at the block's start, because the
# API might not accept fields there that a later version adds.
GROWING = ("thinking", "signature", "partial_json")


class Content:
    """Joins the blocks of one message: deltas are appended to their fields.

    A start event begins a new block, whatever its index, because some servers repeat an index.

    Attributes:
        text: the list that collects the deltas of the current text block.
    """

    def __init__(self) -> None:
        self.text: list[str] = []
        self._blocks: list[dict[str, Any]] = []
        self._pieces: list[dict[str, list[str]]] = []
        # For each index, the position of the latest block with it.
        self._places: dict[int, int] = {}
        self._room = Room()

    def begin(self, index: object, block: dict[str, Any]) -> None:
        """Store the start of a block."""
        if isinstance(index, int) and self._room.take(block):
            self._places[index] = len(self._blocks)
            self._blocks.append(dict(block))
            pieces: dict[str, list[str]] = {}
            self._pieces.append(pieces)
            if block.get("type") == "text":
                self.text = pieces["text"] = []

    def add(self, index: object, delta: dict[str, Any]) -> None:
        """Store a delta other than text."""
        place = self._places.get(index) if isinstance(index, int) else None
        if place is None or not self._room.take(delta):
            return
        block = self._blocks[place]
        for name, value in delta.items():
            if name == "citation":
                known = block.get("citations")
                if not isinstance(known, list):
                    known = block["citations"] = []
                known.append(value)
            elif (name in GROWING or name in block) and name != "type" and isinstance(value, str):
                self._pieces[place].setdefault(name, []).append(value)

    def whole(self) -> list[dict[str, Any]] | None:
        """Return the blocks if at least one does not fit into other fields, else ``None``."""
        if not self._room or all(block.get("type") in PLAIN for block in self._blocks):
            return None
        return [self._block(place) for place in range(len(self._blocks))]

    def _block(self, place: int) -> dict[str, Any]:
        block = self._blocks[place]
        for name, pieces in self._pieces[place].items():
            text = "".join(pieces)
            if name == "partial_json":
                if text:
                    block["input"] = _object(text)
            else:
                begun = block.get(name)
                block[name] = begun + text if isinstance(begun, str) else text
        return block


def _object(text: str) -> dict[str, Any]:
    # Malformed arguments cannot be sent back; the tool's result describes the error.
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
