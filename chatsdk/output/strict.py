"""JSON schemas in the forms that backends accept for strict output."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chatsdk.output.validation import first_mismatch, resolved

__all__ = ["closed", "for_anthropic", "for_cohere", "for_gemini", "for_openai", "without_nulls"]

# Keywords whose value is a schema, a list of schemas, or an object of schemas.
_ONE = ("items", "additionalProperties", "contains", "not", "propertyNames")
_MANY = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "$defs", "definitions")

# Keywords that OpenAI's strict mode refuses
# (https://platform.openai.com/docs/guides/structured-outputs, "supported schemas").
_NOT_STRICT = frozenset(
    (
        *("allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas"),
        *("prefixItems", "patternProperties", "propertyNames", "contains", "uniqueItems"),
    )
)

# Keywords that Anthropic accepts; the others go into the description, as its SDK does it
# (https://platform.claude.com/docs/en/build-with-claude/structured-outputs).
_ANTHROPIC = frozenset(
    (
        *("type", "properties", "required", "additionalProperties", "items", "enum", "const"),
        *("anyOf", "allOf", "$ref", "$defs", "description", "title", "format", "default"),
    )
)
_ANTHROPIC_FORMATS = frozenset(
    (
        *("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6"),
        "uuid",
    )
)

# Keywords that Cohere refuses (https://docs.cohere.com/v2/docs/structured-outputs).
_NOT_COHERE = frozenset(
    (
        *("minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum", "uniqueItems"),
        *("exclusiveMinimum", "exclusiveMaximum", "multipleOf", "prefixItems", "default", "title"),
    )
)


def _mapped(schema: Any, change: Any) -> Any:
    """Apply `change` to a schema and all schemas in it, the inner ones first."""
    if not isinstance(schema, Mapping):
        return schema
    made = dict(schema)
    for name in _ONE:
        if isinstance(made.get(name), Mapping):
            made[name] = _mapped(made[name], change)
    for name in _MANY:
        if isinstance(made.get(name), list):
            made[name] = [_mapped(item, change) for item in made[name]]
    for name in _NAMED:
        if isinstance(made.get(name), Mapping):
            made[name] = {key: _mapped(item, change) for key, item in made[name].items()}
    return change(made)


def closed(schema: Any) -> Any:
    """Return the schema without fields beyond those that it names."""

    def close(made: dict[str, Any]) -> dict[str, Any]:
        if "properties" in made:
            made.setdefault("additionalProperties", False)
        return made

    return _mapped(schema, close)


def for_openai(schema: dict[str, Any]) -> dict[str, Any] | None:
    """Return the schema for OpenAI's strict mode; ``None`` if that cannot express it.

    There every object is closed and every field required; one that may be left out becomes
    nullable, and `without_nulls` undoes that.
    """
    fits = True

    def change(made: dict[str, Any]) -> dict[str, Any]:
        nonlocal fits
        made.pop("default", None)
        if "$ref" in made and len(made) > 1:
            made = {"$ref": made["$ref"]}
        if not (made.keys() & {"type", "anyOf", "$ref", "enum", "const"}):
            # Any value.
            fits = False
        if made.keys() & _NOT_STRICT:
            fits = False
        if made.get("type") == "object":
            fits = fits and "properties" in made and not made.get("additionalProperties")
            made["additionalProperties"] = False
            properties = made.get("properties", {})
            required = made.get("required", ())
            made["properties"] = {
                name: item if name in required else _nullable(item, schema)
                for name, item in properties.items()
            }
            made["required"] = list(properties)
        return made

    made: dict[str, Any] = _mapped(schema, change)
    return made if fits else None


def _nullable(schema: dict[str, Any], root: Any) -> dict[str, Any]:
    if first_mismatch({**schema, "$defs": root.get("$defs", {})}, None) is None:
        return schema
    described = {"description": schema["description"]} if "description" in schema else {}
    inner = {name: item for name, item in schema.items() if name != "description"}
    return {"anyOf": [inner, {"type": "null"}], **described}


def for_anthropic(schema: dict[str, Any]) -> dict[str, Any] | None:
    """Return the schema for Anthropic's output format; ``None`` if that cannot express it."""
    fits = not _holds_itself(schema)

    def change(made: dict[str, Any]) -> dict[str, Any]:
        nonlocal fits
        if "oneOf" in made:
            made["anyOf"] = made.pop("oneOf")
        if made.get("type") == "object":
            fits = fits and "properties" in made and not made.get("additionalProperties")
            made["additionalProperties"] = False
        if not (made.keys() & {"type", "anyOf", "allOf", "$ref", "enum", "const"}):
            fits = False
        if "prefixItems" in made:
            fits = False
        rest = {name: made.pop(name) for name in made.keys() - _ANTHROPIC}
        if "format" in made and made["format"] not in _ANTHROPIC_FORMATS:
            rest["format"] = made.pop("format")
        return _with_note(made, rest)

    made: dict[str, Any] = _mapped(schema, change)
    return made if fits else None


