"""`Running` and `Trimmed`: texts that arrive in chunks, or as growing snapshots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from chatsdk.parts import Reasoning, ReasoningSnapshot, Text, TextSnapshot

__all__ = ["Running", "Trimmed"]


_Piece = TypeVar("_Piece", Text, Reasoning)

_Whole = TypeVar("_Whole", TextSnapshot, ReasoningSnapshot)

# Up to this many characters in all messages, every rewrite sends the complete text at once.
FREE_CHARS = 4096

# Overhead of a message, in characters.
MESSAGE_CHARS = 32


class Running(Generic[_Piece, _Whole]):
    """The texts of messages, joined in the order in which they first arrived.

    Usually the last message grows, which takes only a delta. Any other change rewrites the complete
    text. Many rewrites by small messages would take quadratic time. So a long text is rewritten
    only after as many characters have arrived as it has, or by `flush`.

    Args:
        piece: creates the part for added text.
        whole: creates the part for the complete text.
    """

    def __init__(self, piece: Callable[[str], _Piece], whole: Callable[[str], _Whole]) -> None:
        self._piece: Callable[[str], _Piece] = piece
        self._whole: Callable[[str], _Whole] = whole
        # The deltas of each message; a snapshot is one delta.
        self._texts: dict[str, list[str]] = {}
        self._last = ""
        # Characters of all messages.
        self._cost = 0
        self._added: list[str] = []
        self._stale = False
        # Characters received since the last rewrite.
        self._paid = 0

    def put(self, id: str, text: str) -> None:
        """Set the text of a message to its latest snapshot."""
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
        """Append a delta to the text of a message."""
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
        """Return the part that brings the text up to date; none if nothing was added."""
        if self._stale:
            if not final and self._cost > FREE_CHARS and self._paid < self._cost:
                return []
            text = "".join(piece for pieces in self._texts.values() for piece in pieces)
            self._paid = 0
            # An empty text cannot be sent: the rewrite waits until the message has text again.
            self._stale = not text
            self._added.clear()
            return [self._whole(text)] if text else []
        added = "".join(self._added)
        self._added.clear()
        return [self._piece(added)] if added else []


class Trimmed:
    """A text that grows. Comparisons ignore white space around it.

    The cost of a comparison is at most the length of the other text, even after much white space.
    False before the first chunk.
    """

    def __init__(self) -> None:
        self._any = False
        self._pieces: list[str] = []
        self._length = 0
        # White space that counts only if text follows.
        self._space: list[str] = []

    def add(self, piece: str) -> None:
        """Append the next chunk."""
        self._any = True
        text = piece.rstrip()
        space = piece[len(text) :]
        if text:
            pieces = [*self._space, text] if self._pieces else [text.lstrip()]
            self._space.clear()
            self._pieces += pieces
            self._length += sum(map(len, pieces))
        if space and self._pieces:
            self._space.append(space)

    def says(self, text: str) -> bool:
        """Whether `text` is equal, ignoring white space around both."""
        text = text.strip()
        return len(text) == self._length and text == "".join(self._pieces)

    def __bool__(self) -> bool:
        return self._any
