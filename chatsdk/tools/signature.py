"""A function's declaration for a model: description and JSON schema of the arguments.

The schema comes from the signature and the annotations. The same annotations decide how the JSON
arguments of a call are converted: an enum member is sent as its value.
"""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from chatsdk.tools.annotations import Reader, read_annotation
from chatsdk.tools.docstrings import read_docstring

__all__ = ["Signature", "signature_of"]

REMEDY = (
    'give a declaration in place of the function, {"description": ..., "parameters": <JSON '
    'schema>, "call": function}'
)

_STARS: dict[Any, str] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}


class Signature(NamedTuple):
    """The parameters of a function.

    Attributes:
        description: the first paragraph of its docstring; ``""`` without one.
        parameters: the JSON schema of its arguments, an object.
        readers: for each parameter, the conversion from JSON value to argument.
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
    """Return the signature of `function`, which the model calls `name`.

    `read_annotation` lists the supported annotations; a parameter without one takes any value. A
    parameter with a default is not required. ``Annotated[T, "description"]`` describes a parameter,
    and so do "Args:" in the docstring, ``:param name:``, and NumPy's "Parameters".

    Raises:
        TypeError: a JSON object cannot supply a parameter; the message names it and the remedy.
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
            schema, reader = read_annotation(hints.get(parameter.name, Any))
        except TypeError as error:
            raise TypeError(
                f"the parameter {parameter.name!r} of the tool {name!r} is annotated with {error}, "
                f"for which there is no JSON schema here: {REMEDY}"
            ) from None
        properties[parameter.name] = schema
        readers[parameter.name] = reader
        if parameter.default is parameter.empty:
            required.append(parameter.name)
    description, described = read_docstring(inspect.getdoc(plain) or "", properties)
    if not described and inspect.isclass(plain):
        # A class may describe its arguments in the docstring of `__init__`.
        described = read_docstring(inspect.getdoc(plain.__init__) or "", properties)[1]
    for name, words in described.items():
        # Annotated[...] takes precedence over the docstring.
        properties[name].setdefault("description", words)
    return Signature(
        description,
        {"type": "object", "properties": properties, "required": required},
        readers,
    )
