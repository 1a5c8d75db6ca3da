"""Keeps the parts of Gemini's content unchanged, for the next request."""

from __future__ import annotations

from typing import Any

from chatsdk.dialects.request import Room

__all__ = ["DIALECT", "SIGNATURE", "Content"]

# The name in `chatsdk.parts.Native`.
DIALECT = "gemini"

# A part's field for the signature of its thoughts.
SIGNATURE = "thoughtSignature"


class Content:
    """Collects the parts of one content.

    Parts with a signature stay unchanged, even those without text, because Google requires that
    other parts are not joined to them (https://ai.google.dev/gemini-api/docs/thought-signatures).
    Other text is joined; thoughts, which are summaries for people, are dropped.
    """

    def __init__(self) -> None:
        # Each part, and the deltas of its text if more may follow.
        self._parts: list[tuple[dict[str, Any], list[str]]] = []
        self._open = False
        self._signed = False
        self._room = Room()

    def add(self, part: dict[str, Any], text: str) -> None:
        """Store a part and its text."""
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
        """Return the parts if one of them has a signature, else ``None``."""
        if not self._signed or not self._room:
            return None
        return [
            part | {"text": "".join(pieces)} if pieces else part for part, pieces in self._parts
        ]
