"""`check_schema`: finds a JSON schema whose keywords have values of the wrong kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["check_schema"]

# Keywords that hold schemas by name, a list of schemas, and one schema.
BY_NAME = ("properties", "$defs", "definitions", "patternProperties")
LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
SINGLE = ("additionalProperties", "not")

TYPES = ("string", "number", "integer", "boolean", "null", "array", "object")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    # Draft 4 has true and false for exclusive bounds.
    return isinstance(value, (int, float))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple)) and len(value) > 0


def _are_names(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(map(_is_text, value))


# Keywords with other values: the test and its description.
VALUES: dict[str, tuple[Callable[[object], bool], str]] = {
    **dict.fromkeys(("$ref", "description", "format", "pattern", "title"), (_is_text, "a string")),
    **dict.fromkeys(
        ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        (_is_number, "a number"),
    ),
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
        (_is_count, "a count"),
    ),
    "enum": (_is_list, "a list of values"),
    "required": (_are_names, "a list of names"),
}


def check_schema(schema: Any, at: str = "") -> None:
    """Check the values of a schema's keywords; unknown keywords are for the backend.

    Raises:
        TypeError: a value is of the wrong kind; the message shows its place.
        ValueError: a type has an unknown name; the message shows the nearest.
    """
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping):
        raise TypeError(f"output= is not a JSON schema: {at or 'it'} is not an object")
    for name in BY_NAME:
        if name in schema:
            if not isinstance(schema[name], Mapping):
                raise TypeError(f"output= is not a JSON schema: {at}/{name} is not an object")
            for key, part in schema[name].items():
                check_schema(part, f"{at}/{name}/{key}")
    for name in LISTS:
        if name in schema:
            _check_list(schema[name], f"{at}/{name}")
    for name in SINGLE:
        if name in schema:
            check_schema(schema[name], f"{at}/{name}")
    items = schema.get("items", True)
    if isinstance(items, (list, tuple)):
        # Before draft 2020-12, the schemas of the first items.
        _check_list(items, f"{at}/items")
    else:
        check_schema(items, f"{at}/items")
    for name, (fits, words) in VALUES.items():
        if name in schema and not fits(schema[name]):
            raise TypeError(f"output= is not a JSON schema: {at}/{name} is not {words}")
    _check_type(schema.get("type", "object"), f"{at}/type")


def _check_type(kinds: Any, at: str) -> None:
    named = [kinds] if isinstance(kinds, str) else kinds
    if not _is_list(named) or not _are_names(named):
        raise TypeError(f"output= is not a JSON schema: {at} is not a name or a list of names")
    for kind in named:
        # Google writes the names in capitals.
        if kind.lower() not in TYPES:
            from difflib import get_close_matches

            near = get_close_matches(kind.lower(), TYPES, 1, 0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"the types are {', '.join(TYPES)}"
            raise ValueError(f"output= is not a JSON schema: {at} is {kind!r}; {hint}")


def _check_list(parts: Any, at: str) -> None:
    if not isinstance(parts, (list, tuple)):
        raise TypeError(f"output= is not a JSON schema: {at} is not a list")
    for place, part in enumerate(parts):
        check_schema(part, f"{at}/{place}")
