"""Partial objects: everything of a value that is certain while it still arrives."""

from __future__ import annotations

import collections.abc
import dataclasses
import functools
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

import attrs

from chatsdk.output.shape import WRAPPED, Mismatch, Shape, schema_of
from chatsdk.output.validation import Edge, first_mismatch, resolved
from chatsdk.tools.annotations import Field, fields_of, is_model, is_typed_dict

__all__ = ["PartialMaker"]

# The result if no part of a value is certain.
NOTHING: Any = object()

Path = tuple[str | int, ...]

_PLAIN = (str, int, float, bool)
_OBJECTS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_SETS = (set, frozenset)
_ARRAYS = (
    *(list, tuple, *_SETS),
    *(collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection),
)


class PartialMaker:
    """Makes the partial objects of one growing JSON object.

    A class's instance has ``None`` in each field that has not arrived, and a ``TypedDict`` lacks
    it. Text and arrays grow. Numbers, literals and members of enums appear once they are complete,
    and a union once only one of its members is possible.

    The complete items of arrays and fields of objects are made once. Threads may share it: its
    cache is replaced, never changed, and does not depend on the thread that fills it.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        # Models and JSON schemas may refer to definitions.
        self._root = shape.schema
        # By the path of an array, its first items; by that of an object in an object, the object.
        self._items_at: dict[Path, list[Any]] = {}
        self._object_at: dict[Path, Any] = {}

    def make(self, value: dict[str, Any], edge: Edge) -> Any:
        """Return the partial object for the part that has arrived, ``None`` if none is certain."""
        shape = self._shape
        schema = shape.schema
        if shape.wrapped:
            if WRAPPED not in value:
                return None
            schema, value = schema["properties"][WRAPPED], value[WRAPPED]
            edge = edge.inner
        if isinstance(shape.output, Mapping):
            made = self._raw(schema, value, edge)
        else:
            made = self._of(shape.output, value, edge, ())
        return None if made is NOTHING else made

    def _of(self, hint: Any, value: Any, edge: Edge | None, path: Path) -> Any:
        kind = type(value)
        if edge is not None and not edge.is_open(value):
            edge = None
        if edge is not None:
            return self._growing(hint, value, edge, path)
        if kind is hint and kind in _PLAIN:
            return value
        if kind is not dict and kind is not list:
            return self._complete(hint, value)
        made = self._object_at.get(path, NOTHING)
        if made is NOTHING:
            made = self._complete(hint, value)
            if made is NOTHING:
                return self._growing(hint, value, None, path)
            if path and isinstance(path[-1], str):
                self._object_at[path] = made
        return made

    def _complete(self, hint: Any, value: Any) -> Any:
        if not is_model(hint) and first_mismatch(schema_of(hint), value) is not None:
            return NOTHING
        try:
            return self._shape.structure(value, hint)
        except (Mismatch, ValueError, TypeError):
            return NOTHING

    def _growing(self, hint: Any, value: Any, edge: Edge | None, path: Path) -> Any:
        origin, args = get_origin(hint), get_args(hint)
        if origin is Annotated:
            return self._of(args[0], value, edge, path)
        if origin is Union or origin is types.UnionType:
            return self._union(args, value, edge, path)
        inner = getattr(hint, "__supertype__", getattr(hint, "__value__", None))
        if inner is not None and not isinstance(hint, type):
            return self._of(inner, value, edge, path)
        if hint is Any:
            return value
        if isinstance(value, str):
            return value if hint is str else NOTHING
        if isinstance(value, dict):
            fields = _fields(hint)
            if fields is not None:
                return _instance(hint, self._members(fields, value, edge, path))
            if (hint if origin is None else origin) in _OBJECTS:
                item = args[1] if len(args) == 2 else Any
                fields = dict.fromkeys(value, Field(item, False, ""))
                return self._members(fields, value, edge, path)
        if isinstance(value, list):
            return self._array(origin if origin is not None else hint, args, value, edge, path)
        return NOTHING

    def _union(self, members: tuple[Any, ...], value: Any, edge: Edge | None, path: Path) -> Any:
        left = [
            member for member in members if first_mismatch(schema_of(member), value, edge) is None
        ]
        return self._of(left[0], value, edge, path) if len(left) == 1 else NOTHING

    def _members(
        self, fields: Mapping[str, Field], value: dict[str, Any], edge: Edge | None, path: Path
    ) -> dict[str, Any]:
        last = next(reversed(value), None) if edge is not None else None
        found = {}
        for name, item in value.items():
            if name in fields:
                inner = edge.inner if edge is not None and name == last else None
                made = self._of(fields[name].hint, item, inner, (*path, name))
                if made is not NOTHING:
                    found[name] = made
        return found

    def _array(
        self, kind: Any, args: tuple[Any, ...], value: list[Any], edge: Edge | None, path: Path
    ) -> Any:
        if kind not in _ARRAYS:
            return NOTHING
        hints = args if kind is tuple and args and args[-1] is not Ellipsis else None
        every = args[0] if args else Any
        known = self._items_at.get(path, [])
        # The last one may not have been complete.
        complete = len(value) - 1
        found = known[: max(complete, 0)]
        for place in range(len(found), len(value)):
            item = value[place]
            inner = edge.inner if edge is not None and place == complete else None
            if kind in _SETS and inner is not None and inner.is_open(item):
                # Grown, it would be another member.
                break
            if hints is not None and place >= len(hints):
                break
            hint = every if hints is None else hints[place]
            made = self._of(hint, item, inner, (*path, place))
            if made is NOTHING:
                # An item that does not fit; the items after it keep their places by waiting.
                break
            found.append(made)
        if len(found) > len(known) + 1:
            self._items_at[path] = found[:complete]
        if kind is tuple:
            return tuple(found)
        try:
            return kind(found) if kind in _SETS else list(found)
        except TypeError:
            return NOTHING

    def _raw(self, schema: Any, value: Any, edge: Edge | None) -> Any:
        """Return the value for a JSON schema: itself, without its uncertain parts."""
        schema = resolved(schema, self._root)
        schema = schema if isinstance(schema, Mapping) else {}
        options = schema.get("anyOf") or schema.get("oneOf")
        if isinstance(options, list):
            rooted = [{**self._definitions(), **resolved(o, self._root)} for o in options]
            left = [option for option in rooted if first_mismatch(option, value, edge) is None]
            if len(left) == 1 and edge is not None:
                return self._raw(left[0], value, edge)
            return value if edge is None else NOTHING
        if edge is None:
            return value
        if isinstance(value, str):
            return NOTHING if schema.keys() & {"enum", "const"} else value
        if isinstance(value, dict):
            properties = schema.get("properties") or {}
            others = schema.get("additionalProperties")
            items = [(name, properties.get(name, others), item) for name, item in value.items()]
            return dict(self._raw_items(items, edge))
        if isinstance(value, list):
            first = schema.get("prefixItems") or []
            rest = schema.get("items")
            items = [
                (place, first[place] if place < len(first) else rest, item)
                for place, item in enumerate(value)
            ]
            return [item for _, item in self._raw_items(items, edge)]
        return value

    def _raw_items(
        self, items: list[tuple[Any, Any, Any]], edge: Edge
    ) -> Iterator[tuple[Any, Any]]:
        for number, (key, schema, item) in enumerate(items, 1):
            made = self._raw(schema, item, edge.inner if number == len(items) else None)
            if made is not NOTHING:
                yield key, made

    def _definitions(self) -> dict[str, Any]:
        return {name: self._root[name] for name in ("$defs", "definitions") if name in self._root}


@functools.lru_cache(maxsize=512)
def _fields(kind: Any) -> dict[str, Field] | None:
    return _model_fields(kind) if is_model(kind) else fields_of(kind)


def _model_fields(kind: Any) -> dict[str, Field]:
    found = {}
    for name, field in kind.model_fields.items():
        alias = field.validation_alias or field.alias
        key = alias if isinstance(alias, str) else name
        found[key] = Field(field.annotation, field.is_required(), name)
    return found


def _instance(kind: Any, found: dict[str, Any]) -> Any:
    """An instance without its constructor and its validators, which expect every field."""
    if is_model(kind):
        fields = _fields(kind) or {}
        values = {field.parameter: found.get(key) for key, field in fields.items()}
        names = {field.parameter for key, field in fields.items() if key in found}
        return kind.model_construct(_fields_set=names, **values)
    if is_typed_dict(kind):
        return found
    made = object.__new__(kind)
    known = attrs.fields(kind) if attrs.has(kind) else dataclasses.fields(kind)
    for name in (field.name for field in known):
        object.__setattr__(made, name, found.get(name))
    return made
