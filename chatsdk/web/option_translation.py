"""The options of a request, from one dialect's names to another's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatsdk.dialects import Dialect

__all__ = ["options_for"]

# Dialects whose requests name the model.
_NAMES_MODEL = frozenset(
    (
        "anthropic",
        "bedrock",
        "cohere",
        "dashscope",
        "deepseek",
        "gemini",
        "ollama",
        "openai",
        "openai_responses",
        "ragflow_openai",
    )
)

# The names of the same option, by family. `None`: the backend has no such option.
_FAMILIES: dict[str, dict[str, str | None]] = {
    "openai": {
        "max_tokens": "max_tokens",
        "temperature": "temperature",
        "top_p": "top_p",
        "stop": "stop",
        "seed": "seed",
        "tool_choice": "tool_choice",
        "top_k": None,
    },
    "anthropic": {
        "max_tokens": "max_tokens",
        "temperature": "temperature",
        "top_p": "top_p",
        "stop": "stop_sequences",
        "seed": None,
        "tool_choice": "tool_choice",
        "top_k": "top_k",
    },
    "openai_responses": {
        "max_tokens": "max_output_tokens",
        "temperature": "temperature",
        "top_p": "top_p",
        "stop": None,
        "seed": None,
        "tool_choice": "tool_choice",
        "top_k": None,
    },
    "ollama": {
        "max_tokens": "num_predict",
        "temperature": "temperature",
        "top_p": "top_p",
        "stop": "stop",
        "seed": "seed",
        "tool_choice": None,
        "top_k": "top_k",
    },
}
_OPENAI_ALIKE = ("deepseek", "ragflow_openai", "maxkb", "fastgpt", "dashscope")


def options_for(backend: Dialect, front: Dialect, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options for the backend, from options in the front's names.

    Between two dialects, sampling options are translated if the backend has them; options that only
    the front's own backend knows are left out. Tools and schemas are never left out silently,
    because they change the answer.

    Raises:
        ValueError: the backend does not accept tools, or a schema for the answer.
    """
    if backend.name == front.name:
        return dict(options)
    if options.get("tools") and not backend.about.tools:
        raise ValueError(f"the backend ({backend.name}) cannot be given tools")
    found: dict[str, Any] = {}
    schema = front.schema_in(options)
    if schema is not None:
        if set(backend.output_ways) <= {"words"}:
            raise ValueError(f"the backend ({backend.name}) cannot be given a JSON schema")
        if schema.get("type") != "object":
            raise ValueError("the schema of the answer must be an object's")
        found["output"] = schema
    if options.get("tools"):
        found["tools"] = options["tools"]
    if "model" in options and backend.name in _NAMES_MODEL:
        found["model"] = options["model"]
    theirs = _FAMILIES.get(_family(backend), {})
    sampling: dict[str, Any] = {}
    for name, value in _neutral(_family(front), options).items():
        target = theirs.get(name)
        if target is not None and value is not None:
            sampling[target] = _choice(value, _family(backend)) if name == "tool_choice" else value
    if backend.name == "ollama":
        return found | ({"options": sampling} if sampling else {})
    return found | sampling


def _family(dialect: Dialect) -> str:
    return "openai" if dialect.name in _OPENAI_ALIKE else dialect.name


def _neutral(family: str, options: Mapping[str, Any]) -> dict[str, Any]:
    own = _FAMILIES.get(family, {})
    source = options
    if family == "ollama":
        nested = options.get("options")
        source = nested if isinstance(nested, Mapping) else {}
    found = {
        name: source[native]
        for name, native in own.items()
        if native is not None and native in source
    }
    if family == "openai" and "max_completion_tokens" in options:
        found["max_tokens"] = options["max_completion_tokens"]
    if isinstance(found.get("stop"), str):
        found["stop"] = [found["stop"]]
    return found


def _choice(value: Any, family: str) -> Any:
    """Translate the choice of a tool to call."""
    kind, name = value, None
    if isinstance(value, Mapping):
        kind = value.get("type")
        function = value.get("function")
        name = function.get("name") if isinstance(function, Mapping) else value.get("name")
    kind = {"any": "required", "function": "tool"}.get(str(kind), str(kind))
    if family == "anthropic":
        if kind == "tool":
            return {"type": "tool", "name": name}
        return {"type": {"required": "any"}.get(kind, kind)}
    if kind == "tool":
        function = {"name": name}
        return (
            {"type": "function", "function": function}
            if family == "openai"
            else {
                "type": "function",
                **function,
            }
        )
    return kind
