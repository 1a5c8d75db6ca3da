"""What a model is told of a function: its name, what it is for, and a JSON schema of its arguments.

The schema comes from the signature and the annotations. The same annotations say how the
arguments that a model sends become the function's: a member of an enum is sent as its value.
"""

from __future__ import annotations

import enum
import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

__all__ = ["Signature", "signature_of"]

# Takes a JSON value and gives the argument; a ValueError says what would fit.
Reader = Callable[[Any], Any]

REMEDY = (
    'give a declaration in place of the function, {"description": ..., "parameters": <JSON '
    'schema>, "call": function}'
)

_STARS: dict[Any, str] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}


class Signature(NamedTuple):
    """What a function takes.

    Attributes:
        description: the first paragraph of its docstring, ``""`` without one.
        parameters: the JSON schema of its arguments, an object.
        readers: for each parameter what makes the argument of a JSON value.
    """

    description: str
    parameters: dict[str, Any]
    readers: Mapping[str, Reader]

    def read(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keyword arguments for the function.

        Raises:
            ValueError: they do not fit; the message is for the model.
        """
        required = self.parameters["required"]
        missing = [name for name in required if name not in arguments]
        unknown = [name for name in arguments if name not in self.readers]
        if missing or unknown:
            raise ValueError(
                "; ".join(
                    f"{what} {', '.join(map(repr, names))}"
                    for what, names in (
                        ("missing argument", missing),
                        ("unknown argument", unknown),
                    )
                    if names
                )
            )
        given = {}
        for name, value in arguments.items():
            try:
                given[name] = self.readers[name](value)
            except ValueError as error:
                raise ValueError(f"the argument {name!r} must be {error}") from None
        return given


def signature_of(function: Callable[..., Any], name: str) -> Signature:
    """Return what `function`, which the model knows as `name`, takes.

    Understood are int, float, bool, str, ``list[...]``, ``dict[str, ...]``, ``Literal``, enums,
    unions with ``None`` and others, ``Any``, and no annotation, which is any value. A parameter
    with a default is not required. ``Annotated[T, "what it is"]`` describes a parameter.

    Raises:
        TypeError: a parameter that no JSON object can fill; the message names it and the remedy.
    """
    plain = function
    while isinstance(plain, functools.partial):
        plain = plain.func
    inner = plain if inspect.isroutine(plain) or inspect.isclass(plain) else type(plain).__call__
    if inspect.iscoroutinefunction(plain) or inspect.iscoroutinefunction(inner):
        raise TypeError(f"the tool {name!r} is a coroutine function: give a plain one")
    try:
        parameters = inspect.signature(function).parameters
        hints = typing.get_type_hints(
            inner.__init__ if inspect.isclass(inner) else inner, include_extras=True
        )
    except (TypeError, ValueError, NameError) as error:
        raise TypeError(
            f"the signature of the tool {name!r} cannot be read ({error}): {REMEDY}"
        ) from None
    properties: dict[str, Any] = {}
    readers: dict[str, Reader] = {}
    required = []
    for parameter in parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(
                f"the parameter {_STARS.get(parameter.kind, '')}{parameter.name} of the tool "
                f"{name!r} cannot be given by its name: {REMEDY}"
            )
        try:
            schema, reader = _read(hints.get(parameter.name, Any))
        except TypeError as error:
            raise TypeError(
                f"the parameter {parameter.name!r} of the tool {name!r} is annotated with {error}, "
                f"for which there is no JSON schema here: {REMEDY}"
            ) from None
        properties[parameter.name] = schema
        readers[parameter.name] = reader
        if parameter.default is parameter.empty:
            required.append(parameter.name)
    return Signature(
        " ".join((inspect.getdoc(plain) or "").partition("\n\n")[0].split()),
        {"type": "object", "properties": properties, "required": required},
        readers,
    )


def _read(hint: Any) -> tuple[dict[str, Any], Reader]:
    """Return the schema and the reader of an annotation; a TypeError names an unknown one."""
    if hint is Any:
        return {}, lambda value: value
    if hint is None:
        hint = type(None)
    origin, args = get_origin(hint), get_args(hint)
    # Python 3.10 takes list[int] for a type, too.
    plain = origin is None and isinstance(hint, type)
    if plain and hint in _PLAIN:
        return {"type": _PLAIN[hint]}, _PLAIN_READERS[hint]
    if plain and issubclass(hint, enum.Enum):
        return _choice({member.value: member for member in hint}, hint)
    if origin is Annotated:
        schema, reader = _read(args[0])
        texts = [text for text in args[1:] if isinstance(text, str)]
        return (schema | {"description": " ".join(texts)} if texts else schema), reader
    if origin is Literal:
        return _choice({value: value for value in args}, hint)
    if origin is Union or origin is types.UnionType:
        return _union(args)
    if hint is list or origin is list:
        schema, reader = _read(args[0] if args else Any)
        return {"type": "array", "items": schema}, functools.partial(_list, reader)
    if hint is dict or (origin is dict and args[0] is str):
        schema, reader = _read(args[1] if args else Any)
        written = {"type": "object"} | ({"additionalProperties": schema} if schema else {})
        return written, functools.partial(_dict, reader)
    raise TypeError(hint.__qualname__ if plain else str(hint))


def _integer(value: Any) -> int:
    # JSON knows one kind of number only, and models write 3.0 for 3.
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


_PLAIN = {int: "integer", float: "number", bool: "boolean", str: "string", type(None): "null"}
_PLAIN_READERS: dict[type, Reader] = {
    int: _integer,
    float: _number,
    bool: functools.partial(_exactly, bool, "true or false"),
    str: functools.partial(_exactly, str, "a string"),
    type(None): functools.partial(_exactly, type(None), "null"),
}


def _list(reader: Reader, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("an array")
    return [_inside(reader, item, "an array, each item") for item in value]


def _dict(reader: Reader, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("an object")
    return {key: _inside(reader, item, "an object, each value") for key, item in value.items()}


def _inside(reader: Reader, value: Any, where: str) -> Any:
    try:
        return reader(value)
    except ValueError as error:
        raise ValueError(f"{where} {error}") from None


def _union(members: tuple[Any, ...]) -> tuple[dict[str, Any], Reader]:
    options = [_read(member) for member in members]

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
    """One of some values; `members` says what each stands for."""
    kinds = {type(value) for value in members}
    if not kinds <= _PLAIN.keys():
        raise TypeError(f"{getattr(hint, '__qualname__', hint)}, whose values are no JSON")
    schema: dict[str, Any] = {"enum": list(members)}
    if len(kinds) == 1:
        schema = {"type": _PLAIN[kinds.pop()]} | schema

    def read(value: Any) -> Any:
        for known, member in members.items():
            # True is 1 to Python, and not to JSON.
            if known == value and isinstance(known, bool) is isinstance(value, bool):
                return member
        raise ValueError(f"one of {', '.join(map(repr, members))}")

    return schema, read
