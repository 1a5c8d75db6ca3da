"""Detects the streams of agent frameworks and protocols: one predicate per family.

A predicate gets the event's name and its parsed JSON. It checks for fields that only its family
has.
"""

from __future__ import annotations

from typing import Any

from chatsdk.dialects.payload import is_among, is_dict

__all__ = [
    "a2a",
    "adk",
    "agno",
    "agui",
    "genkit",
    "langgraph",
    "langserve",
    "mastra",
    "mcp",
    "vercel",
    "vercel_edge",
]

LANGGRAPH_DICTS = frozenset({"values", "updates", "debug", "tasks", "checkpoints"})
A2A_UPDATES = ("statusUpdate", "artifactUpdate")
VERCEL_TYPES = frozenset(
    {
        *("start-step", "finish-step", "message-metadata", "source-url", "source-document"),
        *("text-start", "text-delta", "text-end"),
        *("reasoning-start", "reasoning-delta", "reasoning-end"),
    }
)
# Other families also start and end with these types; Vercel's events have only the fields below.
VERCEL_EDGES = frozenset({"start", "finish", "abort"})
VERCEL_EDGE_FIELDS = frozenset(
    {"type", "messageId", "messageMetadata", "finishReason", "reason", "providerMetadata"}
)
# Fields that show that a chunk with one of Vercel's types is Mastra's.
NOT_VERCEL = frozenset({"payload", "runId", "from"})
AGUI_PREFIXES = (
    *("RUN_", "STEP_", "TEXT_MESSAGE_", "TOOL_CALL_", "REASONING_", "THINKING_"),
    *("STATE_", "MESSAGES_", "ACTIVITY_"),
)
AGNO_PREFIXES = (
    *("Run", "TeamRun", "ModelRequest", "TeamModelRequest", "ToolCall", "TeamToolCall"),
    *("Workflow", "Step", "Reasoning", "TeamReasoning", "Memory", "TeamMemory"),
)


def langgraph(name: str, value: Any) -> bool:
    name = name.partition("|")[0]  # a subgraph's namespace follows
    if name == "metadata":
        return is_dict(value) and "run_id" in value and "attempt" in value
    if name == "messages":
        return isinstance(value, list)
    if name == "error":
        return is_dict(value) and isinstance(value.get("error"), str) and "message" in value
    if name == "events":
        return langchain_event(value)
    return name.startswith("messages/") or (name in LANGGRAPH_DICTS and is_dict(value))


def langserve(name: str, value: Any) -> bool:
    if name == "error":
        return is_dict(value) and "status_code" in value and "message" in value
    if langchain_event(value):
        return name in ("data", "message")
    # The output of a runnable; an object is not conclusive unless it is LangChain's.
    return name == "data" and (not is_dict(value) or langchain(value))


def langchain_event(value: Any) -> bool:
    if not is_dict(value) or "run_id" not in value:
        return False
    name = value.get("event")
    return isinstance(name, str) and name.startswith("on_") and "data" in value


def langchain(value: dict[str, Any]) -> bool:
    return value.get("type") in ("AIMessageChunk", "ai") and "content" in value


def mastra(name: str, value: Any) -> bool:
    return (
        is_dict(value)
        and is_dict(value.get("payload"))
        and isinstance(value.get("type"), str)
        and isinstance(value.get("from"), str)
        and "runId" in value
    )


def vercel(name: str, value: Any) -> bool:
    if not is_dict(value) or not NOT_VERCEL.isdisjoint(value):
        return False
    kind = value.get("type")
    if kind == "error":
        return "errorText" in value
    if kind in ("text-delta", "reasoning-delta"):
        return isinstance(value.get("delta"), str)
    return is_among(kind, VERCEL_TYPES) or (
        isinstance(kind, str)
        and (
            (kind == "file" and "url" in value)
            or (kind.startswith("data-") and "data" in value)
            or (kind.startswith(("tool-input-", "tool-output-")) and "toolCallId" in value)
        )
    )


def vercel_edge(value: Any) -> bool:
    return (
        is_dict(value)
        and is_among(value.get("type"), VERCEL_EDGES)
        and set(value) <= VERCEL_EDGE_FIELDS
    )


def agui(name: str, value: Any) -> bool:
    kind = value.get("type") if is_dict(value) else None
    return isinstance(kind, str) and kind.startswith(AGUI_PREFIXES)


def a2a(name: str, value: Any) -> bool:
    if not is_dict(value):
        return False
    if "jsonrpc" in value:
        value = value.get("result")
        if not is_dict(value):
            return False
    kind = value.get("kind")
    if kind in ("status-update", "artifact-update") and "taskId" in value:
        return True
    if kind in ("task", "message"):
        return "contextId" in value or "messageId" in value
    if any(is_dict(value.get(name)) and "taskId" in value[name] for name in A2A_UPDATES):
        return True
    task, message = value.get("task"), value.get("message")
    return (is_dict(task) and "contextId" in task and "status" in task) or (
        is_dict(message) and "messageId" in message and "parts" in message
    )


def adk(name: str, value: Any) -> bool:
    return is_dict(value) and (
        ("invocationId" in value and "author" in value)
        or ("error_details" in value and isinstance(value.get("error"), str))
    )


def agno(name: str, value: Any) -> bool:
    return (
        is_dict(value)
        and isinstance(value.get("event"), str)
        and value["event"].startswith(AGNO_PREFIXES)
        and "run_id" in value
        and any(key in value for key in ("agent_id", "team_id", "workflow_id"))
    )


def genkit(name: str, value: Any) -> bool:
    if not is_dict(value) or len(value) != 1:
        return False
    result = value.get("result")
    message = value.get("message", result.get("message") if is_dict(result) else None)
    if not is_dict(message) or message.get("role") not in ("model", "tool"):
        return False
    content = message.get("content")
    return isinstance(content, list) and all(
        is_dict(part) and "type" not in part for part in content
    )


def mcp(name: str, value: Any) -> bool:
    if not is_dict(value) or value.get("jsonrpc") != "2.0":
        return False
    method, result = value.get("method"), value.get("result")
    if isinstance(method, str):
        return method.startswith("notifications/")
    return is_dict(result) and isinstance(result.get("content"), list)
