"""AG-UI's ``encryptedValue``: opaque state to return to the agent's model."""

from __future__ import annotations

from typing import Any

from chatsdk.dialects.request import Room

__all__ = ["DIALECT", "Encrypted", "add_encrypted"]

# The name in `chatsdk.parts.Native`.
DIALECT = "agui"


class Encrypted:
    """Collects the values of ``REASONING_ENCRYPTED_VALUE``, and the reasoning they belong to.

    The client stores them and returns them in a later turn
    (https://docs.ag-ui.com/concepts/reasoning).
    """

    def __init__(self) -> None:
        self._thoughts: dict[str, list[str]] = {}
        self._values: dict[tuple[object, str], str] = {}
        self._room = Room()

    def think(self, id: str, piece: str) -> None:
        """Store a reasoning delta."""
        if self._room.take(piece):
            self._thoughts.setdefault(id, []).append(piece)

    def see(self, subtype: object, id: str, value: str) -> None:
        """Store the value of a ``message`` or a ``tool-call``."""
        if self._room.take(value):
            self._values[subtype, id] = value

    def whole(self) -> list[dict[str, Any]] | None:
        """Return the state to keep, or ``None``."""
        if not self._values or not self._room:
            return None
        return [
            {"of": subtype, "id": id, "encryptedValue": value}
            | ({"content": "".join(self._thoughts[id])} if id in self._thoughts else {})
            for (subtype, id), value in self._values.items()
        ]


def add_encrypted(message: dict[str, Any], kept: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add the values to an encoded message; return the reasoning that precedes it."""
    reasoning = []
    for item in kept:
        id, value = item.get("id"), item.get("encryptedValue")
        if "content" in item:
            content = str(item["content"])
            reasoning.append(
                {"id": id, "role": "reasoning", "content": content, "encryptedValue": value}
            )
        elif item.get("of") == "message":
            message["encryptedValue"] = value
        for call in message.get("toolCalls", ()):
            if call["id"] == id:
                call["encryptedValue"] = value
    return reasoning
