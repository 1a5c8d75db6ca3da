"""The parts of Gemini's content as they came, for the request that goes on from it."""

from __future__ import annotations

from typing import Any

from chatsdk.dialects.keeping import Room

__all__ = ["DIALECT", "SIGNATURE", "Content"]

# Whose form it is, in `chatsdk.parts.Native`.
DIALECT = "gemini"

# The field by which a part carries the thoughts behind it.
SIGNATURE = "thoughtSignature"


class Content:
    """Collects the parts of one content.

    Signed parts stay as they are, even those without text: Google wants no part joined to one that
    has a signature (https://ai.google.dev/gemini-api/docs/thought-signatures). Other text is
    joined, and thoughts, which are summaries for people, are left out.
    """

    def __init__(self) -> None:
        # Each part with the pieces of its text, where it may go on.
        self._parts: list[tuple[dict[str, Any], list[str]]] = []
        self._open = False
        self._signed = False
        self._room = Room()

    def add(self, part: dict[str, Any], text: str) -> None:
        """Note a part, whose text is `text`."""
        signed = bool(part.get(SIGNATURE))
        self._signed = self._signed or signed
        if not signed and (part.get("thought") is True or part.keys() <= {"text"}):
            if not text or part.get("thought") is True:
                return
            if not self._open:
                self._parts.append(({}, []))
                self._open = True
            self._parts[-1][1].append(text)
        elif self._room.take(part):
            self._parts.append((part, []))
            self._open = False

    def whole(self) -> list[dict[str, Any]] | None:
        """Return the parts if one of them is signed, else ``None``."""
        if not self._signed or not self._room:
            return None
        return [
            part | {"text": "".join(pieces)} if pieces else part for part, pieces in self._parts
        ]
