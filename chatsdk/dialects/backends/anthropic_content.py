"""The blocks of Anthropic's message as they came, for the request that goes on from it."""

from __future__ import annotations

import json
from typing import Any

from chatsdk.dialects.keeping import Room

__all__ = ["DIALECT", "Content"]

# Whose form it is, in `chatsdk.parts.Native`.
DIALECT = "anthropic"

# Blocks that a message's own fields can hold.
PLAIN = ("text", "tool_use")

# Fields that deltas add to though their block may begin without them. Any other has to be there:
# what a later version of the API adds, it might not take back in that place.
GROWING = ("thinking", "signature", "partial_json")


class Content:
    """Puts the blocks of one message together: what deltas say is added to their fields.

    A start begins a block, whatever its number: some servers give the same number to several.

    Attributes:
        text: where the pieces of the text block under way are to be noted.
    """

    def __init__(self) -> None:
        self.text: list[str] = []
        self._blocks: list[dict[str, Any]] = []
        self._pieces: list[dict[str, list[str]]] = []
        # Of each index the place of the block that began there last.
        self._places: dict[int, int] = {}
        self._room = Room()

    def begin(self, index: object, block: dict[str, Any]) -> None:
        """Note what a block begins with."""
        if isinstance(index, int) and self._room.take(block):
            self._places[index] = len(self._blocks)
            self._blocks.append(dict(block))
            pieces: dict[str, list[str]] = {}
            self._pieces.append(pieces)
            if block.get("type") == "text":
                self.text = pieces["text"] = []

    def add(self, index: object, delta: dict[str, Any]) -> None:
        """Note a delta that is not of text."""
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
        """Return the blocks if there is one among them that only they can hold, else ``None``."""
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
    # What the model got wrong cannot be sent back; the tool's result says what was wrong.
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
