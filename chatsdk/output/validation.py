"""Checks JSON values, complete or still growing, against a JSON schema."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

__all__ = ["Edge", "Mismatch", "first_mismatch", "resolved"]

# Characters of a value that an error shows.
SHOWN_CHARS = 80

_MISSING: Any = object()


class Mismatch(ValueError):
    """A value does not fit.

    Attributes:
        path: the place of the value: names and indexes from the root.
        expected: a description of valid values.
        came: the value that came instead, as JSON, shortened; ``"nothing"`` if it is missing.
    """

    def __init__(self, path: tuple[str | int, ...], expected: str, came: Any = _MISSING) -> None:
        self.path = path
        self.expected = expected
        self.came = "nothing" if came is _MISSING else shown(came)
        super().__init__(f"expected {expected}, got {self.came}")


class Edge(NamedTuple):
    """The growing end of a value.

    Attributes:
        depth: how many arrays and objects are open, counted from this value along the last items.
        text: the last value is a string that is open.
    """

    depth: int
    text: bool

    @property
    def inner(self) -> Edge:
        """The edge of the last item of an open array or object."""
        return Edge(self.depth - 1, self.text)

    def is_open(self, value: Any) -> bool:
        """Whether more of this value may come."""
        return self.depth > 0 or (self.text and isinstance(value, str))


def first_mismatch(schema: Any, value: Any, edge: Edge | None = None) -> Mismatch | None:
    """Return the first place where `value` does not fit `schema`, ``None`` if it fits.

    Supported are the keywords that structured output of any backend supports, and ``$ref`` into the
    schema itself; others are ignored.

    Args:
        schema: a JSON schema.
        value: a JSON value.
        edge: where the value still grows, ``None`` if it is complete. A growing value fits if some
            continuation of it may fit.
    """
    return next(_mismatches(schema, value, edge, (), schema), None)


def resolved(schema: Any, root: Any) -> Any:
    """Return the schema that a ``$ref`` names, or `schema` itself."""
    for _ in range(100):
        reference = schema.get("$ref") if isinstance(schema, Mapping) else None
        if not isinstance(reference, str):
            return schema
        found: Any = root
        for name in reference.removeprefix("#").strip("/").split("/"):
            if name:
                name = name.replace("~1", "/").replace("~0", "~")
                found = found.get(name, {}) if isinstance(found, Mapping) else {}
        schema = found
    return {}


def shown(value: Any) -> str:
    """Return a value as JSON, shortened."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"


_TYPES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "string": ("a string", lambda value: isinstance(value, str)),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "null": ("null", lambda value: value is None),
    "array": ("an array", lambda value: isinstance(value, list)),
    "object": ("an object", lambda value: isinstance(value, dict)),
    "number": (
        "a number",
        lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    ),
    # JSON has only one kind of number, and models write 3.0 for 3.
    "integer": (
        "an integer",
        lambda value: (
            (isinstance(value, int) and not isinstance(value, bool))
            or (isinstance(value, float) and value.is_integer())
        ),
    ),
}

_Path = tuple[str | int, ...]


def _mismatches(
    schema: Any, value: Any, edge: Edge | None, path: _Path, root: Any
) -> Iterator[Mismatch]:
    schema = resolved(schema, root)
    if edge is not None and not edge.is_open(value):
        edge = None
    if schema is False:
        yield Mismatch(path, "nothing", value)
    if not isinstance(schema, Mapping):
        return
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds if isinstance(kinds, list) else []
    known = [_TYPES[kind] for kind in kinds if kind in _TYPES]
    if known and not any(test(value) for _, test in known):
        yield Mismatch(path, " or ".join(words for words, _ in known), value)
        return
    yield from _choices(schema, value, edge, path)
    for name in ("anyOf", "oneOf"):
        options = schema.get(name)
        if isinstance(options, list) and options:
            yield from _none_fits(options, value, edge, path, root)
    for part in schema.get("allOf") or ():
        yield from _mismatches(part, value, edge, path, root)
    if isinstance(value, dict):
        yield from _in_object(schema, value, edge, path, root)
    elif isinstance(value, list):
        yield from _in_array(schema, value, edge, path, root)
    elif isinstance(value, str):
        yield from _in_string(schema, value, edge, path)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _in_number(schema, value, path)


