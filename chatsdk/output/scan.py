"""Finds the JSON object in a growing text, and where that object still grows."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Part", "Scan"]

# The beginning of an object. Prose may have braces, too, but hardly before a quote.
_BEGIN = re.compile(r'\{\s*(?:["}]|\Z)')
_THINKS = "<think>"
_THOUGHT = "</think>"
_STRUCTURE = re.compile(r'["{}\[\],:]')
_IN_STRING = re.compile(r'["\\]')
# Characters after which a number or a literal has ended.
_DELIMITERS = frozenset(' \t\r\n,:[]{}"')
# Longest number or literal, in characters: a double needs fewer.
_TOKEN_CHARS = 400


class Part(NamedTuple):
    """The object's part up to some character of the text.

    Attributes:
        start, end: its place in the text; an unfinished number or literal is left out.
        depth: how many arrays and objects are open.
        text: whether a string that is a value is open.
        complete: the object has ended.
    """

    start: int
    end: int
    depth: int
    text: bool
    complete: bool


class Scan:
    """Follows a growing text from a position on; each character is seen once.

    Models that are asked in words write a sentence, or the fence of a block of code, around the
    object. Reasoning in ``<think>`` at the beginning is skipped.
    """

    def __init__(self, start: int = 0) -> None:
        self._find: Callable[[str, int], int | None] = self._head
        self._start: int | None = None
        self._at = start
        # The open arrays and objects, such as "{[".
        self._open = ""
        # The last character outside strings that shapes the document.
        self._last = ""
        self._in_string = False
        self._value = False
        self._end: int | None = None

    def copy(self) -> Scan:
        """Return a copy of the scan, which continues independently."""
        made = copy.copy(self)
        made._find = getattr(made, self._find.__name__)
        return made

    def read(self, text: str, end: int) -> Part | None:
        """Read on to the character `end`; ``None`` if the object has not begun.

        `text` continues the text of the last call.
        """
        if self._start is None:
            self._start = self._find(text, end)
            if self._start is None:
                return None
        if self._end is None:
            self._read(text, end)
        if self._end is not None:
            return Part(self._start, self._end, 0, False, True)
        if self._in_string:
            return Part(self._start, end, len(self._open), self._value, False)
        stop = end
        while stop > self._start and text[stop - 1] not in _DELIMITERS:
            stop -= 1
            if end - stop > _TOKEN_CHARS:
                break
        return Part(self._start, stop, len(self._open), False, False)

    def _head(self, text: str, end: int) -> int | None:
        """Decide whether the text begins with reasoning."""
        head = text[self._at : min(end, self._at + _TOKEN_CHARS)].lstrip()
        if len(head) < len(_THINKS) and _THINKS.startswith(head):
            return None
        self._find = self._thought if head.startswith(_THINKS) else self._object
        return self._find(text, end)

    def _thought(self, text: str, end: int) -> int | None:
        """Find the end of the reasoning."""
        found = text.find(_THOUGHT, self._at, end)
        if found < 0:
            # The tag itself may be cut.
            self._at = max(self._at, end - len(_THOUGHT))
            return None
        self._at = found + len(_THOUGHT)
        self._find = self._object
        return self._object(text, end)

    def _object(self, text: str, end: int) -> int | None:
        """Find the first brace of the object."""
        found = _BEGIN.search(text, self._at, end)
        self._at = end if found is None else found.start()
        if found is None or found[0][-1] not in '"}':
            # The next character decides.
            return None
        return found.start()

    def _read(self, text: str, end: int) -> None:
        at = self._at
        while at < end:
            if self._in_string:
                found = _IN_STRING.search(text, at, end)
                if found is None:
                    at = end
                elif found[0] == "\\":
                    if found.end() >= end:
                        # The next call sees the complete escape.
                        at = found.start()
                        break
                    at = found.end() + 1
                else:
                    self._in_string = False
                    at = found.end()
                continue
            found = _STRUCTURE.search(text, at, end)
            if found is None:
                at = end
                break
            at = found.end()
            char = found[0]
            if char == '"':
                self._in_string = True
                self._value = self._last in (":", "[") or (
                    self._last == "," and self._open[-1:] == "["
                )
                continue
            self._last = char
            if char in "{[":
                self._open += char
            elif char in "}]":
                self._open = self._open[:-1]
                if not self._open:
                    self._end = at
                    break
        self._at = at
