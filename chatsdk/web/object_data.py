"""`ObjectData`: the object of an answer as data for the page."""

from __future__ import annotations

import json
from typing import Any

from chatsdk.answer import Answer
from chatsdk.output.plain import plain
from chatsdk.parts import Data

__all__ = ["ObjectData"]

# The object is sent again, as a whole, when its text has grown by an eighth, and by this many
# characters: the bytes for it then grow with the length of the text.
LEAST_CHARS = 32
SHARE = 8


class ObjectData:
    """Makes a `Data` part of an answer's object whenever that has grown enough."""

    def __init__(self) -> None:
        self._next = 0
        self._sent: str | None = None

    def part(self, answer: Answer[Any], *, last: bool = False) -> Data | None:
        """Return the part for a step, ``None`` if there is nothing new to send.

        Args:
            answer: the step.
            last: no step follows.
        """
        length = len(answer.text)
        if length < self._next and not last and not answer.rewritten:
            return None
        value = answer.value
        if value is None:
            return None
        self._next = length + max(LEAST_CHARS, length // SHARE)
        text = json.dumps(plain(value), ensure_ascii=False)
        if text == self._sent:
            return None
        self._sent = text
        return Data("object", text)
