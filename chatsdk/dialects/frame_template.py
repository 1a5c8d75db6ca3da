"""`Alike`: decodes frames that differ only in their text without parsing each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chatsdk.dialects.payload import SCAN, UNSCANNABLE

__all__ = ["Alike"]


class Alike:
    """The last parsed frame, as a template for frames that differ in one string.

    A model's text arrives in hundreds of frames with the same ids around each delta. If a frame
    starts and ends like the last one, with exactly one JSON string between, it has the same meaning
    except for this string. In JSON a value does not affect the text around it. A second, irrelevant
    string may differ after it, such as padding that hides the length of the text.

    Args:
        key: the name of the member whose value is the string.
    """

    __slots__ = ("_after", "_before", "_between", "_hit", "_key", "_start", "_tries", "_wait")

    def __init__(self, key: str) -> None:
        self._key = f'"{key}":'
        # The start of the string, and the text before it, between it and the irrelevant string (if
        # there is one), and after both.
        self._start = 0
        self._before: str | None = None
        self._between = ""
        self._after = ""
        # Whether a frame has matched since the last one was learned; if not, how many frames to
        # skip before the next is learned.
        self._hit = True
        self._wait = self._tries = 1

    def text(self, data: str) -> str:
        """Return the string of a frame that matches, ``""`` if the frame has to be parsed."""
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
        """Use a parsed frame as the template for the next ones.

        Args:
            data: the frame.
            reads: returns the string of a parsed frame, or ``None`` if the frame contains more. It
                must return the same for the same frame until `forget` is called. Its result may
                depend on another string in the frame only by whether that is empty or has a certain
                value.
        """
        earlier, self._before = (self._start, self._after), None
        if self._hit:
            self._wait = 1
        else:
            # No frame matched: wait longer before learning again.
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
        # The key may occur elsewhere. If this is the right one, replacing its string changes the
        # result.
        if not _is_read(before, between, after, reads):
            return
        if earlier[0] == start and earlier[1] != after:
            parted = _parted(earlier[1], after)
            if parted is not None and _is_read(before, *parted, reads):
                between, after = parted
        self._start, self._before, self._between, self._after = start, before, between, after

    def forget(self) -> None:
        """Drop the template, because its surroundings are now decoded differently."""
        self._before = None


def _is_read(before: str, between: str, after: str, reads: Callable[[Any], str | None]) -> bool:
    """Whether `reads` returns the string after `before`, whatever the one after `between` is."""
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
    """Return the text around the only string in which the two differ, else ``None``.

    The string must be a value: a key would change the meaning of the value after it.
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
