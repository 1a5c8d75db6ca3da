"""Frozen values: what ``attrs.frozen`` makes, for a tenth of what that costs at import.

A program that only sends should not wait for attrs, whose import and whose classes take a third of
what requests takes. A class made here has the same ``__init__``, slots, ``==``, hash, repr, pickle,
copy and ``match``; and attrs' own functions (``attrs.evolve``, ``attrs.asdict``, ``attrs.fields``)
take its instances, for attrs is asked about the class when they are called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

__all__ = ["evolve", "field", "frozen", "refuse_to_change"]

_Value = TypeVar("_Value")


class _Missing:
    def __repr__(self) -> str:
        return "no default"


_MISSING = _Missing()


class Field:
    """What is said of one field beside its type."""

    __slots__ = ("alias", "converter", "default", "eq", "factory", "name", "repr")

    def __init__(
        self,
        default: Any = _MISSING,
        factory: Callable[[], Any] | None = None,
        converter: Callable[[Any], Any] | None = None,
        repr: bool = True,
        eq: bool = True,
        alias: str | None = None,
    ) -> None:
        self.name = ""
        self.converter = converter
        self.default = default
        self.factory = factory
        self.repr = repr
        self.eq = eq
        self.alias = alias


def _field(
    *,
    default: Any = _MISSING,
    factory: Callable[[], Any] | None = None,
    converter: Callable[[Any], Any] | None = None,
    repr: bool = True,
    eq: bool = True,
    alias: str | None = None,
) -> Any:
    """Say more of a field than its type, as ``attrs.field`` does.

    Args:
        default: its value where none is given.
        factory: makes it, in place of `default`.
        converter: makes what is kept of what is given.
        repr: whether it is shown.
        eq: whether it counts in ``==`` and in the hash.
        alias: its name in ``__init__``.
    """
    return Field(default, factory, converter, repr, eq, alias)


def refuse_to_change(*_: object) -> NoReturn:
    """The ``__setattr__`` and ``__delattr__`` of a frozen class."""
    from attrs.exceptions import FrozenInstanceError

    raise FrozenInstanceError()


class _FrozenType(type):
    __frozen_fields__: tuple[Field, ...]

    def __getattr__(cls, name: str) -> Any:
        # Asked for by attrs' functions. attrs reads a class of its own making.
        if name != "__attrs_attrs__":
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        import attrs

        made = attrs.make_class(
            cls.__name__,
            {
                each.name: attrs.field(
                    default=attrs.NOTHING if each.default is _MISSING else each.default,
                    factory=each.factory,
                    repr=each.repr,
                    eq=each.eq,
                    alias=each.alias,
                )
                for each in cls.__frozen_fields__
            },
            frozen=True,
        )
        cls.__attrs_attrs__ = attrs.fields(made)
        return cls.__attrs_attrs__


def _frozen(cls: type[_Value]) -> type[_Value]:
    """Make a frozen class with slots out of one that only lists its fields, in order.

    A method ``_check`` is called once all fields are set, and may raise.
    """
    namespace = dict(vars(cls))
    fields = []
    for name in cls.__annotations__:
        said = namespace.pop(name, _MISSING)
        each = said if isinstance(said, Field) else Field(said)
        each.name = name
        each.alias = each.alias or name.lstrip("_")
        fields.append(each)
    for name in ("__dict__", "__weakref__"):
        namespace.pop(name, None)
    names = tuple(each.name for each in fields)
    compared = tuple(each.name for each in fields if each.eq)
    shown = tuple(each.name for each in fields if each.repr)

    def key(self: Any) -> tuple[Any, ...]:
        return tuple([getattr(self, name) for name in compared])

    def eq(self: Any, other: object) -> Any:
        return key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented

    def hash_(self: Any) -> int:
        return hash((made, key(self)))

    def repr_(self: Any) -> str:
        return f"{cls.__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    def getstate(self: Any) -> dict[str, Any]:
        return {name: getattr(self, name) for name in names}

    def setstate(self: Any, state: dict[str, Any]) -> None:
        for name in names:
            _put(self, name, state[name])

    namespace |= {
        "__slots__": (*names, "__weakref__"),
        "__frozen_fields__": tuple(fields),
        "__match_args__": tuple(each.alias for each in fields),
        "__setattr__": refuse_to_change,
        "__delattr__": refuse_to_change,
        "__getstate__": getstate,
        "__setstate__": setstate,
    }
    for name, method in (("__eq__", eq), ("__hash__", hash_), ("__repr__", repr_)):
        # A class that writes one itself means it; `type` puts a hash of None next to an eq.
        if namespace.get(name) is None:
            namespace[name] = method
    made: Any = _FrozenType(cls.__name__, cls.__bases__, namespace)
    made.__init__ = _init(made, fields)
    return made  # type: ignore[no-any-return]


def _evolve(value: _Value, **changes: Any) -> _Value:
    """Return `value` with some fields changed, as ``attrs.evolve`` does."""
    kind: Any = type(value)
    for each in kind.__frozen_fields__:
        if each.alias not in changes:
            changes[each.alias] = getattr(value, each.name)
    return kind(**changes)  # type: ignore[no-any-return]


_put = object.__setattr__


def _init(cls: Any, fields: list[Field]) -> Any:
    """Write ``__init__``, so that it has the right signature and takes no detour."""
    names: dict[str, Any] = {}
    given, body = ["self"], []
    for each in fields:
        value = str(each.alias)
        if each.factory is not None:
            names[f"make_{each.name}"] = each.factory
            names["MISSING"] = _MISSING
            given.append(f"{each.alias}=MISSING")
            value = f"make_{each.name}() if {value} is MISSING else {value}"
        elif each.default is not _MISSING:
            names[f"default_{each.name}"] = each.default
            given.append(f"{each.alias}=default_{each.name}")
        else:
            given.append(value)
        if each.converter is not None:
            names[f"convert_{each.name}"] = each.converter
            value = f"convert_{each.name}({value})"
        # The slot's own way of being set; `__setattr__` refuses.
        names[f"put_{each.name}"] = vars(cls)[each.name].__set__
        body.append(f"    put_{each.name}(self, {value})")
    if hasattr(cls, "_check"):
        body.append("    self._check()")
    exec("\n".join([f"def __init__({', '.join(given)}):", *(body or ["    pass"])]), names)
    init = names["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__module__ = cls.__module__
    init.__annotations__ = {each.alias: cls.__annotations__[each.name] for each in fields}
    return init


if TYPE_CHECKING:
    # To a type checker these are attrs' own, which it knows all about.
    from attrs import evolve as evolve
    from attrs import field as field
    from attrs import frozen as frozen
else:
    evolve, field, frozen = _evolve, _field, _frozen
