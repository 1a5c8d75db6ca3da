"""What some look-alikes of OpenAI want to get back with an answer, in fields of their own."""

from __future__ import annotations

from typing import Any

from chatsdk.dialects.keeping import Room
from chatsdk.dialects.payload import as_list, as_object

__all__ = ["DIALECT", "Kept"]

# Whose form it is, in `chatsdk.parts.Native`.
DIALECT = "openai"

# Fields of OpenRouter's `reasoning_details` that come in pieces.
GROWING = ("text", "summary", "data", "signature")


class Kept:
    """Collects those fields.

    They are OpenRouter's ``reasoning_details`` of a message
    (https://openrouter.ai/docs/use-cases/reasoning-tokens), and of a call the ``extra_content`` of
    Google's compatible API, its signature, without which Gemini refuses the result
    (https://ai.google.dev/gemini-api/docs/thought-signatures).
    """

    def __init__(self) -> None:
        self._details: list[dict[str, Any]] = []
        self._pieces: dict[tuple[int, str], list[str]] = {}
        self._calls: dict[str, dict[str, Any]] = {}
        self._room = Room()

    def add_details(self, value: object) -> None:
        """Note what a chunk says of the reasoning; a piece goes on with the one before."""
        for item in as_list(value, "reasoning_details"):
            detail = as_object(item, "reasoning_details[]")
            if not self._room.take(detail):
                return
            last = self._details[-1] if self._details else None
            names = ("type", "index")
            if last is None or any(last.get(name) != detail.get(name) for name in names):
                last = {}
                self._details.append(last)
            place = len(self._details) - 1
            for name, held in detail.items():
                if name in GROWING and isinstance(held, str):
                    self._pieces.setdefault((place, name), []).append(held)
                if held is not None:
                    last[name] = held

    def add_call(self, id: str, extra: dict[str, Any]) -> None:
        """Note what a call carries."""
        if self._room.take(extra):
            self._calls[id] = extra

    def whole(self) -> list[dict[str, Any]] | None:
        """Return the fields and what they are of, a call's id or ``None`` for the message."""
        if not self._room:
            return None
        for (place, name), pieces in self._pieces.items():
            self._details[place][name] = "".join(pieces)
        found: list[dict[str, Any]] = []
        if self._details:
            found.append({"call": None, "fields": {"reasoning_details": self._details}})
        found += [
            {"call": id, "fields": {"extra_content": extra}} for id, extra in self._calls.items()
        ]
        return found or None
