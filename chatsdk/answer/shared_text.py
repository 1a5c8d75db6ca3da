"""`SharedText` and `Vector`: text and items shared by an answer's steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar, cast

__all__ = ["PIECE_BYTES", "GrowingValue", "SharedText", "Vector", "as_bytes", "as_text"]

_Item = TypeVar("_Item")

# Items per leaf, and children per node: 2 ** BITS.
BITS = 5
WIDTH = 1 << BITS

_Node = tuple[Any, ...]

# Bytes of memory per delta besides its characters: the string's header, its places in the lists,
# the time of its event.
PIECE_BYTES = 88


class GrowingValue(Protocol):
    """Makes the object for the text of an answer, partial and complete."""

    def value(self, text: str) -> Any:
        """Return the partial object; ``None`` before anything is certain."""

    def fresh(self) -> GrowingValue:
        """Return one for another text."""

    def next_round(self, start: int) -> None:
        """Look for the object in what follows the first `start` characters."""


class SharedText:
    """Append-only deltas of text; a reader passes the number of deltas to include.

    `upto` caches the longest text that was joined, so that joining after each delta takes linear
    time in total. CPython extends a string in place if it has no other reference, so the cache is
    emptied while the text is extended. ``list.pop`` is atomic, so no lock is needed.
    """

    __slots__ = ("_joined", "_measured", "growing", "pieces")

    def __init__(
        self, pieces: list[str] | None = None, growing: GrowingValue | None = None
    ) -> None:
        self.pieces: list[str] = pieces if pieces is not None else []
        # Makes the object that the text is, if the answer was asked for with ``output=``.
        self.growing = growing
        self._joined: list[tuple[int, str]] = [(0, "")]
        self._measured = (0, 0)

    def upto(self, count: int) -> str:
        """Return the first `count` deltas, joined."""
        try:
            known, text = self._joined.pop()
        except IndexError:  # in use by another thread, or by the code that a signal interrupted
            return "".join(self.pieces[:count])
        if known > count:
            self._joined.append((known, text))
            return "".join(self.pieces[:count])
        if known + 1 == count:
            text += self.pieces[known]
        elif known < count:
            text += "".join(self.pieces[known:count])
        self._joined.append((count, text))
        return text

    @property
    def size(self) -> int:
        """Approximate memory use of the deltas in bytes. Measures only the new ones."""
        count, size = self._measured
        new = self.pieces[count:]
        size += sum(map(len, new)) + PIECE_BYTES * len(new)
        self._measured = (count + len(new), size)
        return size

    def between(self, start: int, end: int) -> str:
        """Return the deltas from `start` up to `end`, joined."""
        if end - start == 1:
            return self.pieces[start]
        return "".join(self.pieces[start:end])


class Vector(Generic[_Item]):
    """An immutable sequence that may have thousands of items and changes with every step.

    Copying a tuple for each added item would take quadratic time. Here the items are in the
    leaves of a tree of tuples, and a change copies only the nodes on the path to one leaf.
    """

    __slots__ = ("_count", "_root", "_shift", "_whole")

    def __init__(self, items: Iterable[_Item] = ()) -> None:
        whole = tuple(items)
        level: _Node = whole
        shift = 0
        while len(level) > WIDTH:
            level = tuple(level[at : at + WIDTH] for at in range(0, len(level), WIDTH))
            shift += BITS
        self._fill(level, shift, len(whole))
        self._whole: tuple[_Item, ...] | None = whole

    def _fill(self, root: _Node, shift: int, count: int) -> None:
        self._root = root
        self._shift = shift
        self._count = count
        self._whole = None

    def put(self, place: int, item: _Item) -> Vector[_Item]:
        """Return a copy with `item` at `place`, which is at most the number of items."""
        root, shift, count = self._root, self._shift, self._count
        if place == count:
            count += 1
            if count > WIDTH << shift:
                root = (root,)
                shift += BITS
        made: Vector[_Item] = Vector.__new__(Vector)
        made._fill(_put(root, shift, place, item), shift, count)
        return made

    def add(self, item: _Item) -> Vector[_Item]:
        """Return a copy with `item` appended."""
        return self.put(self._count, item)

    def changes(self, earlier: Vector[_Item]) -> Iterator[int]:
        """Yield the places of the items that are not the same objects in `earlier`, in order."""
        known = earlier._root
        for _ in range(earlier._shift, self._shift, BITS):
            known = (known,)
        return _changes(self._root, known if earlier._shift <= self._shift else (), self._shift, 0)

    def whole(self) -> tuple[_Item, ...]:
        """Return all items as a tuple, which is made only once."""
        whole = self._whole
        if whole is None:
            whole = self._whole = tuple(self)
        return whole

    def __getitem__(self, place: int) -> _Item:
        if not 0 <= place < self._count:
            raise IndexError(place)
        node = self._root
        for shift in range(self._shift, 0, -BITS):
            node = node[place >> shift & WIDTH - 1]
        return cast(_Item, node[place & WIDTH - 1])

    def __iter__(self) -> Iterator[_Item]:
        level = self._root
        for _ in range(self._shift // BITS):
            level = tuple(item for node in level for item in node)
        return iter(level)

    def __len__(self) -> int:
        return self._count

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vector):
            return NotImplemented
        return self is other or (
            self._count == other._count and bool(self.whole() == other.whole())
        )

    def __hash__(self) -> int:
        return hash(self.whole())

    def __repr__(self) -> str:
        return f"Vector({list(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Vector, (self.whole(),))


def _changes(node: _Node, known: _Node, shift: int, start: int) -> Iterator[int]:
    for at, item in enumerate(node):
        there = at < len(known)
        place = start + (at << shift)
        if there and item is known[at]:
            continue
        if shift:
            yield from _changes(item, known[at] if there else (), shift - BITS, place)
        else:
            yield place


def _put(node: _Node, shift: int, place: int, item: object) -> _Node:
    at = place >> shift & WIDTH - 1
    if shift:
        below = node[at] if at < len(node) else ()
        item = _put(below, shift - BITS, place, item)
    return (*node[:at], item, *node[at + 1 :])


def as_bytes(text: str) -> bytes:
    """Encode text for a pickle, including the halves of surrogate pairs that arguments may hold."""
    return text.encode("utf-8", "surrogatepass")


def as_text(data: bytes) -> str:
    """Decode the output of `as_bytes`."""
    return data.decode("utf-8", "surrogatepass")
