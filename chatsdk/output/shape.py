"""`Shape`: a type to ask for and its JSON schema; turns JSON values into objects, and back."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import functools
import re
import types
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Literal, Union, get_args, get_origin

import attrs

from chatsdk.output.schema_check import check_schema
from chatsdk.output.strict import closed, without_nulls
from chatsdk.output.validation import Mismatch, first_mismatch
from chatsdk.tools.annotations import TEXTS, fields_of, is_model, is_typed_dict, read_annotation

__all__ = ["EXTRA", "WRAPPED", "Mismatch", "Shape", "plain", "schema_of", "shape_of"]

EXTRA = "pip install 'chatsdk[output]'"

# The field of the object around a value that is not an object itself: every backend's structured
# output is an object.
WRAPPED = "value"

# Characters and length of a schema's name for OpenAI.
_UNFIT = re.compile(r"[^a-zA-Z0-9_-]+")
_NAME_CHARS = 64

_REMEDY = (
    "give an attrs class, a dataclass, a TypedDict, a pydantic model, an Enum, a list or union of "
    "such types, or a JSON schema (a dict)"
)


class Shape:
    """A type to ask for.

    Attributes:
        output: the type, or a JSON schema as a dict.
        schema: the JSON schema to ask with; its root is an object.
        name: a name for the schema.
        wrapped: the value is the field ``value`` of the object.
    """

    def __init__(self, output: Any) -> None:
        self.output = output
        if isinstance(output, Mapping):
            check_schema(output)
            inner = dict(output)
            self.name = _name(inner.get("title"))
        elif is_model(output):
            inner = output.model_json_schema()
            self.name = _name(output.__name__)
        else:
            try:
                inner = closed(read_annotation(output)[0])
            except NameError as error:
                raise TypeError(
                    f"an annotation of output= cannot be read ({error}): define the types that it "
                    "names at the top of its module"
                ) from None
            except TypeError as error:
                raise TypeError(f"output= cannot be {error}: {_REMEDY}") from None
            self.name = _name(getattr(output, "__name__", None))
        self.wrapped = not _is_object(inner)
        if self.wrapped:
            definitions = {name: inner.pop(name) for name in ("$defs",) if name in inner}
            inner = {
                "type": "object",
                "properties": {WRAPPED: inner},
                "required": [WRAPPED],
                "additionalProperties": False,
                **definitions,
            }
        self.schema: dict[str, Any] = inner
        self._structure = _structure_of(output)

    def read(self, value: Any) -> Any:
        """Return the object for a complete JSON value.

        Raises:
            Mismatch: the value does not fit.
        """
        value = without_nulls(self.schema, value)
        # A model of pydantic checks its values itself, and converts some.
        if not is_model(self.output):
            found = first_mismatch(self.schema, value)
            if found is not None:
                raise found if not self.wrapped else _unwrapped(found)
        if self.wrapped:
            value = value[WRAPPED]
        return self._structure(value, self.output)

    def structure(self, value: Any, hint: Any) -> Any:
        """Return the object for a JSON value of `hint`, a type inside this one."""
        return self._structure(value, hint)


def shape_of(output: Any) -> Shape:
    """Return the shape of a type.

    Raises:
        TypeError: there is no JSON schema for it, or it is a malformed one; the message shows
            what to give instead.
        ImportError: the extra ``output`` is not installed.
    """
    if isinstance(output, str) or output is None or output is Any:
        raise TypeError(f"output= is a type, not {output!r}: {_REMEDY}")
    _jiter()
    try:
        return _known_shape(output)
    except TypeError:
        # A JSON schema cannot be hashed; another error comes again.
        return Shape(output)


# Making the converter of a class takes milliseconds.
@functools.lru_cache(maxsize=64)
def _known_shape(output: Any) -> Shape:
    return Shape(output)


@functools.lru_cache(maxsize=512)
def _known_schema(hint: Any) -> dict[str, Any]:
    if is_model(hint):
        schema: dict[str, Any] = hint.model_json_schema()
        return schema
    try:
        return dict(closed(read_annotation(hint)[0]))
    except TypeError:
        # Inside a model, pydantic knows more types, such as dates.
        return dict(_adapter(hint).json_schema())


@functools.lru_cache(maxsize=512)
def _adapter(hint: Any) -> Any:
    import pydantic

    return pydantic.TypeAdapter(hint)


def schema_of(hint: Any) -> dict[str, Any]:
    """Return the schema of a type inside another one."""
    try:
        return _known_schema(hint)
    except TypeError:
        # Some annotations cannot be hashed.
        return _known_schema.__wrapped__(hint)


def _is_object(schema: Mapping[str, Any]) -> bool:
    if schema.get("type") == "object":
        return True
    # A model of pydantic that refers to itself is only a reference at its root.
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return bool(schema.get("$defs", {}).get(name, {}).get("type") == "object")


def _name(given: Any) -> str:
    text = _UNFIT.sub("_", given).strip("_") if isinstance(given, str) else ""
    return text[:_NAME_CHARS] or "answer"


def _unwrapped(found: Mismatch) -> Mismatch:
    made = Mismatch(found.path[1:], found.expected)
    made.came = found.came
    return made


def _jiter() -> Any:
    try:
        import jiter
    except ImportError:
        raise ImportError(f"output= needs the packages jiter and cattrs: {EXTRA}") from None
    return jiter


def _structure_of(output: Any) -> Callable[[Any, Any], Any]:
    if isinstance(output, Mapping):
        return lambda value, hint: value
    if is_model(output):
        return _validated
    try:
        import cattrs
    except ImportError:
        raise ImportError(f"output= needs the packages jiter and cattrs: {EXTRA}") from None
    converter = cattrs.Converter(detailed_validation=True)
    for kind in (int, float, bool, str, *TEXTS):
        # Not converted: "3" is not an integer.
        converter.register_structure_hook(kind, _as_read(kind))
    converter.register_structure_hook_func(is_model, _validated)
    converter.register_structure_hook_func(is_typed_dict, _items(converter))
    converter.register_structure_hook_func(_is_union, _member(converter))
    converter.register_structure_hook_func(_is_choice, lambda value, hint: _read(hint, value))
    return _checked(converter)


def _as_read(kind: Any) -> Callable[[Any, Any], Any]:
    reader = read_annotation(kind)[1]
    return lambda value, hint: reader(value)


def _read(hint: Any, value: Any) -> Any:
    return read_annotation(hint)[1](value)


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType)


def _is_choice(hint: Any) -> bool:
    return get_origin(hint) is Literal or (isinstance(hint, type) and issubclass(hint, enum.Enum))


def _member(converter: Any) -> Callable[[Any, Any], Any]:
    """Structures a union: as the first member whose schema the value fits."""

    def structure(value: Any, hint: Any) -> Any:
        for member in get_args(hint):
            if member is type(None):
                if value is None:
                    return None
            elif first_mismatch(schema_of(member), value) is None:
                return converter.structure(value, member)
        raise ValueError(f"one of {hint}")

    return structure


def _items(converter: Any) -> Callable[[Any, Any], Any]:
    """Structures a ``TypedDict``; its class does not know keys that are not required as text."""

    def structure(value: Any, hint: Any) -> Any:
        fields = fields_of(hint) or {}
        return {name: converter.structure(item, fields[name].hint) for name, item in value.items()}

    return structure


def _validated(value: Any, hint: Any) -> Any:
    try:
        if is_model(hint):
            return hint.model_validate(value)
        return _adapter(hint).validate_python(value)
    except Exception as error:
        # The class's own validators may raise anything.
        errors = getattr(error, "errors", None)
        found = errors(include_url=False) if callable(errors) else []
        if not found:
            raise Mismatch((), f"another value ({error})", value) from None
        first = found[0]
        raise Mismatch(tuple(first["loc"]), first["msg"], first.get("input")) from None


def _checked(converter: Any) -> Callable[[Any, Any], Any]:
    """Structures a value; the classes' own validators may still reject it."""

    def structure(value: Any, hint: Any) -> Any:
        try:
            return converter.structure(value, hint)
        except Mismatch:
            raise
        except Exception as error:
            path, cause = _place(error)
        if isinstance(cause, Mismatch):
            cause.path = (*path, *cause.path)
            raise cause
        raise Mismatch(path, f"another value ({cause})", _at(value, path)) from None

    return structure


def _place(error: BaseException) -> tuple[tuple[str | int, ...], BaseException]:
    """Return where an error of cattrs happened, and the error itself."""
    path: list[str | int] = []
    while inner := getattr(error, "exceptions", None):
        error = inner[0]
        for note in getattr(error, "__notes__", ()):
            place = getattr(note, "name", getattr(note, "index", None))
            if place is not None:
                path.append(place)
    return tuple(path), error


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for place in path:
        try:
            value = value[place]
        except (LookupError, TypeError):
            break
    return value


def plain(value: Any) -> Any:
    """Return the JSON value of an object; fields that have not arrived are null."""
    kind = type(value)
    if isinstance(value, enum.Enum):
        return value.value
    if is_model(kind):
        return value.model_dump(mode="json", by_alias=True, warnings=False)
    if attrs.has(kind):
        return {field.name: plain(getattr(value, field.name)) for field in attrs.fields(kind)}
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return [plain(item) for item in sorted(value, key=repr)]
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value
