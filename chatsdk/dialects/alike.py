"""Frames that differ in their text only: of most of them nothing else has to be parsed again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chatsdk.dialects.payload import SCAN, UNSCANNABLE

__all__ = ["Alike"]


class Alike:
    """The frame that was parsed last, but for the one string that the next will have anew.

    A model's text comes in hundreds of frames with the same ids around each piece. One that begins
    and ends as the last one did, with exactly one JSON string in between, says what that one said,
    but for this string: in JSON's grammar a value does not change what is around it. One more
    string may differ behind it that says nothing, such as padding that hides how long the text is.

    Args:
        key: the name of the member whose value the string is.
    """

    __slots__ = ("_after", "_before", "_between", "_hit", "_key", "_start", "_tries", "_wait")

    def __init__(self, key: str) -> None:
        self._key = f'"{key}":'
        # Where the string begins, and what stands before it, between it and the string that says
        # nothing, if there is one, and after both.
        self._start = 0
        self._before: str | None = None
        self._between = ""
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
                if self._between:
                    at = end + len(self._between)
                    if data[end:at] != self._between:
                        return ""
                    nothing, end = SCAN(data, at)
                    if nothing.__class__ is not str:
                        return ""
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
                must give the same for the same frame until `forget` is called, and of each other
                string in the frame depend on nothing but whether it is empty or a certain one.
        """
        earlier, self._before = (self._start, self._after), None
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
        before = data[:start]
        try:
            _, end = SCAN(data, start)
        except UNSCANNABLE:
            return
        between, after = "", data[end:]
        # The name may stand elsewhere, too. If this is the place, another string here is read.
        if not _is_read(before, between, after, reads):
            return
        if earlier[0] == start and earlier[1] != after:
            parted = _parted(earlier[1], after)
            if parted is not None and _is_read(before, *parted, reads):
                between, after = parted
        self._start, self._before, self._between, self._after = start, before, between, after

    def forget(self) -> None:
        """Compare with none until the next is learned: what was around it is read differently."""
        self._before = None


def _is_read(before: str, between: str, after: str, reads: Callable[[Any], str | None]) -> bool:
    """Whether the string behind `before` is what is read, whatever the one behind `between` is."""
    try:
        for text in "ab":
            for nothing in ('"a"', '"b"', '""') if between else ("",):
                frame, _ = SCAN(f'{before}"{text}"{between}{nothing}{after}', 0)
                if reads(frame) != text:
                    return False
    except UNSCANNABLE:
        return False
    return True


def _parted(one: str, other: str) -> tuple[str, str] | None:
    """What stands before and after the one string in which the two differ, if that is all.

    It must be a value: a name would say what stands behind it.
    """
    pairs = enumerate(zip(one, other, strict=False))
    differ = next((at for at, (here, there) in pairs if here != there), 0)
    at = other.rfind('"', 0, differ)
    if at < 0:
        return None
    try:
        end, end_of_one = SCAN(other, at)[1], SCAN(one, at)[1]
    except UNSCANNABLE:
        return None
    after = other[end:]
    if one[end_of_one:] != after or after.lstrip()[:1] == ":":
        return None
    return other[:at], after
