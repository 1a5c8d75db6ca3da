"""Frames that differ in one string only: of most of them nothing else has to be parsed again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chatsdk.dialects.payload import SCAN, UNSCANNABLE

__all__ = ["Alike"]


class Alike:
    """The frame that was parsed last, but for the one string that the next will have anew.

    A model's text comes in hundreds of frames with the same ids around each piece. One that begins
    and ends as the last one did, with exactly one JSON string in between, says what that one said,
    but for this string: in JSON's grammar a value does not change what is around it.

    Args:
        key: the name of the member whose value the string is.
    """

    __slots__ = ("_after", "_before", "_hit", "_key", "_start", "_tries", "_wait")

    def __init__(self, key: str) -> None:
        self._key = f'"{key}":'
        # Where the string begins, and what stands before and after it.
        self._start = 0
        self._before: str | None = None
        self._after = ""
        # Whether another was like the one learned last, and if not, how many are let pass before
        # the next is learned.
        self._hit = True
        self._wait = self._tries = 1

    def text(self, data: str) -> str:
        """Return the string of a frame like the last one, ``""`` for one that has to be parsed."""
        start = self._start
        if data[:start] == self._before:
            try:
                text, end = SCAN(data, start)
            except UNSCANNABLE:
                return ""
            if data[end:] == self._after and text.__class__ is str:
                self._hit = True
                return text
        return ""

    def learn(self, data: str, reads: Callable[[Any], str | None]) -> None:
        """Take a frame that was parsed for the one to compare with.

        Args:
            data: the frame.
            reads: gives of a parsed frame the string, and ``None`` if it says more than that. It
                must give the same for the same frame until `forget` is called.
        """
        self._before = None
        if self._hit:
            self._wait = 1
        else:
            # The one before was not like it: among such frames this is tried ever more seldom.
            self._tries -= 1
            if self._tries:
                return
            self._wait *= 2
        self._tries = self._wait
        self._hit = False
        name = data.find(self._key)
        start = name + len(self._key)
        start += data[start : start + 1] == " "
        if name < 0 or data[start : start + 1] != '"':
            return
        # The name may stand elsewhere, too. If this is the place, another string here is read.
        before = data[:start]
        try:
            _, end = SCAN(data, start)
            for other in "ab":
                frame, _ = SCAN(f'{before}"{other}"{data[end:]}', 0)
                if reads(frame) != other:
                    return
        except UNSCANNABLE:
            return
        self._start, self._before, self._after = start, before, data[end:]

    def forget(self) -> None:
        """Compare with none until the next is learned: what was around it is read differently."""
        self._before = None
