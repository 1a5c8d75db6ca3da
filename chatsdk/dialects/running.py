"""`Running`: the texts of several messages, each sent again as it grows, as one text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from chatsdk.parts import Reasoning, ReasoningSnapshot, Text, TextSnapshot

__all__ = ["Running"]

_Piece = TypeVar("_Piece", Text, Reasoning)
_Whole = TypeVar("_Whole", TextSnapshot, ReasoningSnapshot)

# Characters of all messages up to which the whole text is sent again whenever it was rewritten.
FREE_CHARS = 4096

# What a message costs besides its characters, counted as characters.
MESSAGE_CHARS = 32


class Running(Generic[_Piece, _Whole]):
    """The texts of messages, in the order in which they first came, joined.

    Mostly the last message grows, which takes a piece. Anything else rewrites the whole text. So
    that small messages cannot rewrite a long text again and again, which would be quadratic, a
    rewrite of a long one waits until as many characters have come as it has, or for `flush`.

    Args:
        piece: makes a part of what is added.
        whole: makes a part of all of it.
    """

    def __init__(self, piece: Callable[[str], _Piece], whole: Callable[[str], _Whole]) -> None:
        self._piece: Callable[[str], _Piece] = piece
        self._whole: Callable[[str], _Whole] = whole
        # Of each message its pieces; one if it was sent whole.
        self._texts: dict[str, list[str]] = {}
        self._last = ""
        # Characters of all of them.
        self._cost = 0
        self._added: list[str] = []
        self._stale = False
        # Characters that came since the text was written anew.
        self._paid = 0

    def put(self, id: str, text: str) -> None:
        """Take the text of a message as far as it has come."""
        pieces = self._texts.get(id)
        self._paid += len(text) + MESSAGE_CHARS
        known = "".join(pieces or ())
        if pieces is None:
            self._last = id
            self._cost += MESSAGE_CHARS
        elif text == known:
            return
        if id == self._last and text.startswith(known):
            self._added.append(text[len(known) :])
        else:
            self._stale = True
        self._texts[id] = [text]
        self._cost += len(text) - len(known)

    def add(self, id: str, piece: str) -> None:
        """Take a piece that is added to the text of a message."""
        self._paid += len(piece) + MESSAGE_CHARS
        pieces = self._texts.get(id)
        if pieces is None:
            pieces = self._texts[id] = []
            self._last = id
            self._cost += MESSAGE_CHARS
        if id == self._last:
            self._added.append(piece)
        else:
            self._stale = True
        pieces.append(piece)
        self._cost += len(piece)

    def take(self, *, final: bool = False) -> list[_Piece | _Whole]:
        """Return the part that brings the text up to date; none if there is nothing to add."""
        if self._stale:
            if not final and self._cost > FREE_CHARS and self._paid < self._cost:
                return []
            text = "".join(piece for pieces in self._texts.values() for piece in pieces)
            self._paid = 0
            # A text is never taken back altogether: its message begins anew.
            self._stale = not text
            self._added.clear()
            return [self._whole(text)] if text else []
        added = "".join(self._added)
        self._added.clear()
        return [self._piece(added)] if added else []
