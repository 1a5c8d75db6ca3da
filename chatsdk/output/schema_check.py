"""`check_schema`: finds a JSON schema whose keywords have values of the wrong kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["check_schema"]

# Keywords that hold schemas by name, a list of schemas, and one schema.
BY_NAME = ("properties", "$defs", "definitions")
LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
SINGLE = ("additionalProperties",)


def check_schema(schema: Any, at: str = "") -> None:
    """Check the keywords of a schema that are read here; the others are for the backend.

    Raises:
        TypeError: a value is of the wrong kind; the message shows its place.
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
    required = schema.get("required", [])
    if not isinstance(required, (list, tuple)) or not all(isinstance(x, str) for x in required):
        raise TypeError(f"output= is not a JSON schema: {at}/required is not a list of names")


def _check_list(parts: Any, at: str) -> None:
    if not isinstance(parts, (list, tuple)):
        raise TypeError(f"output= is not a JSON schema: {at} is not a list")
    for place, part in enumerate(parts):
        check_schema(part, f"{at}/{place}")
