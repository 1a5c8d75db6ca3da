"""Detects the streams of model APIs: one predicate per family.

A predicate gets the event's name and its parsed JSON. It checks for fields that only its family
has.
"""

from __future__ import annotations

from typing import Any

from chatsdk.dialects.payload import is_among, is_dict

__all__ = [
    "anthropic",
    "cohere",
    "dashscope",
    "gemini",
    "llama_cpp",
    "mistral_conversations",
    "ollama",
    "responses",
    "strands",
    "tgi",
]

ANTHROPIC_TYPES = frozenset(
    {
        *("message_start", "message_delta", "message_stop"),
        *("content_block_start", "content_block_delta", "content_block_stop"),
    }
)
# Anthropic's types are the same words with underscores instead of hyphens.
COHERE_TYPES = frozenset(
    {
        *("message-start", "content-start", "content-delta", "content-end", "message-end"),
        *("tool-plan-delta", "tool-call-start", "tool-call-delta", "tool-call-end"),
        *("citation-start", "citation-end"),
    }
)
# Events of Bedrock's Converse API.
CONVERSE = frozenset(
    {
        *("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop"),
        *("messageStop", "metadata"),
    }
)
# Events in which OpenAI's Agents SDK wraps those of the responses API.
AGENTS_SDK = ("raw_response_event", "run_item_stream_event", "agent_updated_stream_event")
CONVERSATION_PREFIXES = (
    *("conversation.response.", "message.output.", "function.call."),
    *("tool.execution.", "agent.handoff."),
)
TGI_ERRORS = frozenset({"generation", "incomplete_generation", "overloaded", "validation"})


def anthropic(name: str, value: Any) -> bool:
    if not is_dict(value):
        return False
    kind = value.get("type")
    return is_among(kind, ANTHROPIC_TYPES) or (kind == "error" and is_dict(value.get("error")))


def responses(name: str, value: Any) -> bool:
    if not is_dict(value):
        return False
    kind = value.get("type")
    if kind == "error":
        return "message" in value
    return isinstance(kind, str) and (kind.startswith("response.") or kind in AGENTS_SDK)


def cohere(name: str, value: Any) -> bool:
    return is_dict(value) and is_among(value.get("type"), COHERE_TYPES)


def strands(name: str, value: Any) -> bool:
    if not is_dict(value):
        return False
    inner = value.get("event")
    return "init_event_loop" in value or (is_dict(inner) and not CONVERSE.isdisjoint(inner))


def gemini(name: str, value: Any) -> bool:
    # Google's agents (ADK) send nearly the same, with an author.
    if not is_dict(value) or "invocationId" in value or "author" in value:
        return False
    error = value.get("error")
    if is_dict(error):
        return "status" in error and isinstance(error.get("code"), int)
    if "candidates" in value:
        return isinstance(value["candidates"], list)
    return "promptFeedback" in value or (
        "usageMetadata" in value and ("modelVersion" in value or "responseId" in value)
    )


def ollama(name: str, value: Any) -> bool:
    if not is_dict(value) or "done" not in value:
        return False
    if is_dict(value.get("message")):
        return True
    return isinstance(value.get("response"), str) and ("model" in value or "created_at" in value)


def dashscope(name: str, value: Any) -> bool:
    if not is_dict(value):
        return False
    if name == "error":
        return "request_id" in value and "code" in value
    output = value.get("output")
    return (
        "request_id" in value
        and is_dict(output)
        and any(key in output for key in ("choices", "text", "finish_reason", "thoughts"))
    )


def mistral_conversations(name: str, value: Any) -> bool:
    kind = value.get("type") if is_dict(value) else None
    return isinstance(kind, str) and kind.startswith(CONVERSATION_PREFIXES)


def tgi(name: str, value: Any) -> bool:
    if not is_dict(value):
        return False
    token = value.get("token")
    if is_dict(token):
        return isinstance(token.get("text"), str) and "id" in token
    return isinstance(value.get("error"), str) and is_among(value.get("error_type"), TGI_ERRORS)


def llama_cpp(name: str, value: Any) -> bool:
    return (
        is_dict(value)
        and isinstance(value.get("content"), str)
        and isinstance(value.get("stop"), bool)
        and any(key in value for key in ("tokens", "tokens_predicted", "id_slot", "slot_id"))
    )
