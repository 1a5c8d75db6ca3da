"""Sample objects for requests that ask for an object, in any of the ways of a dialect."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chatsdk.dialects import Dialect
from chatsdk.output.validation import first_mismatch, resolved
from chatsdk.output.wanted import WORDS_BEFORE_SCHEMA
from chatsdk.testing.embedded_replies import prompt_of, speak

__all__ = ["reply", "sample"]

# Maximum depth of a sample; a schema may refer to itself.
DEEP = 6

# Samples of texts with a format.
FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "email": "someone@example.com",
    "uri": "https://example.com/",
}

_SAMPLES: dict[str, Any] = {"integer": 1, "number": 1.5, "boolean": True, "null": None}


def reply(dialect: Dialect, body: Any) -> str:
    """Return the answer to a request: JSON that fits its schema, or a few sentences."""
    schema = _schema_in(dialect, body)
    if schema is not None:
        made = sample(schema)
        if first_mismatch(schema, made) is None:
            return json.dumps(made, ensure_ascii=False)
    return speak(body)


def sample(schema: Any) -> Any:
    """Return a JSON value for a schema, the same one each time. It ignores bounds and patterns."""
    return _sample(schema, schema, "text", DEEP)


def _schema_in(dialect: Dialect, body: Any) -> dict[str, Any] | None:
    try:
        schema = dialect.schema_in(dialect.read_request(body).options)
    except ValueError:
        schema = None
    if schema is None:
        _, found, rest = prompt_of(body).partition(WORDS_BEFORE_SCHEMA)
        try:
            schema = json.JSONDecoder().raw_decode(rest.lstrip())[0] if found else None
        except (ValueError, RecursionError):
            return None
    return schema if isinstance(schema, dict) and schema.get("properties") else None


def _sample(schema: Any, root: Any, name: str, deep: int) -> Any:
    schema = resolved(schema, root)
    if not isinstance(schema, Mapping) or deep < 0:
        return None
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for options in (schema.get("anyOf"), schema.get("oneOf")):
        if options:
            # Beyond the depth only null ends it.
            option = options[0] if deep else {"type": "null"}
            return _sample(option, root, name, deep - 1)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        properties = schema.get("properties") or {}
        return {key: _sample(item, root, key, deep - 1) for key, item in properties.items()}
    if kind == "array":
        if not deep:
            return []
        first = schema.get("prefixItems") or [schema.get("items", {})] * 2
        return [_sample(item, root, f"{name} {n}", deep - 1) for n, item in enumerate(first, 1)]
    if kind == "string":
        return FORMATS.get(str(schema.get("format")), f"built-in {name}")
    return _SAMPLES.get(kind)
