"""`Growing`: the value of a growing text, partial and complete."""

from __future__ import annotations

import json
from bisect import bisect_left
from typing import Any, NamedTuple, NoReturn

from chatsdk.output.partial import PartialMaker
from chatsdk.output.scan import Part, Scan
from chatsdk.output.shape import Shape
from chatsdk.output.validation import Edge, Mismatch

__all__ = ["Growing", "checkpoint"]

# Up to this length in characters, every character may change the partial object.
EVERY_CHARS = 1024

# A longer text is parsed again whenever it has grown by a part of its length, at least a 1/128 and
# at most a 1/64. The work is then linear in the length: about 100 times parsing it once.
STEPS = 64


def checkpoint(length: int) -> int:
    """Return the number of characters, at most `length`, from which a partial object is made.

    It depends on the length alone, so the partial objects do not depend on how the text arrives.
    """
    if length <= EVERY_CHARS:
        return length
    step = (1 << (length.bit_length() - 1)) // STEPS
    return length - length % step


class _State(NamedTuple):
    """The latest value; it is replaced, never changed, so threads need no lock."""

    start: int
    end: int
    # Characters of the text that the scan has seen.
    seen: int
    complete: bool
    value: Any
    scan: Scan
    maker: PartialMaker


class Growing:
    """Makes the value of each step of one text.

    Args:
        shape: the type to make.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        # The positions of later rounds' answers in the text: each answer has its own object.
        self._starts = [0]
        self._state: _State | None = None
        # A state, and the length of a text that continues it without ending an object.
        self._quiet: tuple[_State, int] | None = None

    def fresh(self) -> Growing:
        """Return one for another text of the same type."""
        return Growing(self._shape)

    def next_round(self, start: int) -> None:
        """Look for the object in what follows the first `start` characters."""
        if start > self._starts[-1]:
            self._starts.append(start)

    def value(self, text: str) -> Any:
        """Return the partial object; ``None`` before anything is certain.

        It is complete once the JSON object is, if that fits.
        """
        start = self._starts[max(bisect_left(self._starts, len(text)) - 1, 0)]
        end = start + checkpoint(len(text) - start)
        state = self._state
        if state is not None and state.start == start:
            if state.seen == len(text) or (state.complete and state.end <= len(text)):
                return state.value
            if state.end == end and self._is_quiet(state, text):
                return state.value
        if state is None or state.start != start or state.complete or state.seen > len(text):
            state = _State(start, -1, 0, False, None, Scan(start), PartialMaker(self._shape))
        made = self._advanced(state, text, end)
        known = self._state
        if known is None or (known.start, known.seen) <= (start, made.seen):
            self._state = made
        return made.value

    def _is_quiet(self, state: _State, text: str) -> bool:
        """Whether no object ends after the state; reads each character once."""
        known, length = self._quiet or (state, state.seen)
        if known is not state:
            length = state.seen
        if length > len(text) or "}" in text[length:]:
            return False
        self._quiet = (state, len(text))
        return True

    def _advanced(self, state: _State, text: str, end: int) -> _State:
        scan = state.scan.copy()
        value = state.value
        if end > state.end:
            part = scan.read(text, end)
            value = _partial(state.maker, text, part, value)
        whole = scan.read(text, len(text))
        if whole is not None and whole.complete:
            value = self._complete(state.maker, text, whole, value)
            return state._replace(
                end=whole.end, seen=len(text), complete=True, value=value, scan=scan
            )
        return state._replace(end=end, seen=len(text), value=value, scan=scan)

    def _complete(self, maker: PartialMaker, text: str, part: Part, before: Any) -> Any:
        try:
            return self._shape.read(_loaded(text[part.start : part.end]))
        except Mismatch:
            return _partial(maker, text, part, before)

    def check(self, text: str) -> None:
        """Check a text that has ended.

        Raises:
            Mismatch: it has no complete object of the type.
        """
        start = self._starts[max(bisect_left(self._starts, len(text)) - 1, 0)]
        scan = Scan(start)
        part = scan.read(text, len(text))
        if part is None:
            raise Mismatch((), "a JSON object", text[start:])
        data = text[part.start : part.end]
        if not part.complete:
            raise Mismatch((), "a complete JSON object", text[part.start :][-_TAIL_CHARS:])
        self._shape.read(_loaded(data))


def _partial(maker: PartialMaker, text: str, part: Part | None, before: Any) -> Any:
    import jiter

    if part is None:
        return before
    data = text[part.start : part.end].encode("utf-8", "replace")
    try:
        value = jiter.from_json(data, partial_mode="trailing-strings")
    except ValueError:
        # Not JSON: the end of the answer reports it.
        return before
    return maker.make(value, Edge(part.depth, part.text))


# Characters of an unfinished text that an error shows.
_TAIL_CHARS = 60


def _loaded(text: str) -> Any:
    try:
        # Models write line breaks into strings.
        return json.loads(text, strict=False, parse_constant=_not_json)
    except (ValueError, RecursionError) as error:
        raise Mismatch((), f"JSON ({error})", text) from None


def _not_json(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
