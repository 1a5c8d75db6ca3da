"""Attributes of a request: where it goes, and the options in its body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from chatsdk.client.observation import Call
from chatsdk.telemetry import conventions

__all__ = ["described", "identified"]

PORTS = {"http": 80, "https": 443}

# Objects in a body that hold options of the model.
HOLDERS = (
    *("generationConfig", "generation_config", "inferenceConfig", "options", "parameters"),
    *("config", "model_config"),
)

# The options of the conventions, with the fields in which backends take them and their type.
OPTIONS: dict[str, tuple[type, tuple[str, ...]]] = {
    "gen_ai.request.temperature": (float, ("temperature",)),
    "gen_ai.request.top_p": (float, ("top_p", "topP", "p")),
    "gen_ai.request.top_k": (float, ("top_k", "topK", "k")),
    "gen_ai.request.max_tokens": (
        int,
        (
            *("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens"),
            *("maxTokens", "num_predict"),
        ),
    ),
    "gen_ai.request.frequency_penalty": (float, ("frequency_penalty", "frequencyPenalty")),
    "gen_ai.request.presence_penalty": (float, ("presence_penalty", "presencePenalty")),
    "gen_ai.request.seed": (int, ("seed",)),
    "gen_ai.request.choice.count": (int, ("n", "candidateCount")),
}
STOPS = ("stop", "stop_sequences", "stopSequences")

# Fields that ask for JSON.
FORMATS = ("response_format", "format", "responseMimeType", "responseSchema", "output_config")


def identified(call: Call) -> dict[str, Any]:
    """Return the attributes that spans and metrics share, for sampling, too."""
    name = call.dialect.name
    parts = urlsplit(call.request.url)
    attributes: dict[str, Any] = {
        conventions.OPERATION: conventions.operation_of(name),
        conventions.PROVIDER: conventions.provider_of(name, call.request.url),
    }
    model = _model(call)
    if model is not None:
        attributes[conventions.REQUEST_MODEL] = model
    if parts.hostname:
        attributes[conventions.SERVER_ADDRESS] = parts.hostname
        if (port := parts.port or PORTS.get(parts.scheme)) is not None:
            attributes[conventions.SERVER_PORT] = port
    return attributes


def described(call: Call) -> dict[str, Any]:
    """Return the attributes of the span alone: the options of the request."""
    body = call.body if isinstance(call.body, Mapping) else {}
    attributes: dict[str, Any] = {}
    if body.get("stream") is not False:
        attributes[conventions.REQUEST_STREAM] = True
    fields = list(_holders(body))
    for name, (kind, known) in OPTIONS.items():
        value = _first(fields, known)
        if not isinstance(value, bool) and isinstance(value, (int, float)):
            if name != "gen_ai.request.choice.count" or value != 1:
                attributes[name] = kind(value)
    stops = _first(fields, STOPS)
    if isinstance(stops, str):
        stops = [stops]
    if isinstance(stops, (list, tuple)) and stops and all(isinstance(item, str) for item in stops):
        attributes["gen_ai.request.stop_sequences"] = list(stops)
    if "json" in str(_first(fields, FORMATS) or "").lower():
        attributes[conventions.OUTPUT_TYPE] = "json"
    return attributes


def _model(call: Call) -> str | None:
    for holder in (call.body, call.options):
        model = holder.get("model") if isinstance(holder, Mapping) else None
        if isinstance(model, str) and model:
            return model
    path = urlsplit(call.request.url).path
    # Gemini, Bedrock and Azure have the model in the path.
    for segment in ("/models/", "/model/", "/deployments/"):
        _, found, rest = path.partition(segment)
        if found:
            return rest.split("/")[0].split(":")[0] or None
    return None


def _holders(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield body
    for name in HOLDERS:
        value = body.get(name)
        if isinstance(value, Mapping):
            yield value


def _first(holders: list[Mapping[str, Any]], names: tuple[str, ...]) -> Any:
    for holder in holders:
        for name in names:
            if holder.get(name) is not None:
                return holder[name]
    return None