def _choices(
    schema: Mapping[str, Any], value: Any, edge: Edge | None, path: _Path
) -> Iterator[Mismatch]:
    members = schema.get("enum")
    if not isinstance(members, list):
        if "const" not in schema:
            return
        members = [schema["const"]]
    if edge is None:
        fits = any(_same(member, value) for member in members)
    elif isinstance(value, str):
        fits = any(isinstance(member, str) and member.startswith(value) for member in members)
    else:
        fits = any(type(member) is type(value) for member in members)
    if not fits:
        yield Mismatch(path, f"one of {', '.join(map(shown, members))}", value)


def _same(member: Any, value: Any) -> bool:
    # In Python True equals 1, in JSON it does not.
    return bool(member == value) and isinstance(member, bool) is isinstance(value, bool)


def _none_fits(
    options: list[Any], value: Any, edge: Edge | None, path: _Path, root: Any
) -> Iterator[Mismatch]:
    found = []
    for option in options:
        mismatch = next(_mismatches(option, value, edge, path, root), None)
        if mismatch is None:
            return
        found.append(mismatch)
    deepest = max(found, key=lambda mismatch: len(mismatch.path))
    if len(deepest.path) > len(path):
        yield deepest
    else:
        expected = dict.fromkeys(mismatch.expected for mismatch in found)
        yield Mismatch(path, " or ".join(expected), value)


def _in_object(
    schema: Mapping[str, Any], value: dict[str, Any], edge: Edge | None, path: _Path, root: Any
) -> Iterator[Mismatch]:
    properties = schema.get("properties")
    properties = properties if isinstance(properties, Mapping) else {}
    others = schema.get("additionalProperties", True)
    last = next(reversed(value), None) if edge is not None else None
    for name, item in value.items():
        inner = edge.inner if edge is not None and name == last else None
        if name in properties:
            yield from _mismatches(properties[name], item, inner, (*path, name), root)
        elif others is False:
            known = ", ".join(map(shown, properties))
            yield Mismatch(path, f"an object whose fields are {known}", {name: item})
        elif others is not True:
            yield from _mismatches(others, item, inner, (*path, name), root)
    if edge is None:
        for name in schema.get("required") or ():
            if name not in value:
                wanted = resolved(properties.get(name, {}), root)
                yield Mismatch((*path, name), _described(wanted))


def _described(schema: Any) -> str:
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    return _TYPES[kind][0] if isinstance(kind, str) and kind in _TYPES else "a value"


def _in_array(
    schema: Mapping[str, Any], value: list[Any], edge: Edge | None, path: _Path, root: Any
) -> Iterator[Mismatch]:
    first = schema.get("prefixItems")
    first = first if isinstance(first, list) else []
    rest = schema.get("items", True)
    for place, item in enumerate(value):
        inner = edge.inner if edge is not None and place == len(value) - 1 else None
        wanted = first[place] if place < len(first) else rest
        yield from _mismatches(wanted, item, inner, (*path, place), root)
    most = schema.get("maxItems")
    if isinstance(most, int) and len(value) > most:
        yield Mismatch(path, f"an array of at most {most} items", value)
    least = schema.get("minItems")
    if edge is None and isinstance(least, int) and len(value) < least:
        yield Mismatch(path, f"an array of at least {least} items", value)


def _in_string(
    schema: Mapping[str, Any], value: str, edge: Edge | None, path: _Path
) -> Iterator[Mismatch]:
    most = schema.get("maxLength")
    if isinstance(most, int) and len(value) > most:
        yield Mismatch(path, f"a string of at most {most} characters", value)
    if edge is not None:
        return
    least = schema.get("minLength")
    if isinstance(least, int) and len(value) < least:
        yield Mismatch(path, f"a string of at least {least} characters", value)
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        try:
            found = re.search(pattern, value) is not None
        except re.error:
            # The dialect is that of ECMAScript; the backend checks it.
            found = True
        if not found:
            yield Mismatch(path, f"a string that matches {pattern}", value)


_BOUNDS: tuple[tuple[str, str, Callable[[Any, Any], bool]], ...] = (
    ("minimum", "at least", lambda value, bound: value >= bound),
    ("maximum", "at most", lambda value, bound: value <= bound),
    ("exclusiveMinimum", "more than", lambda value, bound: value > bound),
    ("exclusiveMaximum", "less than", lambda value, bound: value < bound),
)


def _in_number(schema: Mapping[str, Any], value: float, path: _Path) -> Iterator[Mismatch]:
    for name, words, test in _BOUNDS:
        bound = schema.get(name)
        if isinstance(bound, (int, float)) and not isinstance(bound, bool):
            if not test(value, bound):
                yield Mismatch(path, f"a number {words} {bound}", value)
