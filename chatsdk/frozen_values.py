"""Frozen values without attrs: `Value`, and `distinct` and `brief` for named tuples.

Importing attrs and building two dozen classes with it takes two fifths of the time that importing
requests takes. So the classes that `ChatClient` loads do not use it. A class without rules is a
`NamedTuple` with `distinct`; a class that users create, and that may check its arguments, is a
`Value`. Classes that only some programs load use attrs.
"""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, TypeVar

__all__ = ["Value", "brief", "distinct", "refuse_to_change"]

_Kind = TypeVar("_Kind", bound=type)
_Self = TypeVar("_Self", bound="Value")


def distinct(kind: _Kind) -> _Kind:
    """Make a `NamedTuple` equal only to its own class: ``Text("a") != Reasoning("a")``."""
    kind.__eq__ = _equal  # type: ignore[method-assign, assignment]
    kind.__ne__ = _unequal  # type: ignore[method-assign, assignment]
    return kind


def _equal(value: tuple[Any, ...], other: object) -> bool:
    return other.__class__ is value.__class__ and tuple.__eq__(value, other)


def _unequal(value: tuple[Any, ...], other: object) -> bool:
    return not _equal(value, other)


def brief(value: tuple[Any, ...]) -> str:
    """Return the repr of a `NamedTuple` without the fields that are ``None``."""
    names: tuple[str, ...] = value._fields  # type: ignore[attr-defined]
    shown = (
        f"{name}={held!r}" for name, held in zip(names, value, strict=True) if held is not None
    )
    return f"{type(value).__qualname__}({', '.join(shown)})"


def refuse_to_change(*_: object) -> NoReturn:
    """Raise; this is ``__setattr__`` and ``__delattr__`` of a `Value`."""
    from attrs.exceptions import FrozenInstanceError

    raise FrozenInstanceError()


class Value:
    """Base of frozen values: equality, hash, repr, copies and pickling.

    A subclass lists its fields in ``__match_args__``, in the order of its ``__init__``, which ends
    with `_set`. ``repr()`` omits the fields in `_unshown`, and with `_brief` also empty ones.
    Equality ignores the fields in `_uncounted`.
    """

    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]] = ()
    _unshown: ClassVar[tuple[str, ...]] = ()
    _uncounted: ClassVar[tuple[str, ...]] = ()
    _brief: ClassVar[bool] = False

    def _set(self, *values: object) -> None:
        for name, value in zip(self.__match_args__, values, strict=True):
            object.__setattr__(self, name, value)

    def _replace(self: _Self, **changes: Any) -> _Self:
        """Return a copy with these fields changed, as `NamedTuple._replace` does."""
        values = [changes.pop(name, getattr(self, name)) for name in self.__match_args__]
        return type(self)(*values, **changes)

    __replace__ = _replace

    __setattr__ = refuse_to_change
    __delattr__ = refuse_to_change

    def _key(self) -> tuple[Any, ...]:
        return tuple(
            getattr(self, name) for name in self.__match_args__ if name not in self._uncounted
        )

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{name}={getattr(self, name)!r}"
            for name in self.__match_args__
            if name not in self._unshown
            and not (self._brief and getattr(self, name) in (None, "", ()))
        )
        return f"{type(self).__qualname__}({shown})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self.__match_args__)
