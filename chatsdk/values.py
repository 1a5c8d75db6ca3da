"""What the values that every answer needs have in common: `distinct`, `brief` and `Value`.

attrs makes values well, but late: importing it, and having it write, compile and build two dozen
classes, takes two fifths of what importing requests takes. So what `ChatClient` loads does without.
A value that is only carried is a `NamedTuple` under `distinct`; one that users make, and that may
have rules, is a `Value`. What only some programs load, attrs makes.
"""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, TypeVar

__all__ = ["Value", "brief", "distinct", "refuse_to_change"]

_Kind = TypeVar("_Kind", bound=type)
_Self = TypeVar("_Self", bound="Value")


def distinct(kind: _Kind) -> _Kind:
    """Let a `NamedTuple` equal its own kind only: ``Text("a")`` is no ``Reasoning("a")``."""
    kind.__eq__ = _equal  # type: ignore[method-assign, assignment]
    kind.__ne__ = _unequal  # type: ignore[method-assign, assignment]
    return kind


def _equal(value: tuple[Any, ...], other: object) -> bool:
    return other.__class__ is value.__class__ and tuple.__eq__(value, other)


def _unequal(value: tuple[Any, ...], other: object) -> bool:
    return not _equal(value, other)


def brief(value: tuple[Any, ...]) -> str:
    """The ``__repr__`` of a `NamedTuple` that leaves out the fields which are ``None``."""
    names: tuple[str, ...] = value._fields  # type: ignore[attr-defined]
    shown = (
        f"{name}={held!r}" for name, held in zip(names, value, strict=True) if held is not None
    )
    return f"{type(value).__qualname__}({', '.join(shown)})"


def refuse_to_change(*_: object) -> NoReturn:
    """The ``__setattr__`` and ``__delattr__`` of a value that is not a tuple."""
    from attrs.exceptions import FrozenInstanceError

    raise FrozenInstanceError()


class Value:
    """A frozen value. What is the same for all of them; the rest is written out.

    A subclass names its fields in ``__match_args__``, in the order of its ``__init__``, which ends
    with `_set`. `_unshown` are those that ``repr()`` leaves out, and with `_brief` it leaves out
    empty ones, too. `_uncounted` are those that make no difference.
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
        """Return a copy with other values for the fields named, as of a `NamedTuple`."""
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