def for_cohere(schema: dict[str, Any]) -> dict[str, Any] | None:
    """Return the schema for Cohere; ``None`` if that cannot express it."""
    fits = not _holds_itself(schema)

    def change(made: dict[str, Any]) -> dict[str, Any]:
        nonlocal fits
        if made.keys() & {"allOf", "oneOf", "not", "prefixItems"} or not made:
            fits = False
        if made.get("type") == "object":
            fits = fits and bool(made.get("properties"))
        rest = {name: made.pop(name) for name in made.keys() & _NOT_COHERE}
        rest.pop("default", None)
        rest.pop("title", None)
        return _with_note(made, rest)

    # Each object needs a field that is required, so all are, as OpenAI has it.
    strict = for_openai(schema)
    if strict is None:
        return None
    made: dict[str, Any] = _mapped(strict, change)
    return made if fits else None


def for_gemini(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema in the keywords of Gemini's ``responseJsonSchema``."""

    def change(made: dict[str, Any]) -> dict[str, Any]:
        if "const" in made:
            made["enum"] = [made.pop("const")]
        if isinstance(made.get("properties"), dict):
            # Otherwise the fields come in the order of their names with some models.
            made["propertyOrdering"] = list(made["properties"])
        return made

    made: dict[str, Any] = _mapped(schema, change)
    return made


def _with_note(schema: dict[str, Any], rest: Mapping[str, Any]) -> dict[str, Any]:
    """Keep constraints that the backend does not enforce in the description, for the model."""
    if not rest:
        return schema
    note = ", ".join(f"{name}: {json.dumps(rest[name])}" for name in sorted(rest))
    text = schema.get("description")
    return schema | {"description": f"{text} ({note})" if text else note}


def _holds_itself(schema: dict[str, Any]) -> bool:
    """Whether following the references leads back to one of them."""

    def visit(part: Any, within: frozenset[str]) -> bool:
        if isinstance(part, list):
            return any(visit(item, within) for item in part)
        if not isinstance(part, Mapping):
            return False
        reference = part.get("$ref")
        if isinstance(reference, str):
            if reference in within:
                return True
            if visit(resolved(part, schema), within | {reference}):
                return True
        return any(visit(item, within) for name, item in part.items() if name != "$defs")

    return visit(schema, frozenset())


def without_nulls(schema: Any, value: Any, root: Any = None) -> Any:
    """Leave out fields that are null only because a strict backend had to send them."""
    root = schema if root is None else root
    schema = resolved(schema, root)
    if not isinstance(schema, Mapping):
        return value
    if isinstance(value, list):
        first = schema.get("prefixItems") or []
        rest = schema.get("items")
        return [
            without_nulls(first[place] if place < len(first) else rest, item, root)
            for place, item in enumerate(value)
        ]
    if not isinstance(value, dict):
        return value
    for name in ("anyOf", "oneOf"):
        for option in schema.get(name) or ():
            made = without_nulls(option, value, root)
            if first_mismatch(_rooted(option, root), made) is None:
                return made
    properties = schema.get("properties") or {}
    others = schema.get("additionalProperties")
    required = schema.get("required") or ()
    kept = {}
    for name, item in value.items():
        own = properties.get(name, others)
        if item is None and name in properties and name not in required:
            if first_mismatch(_rooted(own, root), None) is not None:
                continue
        kept[name] = without_nulls(own, item, root)
    return kept


def _rooted(schema: Any, root: Any) -> Any:
    """A part of a schema, with the definitions of the complete one."""
    if not isinstance(schema, Mapping):
        return schema
    found = {name: root[name] for name in ("$defs", "definitions") if name in root}
    return {**found, **schema}
