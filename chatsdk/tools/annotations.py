"""JSON schemas of type annotations, and conversion of JSON values to annotated types."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import enum
import functools
import types
import typing
import uuid
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import attrs

__all__ = ["TEXTS", "Field", "Reader", "fields_of", "is_model", "is_typed_dict", "read_annotation"]

# Converts a JSON value to the argument; a ValueError describes valid values.
Reader = Callable[[Any], Any]

# The collection made from an array. A sequence or an iterable gets a list.
_ARRAYS: dict[Any, Callable[[list[Any]], Any]] = {
    **dict.fromkeys((list, collections.abc.Sequence, collections.abc.Iterable), list),
    collections.abc.Collection: list,
    set: set,
    frozenset: frozenset,
}
_OBJECTS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def read_annotation(hint: Any, within: tuple[Any, ...] = ()) -> tuple[dict[str, Any], Reader]:
    """Return the schema and the reader of an annotation.

    Supported: int, float, bool, str, dates, times, UUIDs, ``Any`` and ``Literal``. Also lists and
    other collections, ``tuple[...]`` and ``dict[str, ...]``. Also enums, attrs classes,
    dataclasses, ``TypedDict``, pydantic models, ``NewType``, and unions with ``None`` and others.
    ``Annotated[T, "description"]`` adds a description.

    Args:
        hint: the annotation, as `typing.get_type_hints` returns it.
        within: the classes that contain it.

    Raises:
        TypeError: there is no schema for it; the message names the annotation.
    """
    if hint is Any:
        return {}, lambda value: value
    if hint is None:
        hint = type(None)
    origin, args = get_origin(hint), get_args(hint)
    # In Python 3.10, isinstance(list[int], type) is true.
    plain = origin is None and isinstance(hint, type)
    if plain and hint in _PLAIN:
        return {"type": _PLAIN[hint]}, _PLAIN_READERS[hint]
    if plain and hint in TEXTS:
        form, words, read = TEXTS[hint]
        return {"type": "string", "format": form}, functools.partial(_text, read, words)
    if plain and issubclass(hint, enum.Enum):
        return _choice({member.value: member for member in hint}, hint)
    if origin is Annotated:
        schema, reader = read_annotation(args[0], within)
        texts = [text for text in args[1:] if isinstance(text, str)]
        return (schema | {"description": " ".join(texts)} if texts else schema), reader
    if origin is Literal:
        return _choice({value: value for value in args}, hint)
    if origin is Union or origin is types.UnionType:
        return _union([read_annotation(member, within) for member in args])
    kind = hint if origin is None else origin
    if kind in _ARRAYS:
        schema, reader = read_annotation(args[0] if args else Any, within)
        # Not every backend accepts "uniqueItems", and a set does not need it.
        return (
            {"type": "array", "items": schema},
            functools.partial(_array, reader, _ARRAYS[kind]),
        )
    if kind is tuple:
        return _tuple(args, within)
    if kind in _OBJECTS and (not args or args[0] is str):
        schema, reader = read_annotation(args[1] if args else Any, within)
        written = {"type": "object"} | ({"additionalProperties": schema} if schema else {})
        return written, functools.partial(_dict, reader)
    if plain and is_model(hint):
        return _inlined(hint.model_json_schema()), functools.partial(_model, hint)
    if plain and (fields := fields_of(hint)) is not None:
        return _fields(hint, fields, within)
    # NewType, and the alias made by `type X = ...`.
    inner = getattr(hint, "__supertype__", getattr(hint, "__value__", None))
    if inner is not None and not plain:
        return read_annotation(inner, within)
    raise TypeError(hint.__qualname__ if plain else str(hint))


def _integer(value: Any) -> int:
    # JSON has only one kind of number, and models write 3.0 for 3.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("an integer")


def _number(value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    raise ValueError("a number")


def _exactly(kind: type, words: str, value: Any) -> Any:
    if isinstance(value, kind):
        return value
    raise ValueError(words)


def _text(read: Callable[[str], Any], words: str, value: Any) -> Any:
    try:
        return read(value)
    except (TypeError, ValueError, AttributeError):
        raise ValueError(words) from None


def _moment(text: str) -> datetime.datetime:
    # Before Python 3.11 the letter is not understood.
    return datetime.datetime.fromisoformat(f"{text[:-1]}+00:00" if text[-1:] == "Z" else text)


# Types that JSON has as text: the format, the words for an error, the conversion.
TEXTS: dict[type, tuple[str, str, Callable[[str], Any]]] = {
    datetime.datetime: ("date-time", "a date and time, such as 2026-01-31T12:00:00Z", _moment),
    datetime.date: ("date", "a date, such as 2026-01-31", datetime.date.fromisoformat),
    datetime.time: ("time", "a time, such as 12:30:00", datetime.time.fromisoformat),
    uuid.UUID: ("uuid", "a UUID", uuid.UUID),
}
_PLAIN = {int: "integer", float: "number", bool: "boolean", str: "string", type(None): "null"}
_PLAIN_READERS: dict[type, Reader] = {
    int: _integer,
    float: _number,
    bool: functools.partial(_exactly, bool, "true or false"),
    str: functools.partial(_exactly, str, "a string"),
    type(None): functools.partial(_exactly, type(None), "null"),
}


def _array(reader: Reader, kind: Callable[[list[Any]], Any], value: Any) -> Any:
    if not isinstance(value, list):
        raise ValueError("an array")
    items = [_inside(reader, item, "an array, each item") for item in value]
    try:
        return kind(items)
    except TypeError:
        # Objects and arrays cannot be in a set.
        raise ValueError("an array of texts or numbers") from None


def _tuple(args: tuple[Any, ...], within: tuple[Any, ...]) -> tuple[dict[str, Any], Reader]:
    if not args or args[-1] is Ellipsis:
        schema, reader = read_annotation(args[0] if args else Any, within)
        return {"type": "array", "items": schema}, functools.partial(_array, reader, tuple)
    members = [read_annotation(member, within) for member in args]
    count = len(members)

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) != count:
            raise ValueError(f"an array of {count} items")
        return tuple(
            _inside(reader, item, f"an array, item {place}")
            for place, (item, (_, reader)) in enumerate(zip(value, members, strict=True), 1)
        )

    written = {
        "type": "array",
        "prefixItems": [schema for schema, _ in members],
        "minItems": count,
        "maxItems": count,
    }
    return written, read


def _dict(reader: Reader, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("an object")
    return {key: _inside(reader, item, "an object, each value") for key, item in value.items()}


class Field(NamedTuple):
    """A field of a class that is built from a JSON object.

    Attributes:
        hint: its annotation, without ``Required`` and ``NotRequired``.
        required: whether the object must have it.
        parameter: its name in the class's constructor.
    """

    hint: Any
    required: bool
    parameter: str


def fields_of(kind: Any) -> dict[str, Field] | None:
    """Return the fields of an attrs class, a dataclass or a ``TypedDict``, else ``None``."""
    if is_typed_dict(kind):
        found = {name: (name in kind.__required_keys__, name) for name in kind.__annotations__}
    elif attrs.has(kind):
        found = {
            field.name: (field.default is attrs.NOTHING, field.alias or field.name.lstrip("_"))
            for field in attrs.fields(kind)
            if field.init
        }
    elif dataclasses.is_dataclass(kind):
        missing = dataclasses.MISSING
        found = {
            field.name: (
                field.default is missing and field.default_factory is missing,
                field.name,
            )
            for field in dataclasses.fields(kind)
            if field.init
        }
    else:
        return None
    hints = typing.get_type_hints(kind, include_extras=True)
    fields = {}
    for name, (required, parameter) in found.items():
        hint = hints.get(name, Any)
        mark = str(get_origin(hint))
        if mark.endswith("Required"):
            # Annotations kept as text hide it from `__required_keys__`.
            required = not mark.endswith("NotRequired")
            hint = get_args(hint)[0]
        fields[name] = Field(hint, required, parameter)
    return fields


def _fields(
    kind: Any, fields: Mapping[str, Field], within: tuple[Any, ...]
) -> tuple[dict[str, Any], Reader]:
    """The schema and the reader of a class with annotated fields, built from an object."""
    if kind in within:
        raise TypeError(f"{kind.__qualname__}, which holds itself")
    required = {name for name, field in fields.items() if field.required}
    members = {name: read_annotation(field.hint, (*within, kind)) for name, field in fields.items()}

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError("an object")
        if missing := [name for name in members if name in required and name not in value]:
            raise ValueError(f"an object with {', '.join(map(repr, missing))}")
        if unknown := [name for name in value if name not in members]:
            raise ValueError(f"an object without {', '.join(map(repr, unknown))}")
        given = {
            fields[name].parameter: _inside(members[name][1], item, f"an object, its {name!r}")
            for name, item in value.items()
        }
        try:
            return kind(**given)
        except Exception as error:
            # The class itself rejects the values.
            raise ValueError(f"another {kind.__name__} ({error})") from None

    written = {
        "type": "object",
        "properties": {name: schema for name, (schema, _) in members.items()},
        "required": [name for name in members if name in required],
    }
    return written, read


def is_typed_dict(hint: Any) -> bool:
    """Whether a class is a ``TypedDict``, also that of typing_extensions."""
    return typing.is_typeddict(hint) or type(hint).__name__ == "_TypedDictMeta"


def is_model(hint: Any) -> bool:
    """Whether an annotation is a model of pydantic, which is not imported for this."""
    return isinstance(hint, type) and all(
        callable(getattr(hint, name, None)) for name in ("model_json_schema", "model_validate")
    )


def _model(kind: Any, value: Any) -> Any:
    try:
        return kind.model_validate(value)
    except Exception as error:
        # Its own validators may raise anything.
        raise ValueError(f"another {kind.__name__} ({error})") from None


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """Put definitions where they are used, because the schema becomes a part of another one."""
    definitions = schema.get("$defs", {})

    def inline(value: Any, within: tuple[str, ...]) -> Any:
        if isinstance(value, list):
            return [inline(item, within) for item in value]
        if not isinstance(value, dict):
            return value
        reference = value.get("$ref")
        rest = {
            name: inline(item, within)
            for name, item in value.items()
            if name not in ("$ref", "$defs")
        }
        if not isinstance(reference, str):
            return rest
        name = reference.rpartition("/")[2]
        if name in within:
            raise TypeError(f"{name}, which holds itself")
        return inline(definitions[name], (*within, name)) | rest

    inlined: dict[str, Any] = inline(schema, ())
    return inlined


def _inside(reader: Reader, value: Any, where: str) -> Any:
    try:
        return reader(value)
    except ValueError as error:
        raise ValueError(f"{where} {error}") from None


def _union(options: list[tuple[dict[str, Any], Reader]]) -> tuple[dict[str, Any], Reader]:
    def read(value: Any) -> Any:
        words = []
        for _, reader in options:
            try:
                return reader(value)
            except ValueError as error:
                words.append(str(error))
        raise ValueError(" or ".join(words))

    return {"anyOf": [schema for schema, _ in options]}, read


def _choice(members: Mapping[Any, Any], hint: Any) -> tuple[dict[str, Any], Reader]:
    """One of several values; `members` maps each JSON value to its Python value."""
    kinds = {type(value) for value in members}
    if not kinds <= _PLAIN.keys():
        raise TypeError(f"{getattr(hint, '__qualname__', hint)}, whose values are not JSON")
    schema: dict[str, Any] = {"enum": list(members)}
    if len(kinds) == 1:
        schema = {"type": _PLAIN[kinds.pop()]} | schema

    def read(value: Any) -> Any:
        for known, member in members.items():
            # In Python True equals 1, in JSON it does not.
            if known == value and isinstance(known, bool) is isinstance(value, bool):
                return member
        raise ValueError(f"one of {', '.join(map(repr, members))}")

    return schema, read
