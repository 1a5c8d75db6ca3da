"""Detects the wire family from the first events: one predicate per family.

A predicate gets the event's name and its parsed JSON. It checks for fields that only its family
has, so the order of the table matters in only a few places, which are commented.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from chatsdk.dialects.payload import load
from chatsdk.dialects.wrapping import unwrapped
from chatsdk.errors import ProtocolError
from chatsdk.sse import ServerSentEvent

__all__ = [
    "DONE",
    "END",
    "UNKNOWN",
    "WAIT",
    "is_of",
    "may_be",
    "recognise",
    "recognise_document",
]

# The event has no text and at least two families send it: the next event decides.
WAIT = "wait"

# JSON without text that no family is known to send.
UNKNOWN = "unknown"

# OpenAI's end marker, which many others send as well.
END = "end"

Predicate = Callable[[str, Any], bool]

RAGFLOW_AGENT_EVENTS = frozenset(
    {
        *("message", "message_end", "user_inputs", "waiting_for_user"),
        *("workflow_started", "workflow_finished", "node_started", "node_finished"),
    }
)
RAGFLOW_KEYS = ("answer", "reference", "session_id")
# Events that both Dify and RAGFlow's agents send; their ids show which of the two it is.
DIFY_EVENTS = frozenset(
    {
        *("agent_message", "agent_thought", "agent_log", "message_replace", "message_file"),
        *("tts_message", "tts_message_end", "text_chunk", "text_replace"),
        *("workflow_paused", "human_input_required", "parallel_branch_started"),
        *("iteration_started", "loop_started"),
    }
)
LANGGRAPH_DICTS = frozenset({"values", "updates", "debug", "tasks", "checkpoints"})
FASTGPT_EVENTS = frozenset(
    {
        *("answer", "fastAnswer", "flowNodeStatus", "flowResponses", "toolCall", "toolParams"),
        *("toolResponse", "updateVariables", "interactive", "flowNodeResponse", "workflowDuration"),
    }
)
ANTHROPIC_TYPES = frozenset(
    {
        *("message_start", "message_delta", "message_stop"),
        *("content_block_start", "content_block_delta", "content_block_stop"),
    }
)
A2A_UPDATES = ("statusUpdate", "artifactUpdate")
# Anthropic's types are the same words with underscores in place of hyphens.
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
# The only two fields of a visual builder's events: the event's name and its content.
EVENT_DATA = {"event", "data"}
FLOWISE_EVENTS = frozenset(
    {
        *("start", "token", "end", "abort", "metadata", "sourceDocuments", "usedTools"),
        *("calledTools", "agentReasoning", "nextAgent", "agentFlowEvent", "nextAgentFlow"),
        *("agentFlowExecutedData", "usageMetadata", "fileAnnotations", "artifacts", "action"),
    }
)
# The type of the data of these events; the data of the others is text.
FLOWISE_DATA: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("sourceDocuments", "usedTools", "calledTools", "agentReasoning"), list),
    **dict.fromkeys(("fileAnnotations", "artifacts", "agentFlowExecutedData"), list),
    **dict.fromkeys(("metadata", "usageMetadata", "nextAgentFlow"), dict),
    "action": (dict, type(None)),
    "agentFlowEvent": (str, dict),
}
LANGFLOW_EVENTS = frozenset(
    {"vertices_sorted", "build_start", "build_end", "end_vertex", "remove_message"}
)
AGNO_PREFIXES = (
    *("Run", "TeamRun", "ModelRequest", "TeamModelRequest", "ToolCall", "TeamToolCall"),
    *("Workflow", "Step", "Reasoning", "TeamReasoning", "Memory", "TeamMemory"),
)
CONVERSATION_PREFIXES = (
    *("conversation.response.", "message.output.", "function.call."),
    *("tool.execution.", "agent.handoff."),
)
TGI_ERRORS = frozenset({"generation", "incomplete_generation", "overloaded", "validation"})
ERROR_WORDS = ("error", "text")
N8N_TYPES = frozenset({"begin", "item", "end", "error"})
DONE = ("[DONE]", '"[DONE]"')


def _coze(name: str, value: Any) -> bool:
    # Events of Mistral's conversations start with the same words.
    if name.startswith(("conversation.chat.", "conversation.message.")):
        return True
    if name == "done":
        return value == "[DONE]" or (_dict(value) and "debug_url" in value)
    return name == "error" and _dict(value) and "code" in value and "msg" in value


def _fastgpt(name: str, value: Any) -> bool:
    # Without event names (detail: false) FastGPT's stream is plain OpenAI.
    return name in FASTGPT_EVENTS


def _langgraph(name: str, value: Any) -> bool:
    name = name.partition("|")[0]  # a subgraph's namespace follows
    if name == "metadata":
        return _dict(value) and "run_id" in value and "attempt" in value
    if name == "messages":
        return isinstance(value, list)
    if name == "error":
        return _dict(value) and isinstance(value.get("error"), str) and "message" in value
    if name == "events":
        return _langchain_event(value)
    return name.startswith("messages/") or (name in LANGGRAPH_DICTS and _dict(value))


def _langserve(name: str, value: Any) -> bool:
    if name == "error":
        return _dict(value) and "status_code" in value and "message" in value
    if _langchain_event(value):
        return name in ("data", "message")
    # The output of a runnable; an object is not conclusive unless it is LangChain's.
    return name == "data" and (not _dict(value) or _langchain(value))


def _langchain_event(value: Any) -> bool:
    if not _dict(value) or "run_id" not in value:
        return False
    name = value.get("event")
    return isinstance(name, str) and name.startswith("on_") and "data" in value


def _langchain(value: dict[str, Any]) -> bool:
    return value.get("type") in ("AIMessageChunk", "ai") and "content" in value


def _anthropic(name: str, value: Any) -> bool:
    if not _dict(value):
        return False
    kind = value.get("type")
    return _in(kind, ANTHROPIC_TYPES) or (kind == "error" and _dict(value.get("error")))


def _responses(name: str, value: Any) -> bool:
    if not _dict(value):
        return False
    kind = value.get("type")
    if kind == "error":
        return "message" in value
    return isinstance(kind, str) and (kind.startswith("response.") or kind in AGENTS_SDK)


def _mastra(name: str, value: Any) -> bool:
    return (
        _dict(value)
        and _dict(value.get("payload"))
        and isinstance(value.get("type"), str)
        and isinstance(value.get("from"), str)
        and "runId" in value
    )


def _vercel(name: str, value: Any) -> bool:
    if not _dict(value) or not NOT_VERCEL.isdisjoint(value):
        return False
    kind = value.get("type")
    if kind == "error":
        return "errorText" in value
    if kind in ("text-delta", "reasoning-delta"):
        return isinstance(value.get("delta"), str)
    return _in(kind, VERCEL_TYPES) or (
        isinstance(kind, str)
        and (
            (kind == "file" and "url" in value)
            or (kind.startswith("data-") and "data" in value)
            or (kind.startswith(("tool-input-", "tool-output-")) and "toolCallId" in value)
        )
    )


def _vercel_edge(value: Any) -> bool:
    return (
        _dict(value) and _in(value.get("type"), VERCEL_EDGES) and set(value) <= VERCEL_EDGE_FIELDS
    )


def _agui(name: str, value: Any) -> bool:
    kind = value.get("type") if _dict(value) else None
    return isinstance(kind, str) and kind.startswith(AGUI_PREFIXES)


def _a2a(name: str, value: Any) -> bool:
    if not _dict(value):
        return False
    if "jsonrpc" in value:
        value = value.get("result")
        if not _dict(value):
            return False
    kind = value.get("kind")
    if kind in ("status-update", "artifact-update") and "taskId" in value:
        return True
    if kind in ("task", "message"):
        return "contextId" in value or "messageId" in value
    if any(_dict(value.get(name)) and "taskId" in value[name] for name in A2A_UPDATES):
        return True
    task, message = value.get("task"), value.get("message")
    return (_dict(task) and "contextId" in task and "status" in task) or (
        _dict(message) and "messageId" in message and "parts" in message
    )


def _cohere(name: str, value: Any) -> bool:
    return _dict(value) and _in(value.get("type"), COHERE_TYPES)


def _strands(name: str, value: Any) -> bool:
    if not _dict(value):
        return False
    inner = value.get("event")
    return "init_event_loop" in value or (_dict(inner) and not CONVERSE.isdisjoint(inner))


def _adk(name: str, value: Any) -> bool:
    return _dict(value) and (
        ("invocationId" in value and "author" in value)
        or ("error_details" in value and isinstance(value.get("error"), str))
    )


def _gemini(name: str, value: Any) -> bool:
    # Google's agents (ADK) send nearly the same, with an author.
    if not _dict(value) or "invocationId" in value or "author" in value:
        return False
    error = value.get("error")
    if _dict(error):
        return "status" in error and isinstance(error.get("code"), int)
    if "candidates" in value:
        return isinstance(value["candidates"], list)
    return "promptFeedback" in value or (
        "usageMetadata" in value and ("modelVersion" in value or "responseId" in value)
    )


def _ollama(name: str, value: Any) -> bool:
    if not _dict(value) or "done" not in value:
        return False
    if _dict(value.get("message")):
        return True
    return isinstance(value.get("response"), str) and ("model" in value or "created_at" in value)


def _dashscope(name: str, value: Any) -> bool:
    if not _dict(value):
        return False
    if name == "error":
        return "request_id" in value and "code" in value
    output = value.get("output")
    return (
        "request_id" in value
        and _dict(output)
        and any(key in output for key in ("choices", "text", "finish_reason", "thoughts"))
    )


def _ragflow(name: str, value: Any) -> bool:
    if not _dict(value):
        return False
    if "event" in value:
        data = value.get("data")
        if value["event"] == "error":
            return _dict(data) and "message" in data
        return _in(value["event"], RAGFLOW_AGENT_EVENTS) and (
            "session_id" in value or (_dict(data) and "content" in data)
        )
    if "code" in value and "data" in value:
        data = value["data"]
        # Many envelopes have these two fields; an answer or its end identifies RAGFlow.
        return not _dict(data) or any(key in data for key in RAGFLOW_KEYS) or bool(value["code"])
    # The run of an agent without output.
    return "session_id" in value and value.get("data") == {}


def _dify(name: str, value: Any) -> bool:
    if not _dict(value) or not isinstance(value.get("event"), str):
        return False
    if value["event"] == "error":
        # Other servers send an event with this name too, but have the text in a different field.
        return isinstance(value.get("message"), str)
    return _in(value["event"], DIFY_EVENTS) or any(
        key in value for key in ("conversation_id", "workflow_run_id", "answer")
    )


def _agno(name: str, value: Any) -> bool:
    return (
        _dict(value)
        and isinstance(value.get("event"), str)
        and value["event"].startswith(AGNO_PREFIXES)
        and "run_id" in value
        and any(key in value for key in ("agent_id", "team_id", "workflow_id"))
    )


def _genkit(name: str, value: Any) -> bool:
    if not _dict(value) or len(value) != 1:
        return False
    result = value.get("result")
    message = value.get("message", result.get("message") if _dict(result) else None)
    if not _dict(message) or message.get("role") not in ("model", "tool"):
        return False
    content = message.get("content")
    return isinstance(content, list) and all(_dict(part) and "type" not in part for part in content)


def _mistral_conversations(name: str, value: Any) -> bool:
    kind = value.get("type") if _dict(value) else None
    return isinstance(kind, str) and kind.startswith(CONVERSATION_PREFIXES)


def _mcp(name: str, value: Any) -> bool:
    if not _dict(value) or value.get("jsonrpc") != "2.0":
        return False
    method, result = value.get("method"), value.get("result")
    if isinstance(method, str):
        return method.startswith("notifications/")
    return _dict(result) and isinstance(result.get("content"), list)


def _tgi(name: str, value: Any) -> bool:
    if not _dict(value):
        return False
    token = value.get("token")
    if _dict(token):
        return isinstance(token.get("text"), str) and "id" in token
    return isinstance(value.get("error"), str) and _in(value.get("error_type"), TGI_ERRORS)


def _llama_cpp(name: str, value: Any) -> bool:
    return (
        _dict(value)
        and isinstance(value.get("content"), str)
        and isinstance(value.get("stop"), bool)
        and any(key in value for key in ("tokens", "tokens_predicted", "id_slot", "slot_id"))
    )


def _flowise(name: str, value: Any) -> bool:
    if not _dict(value) or not _in(value.get("event"), FLOWISE_EVENTS) or set(value) != EVENT_DATA:
        return False
    data = value["data"]
    return isinstance(data, FLOWISE_DATA.get(value["event"], str))


def _langflow(name: str, value: Any) -> bool:
    if not _dict(value) or set(value) != EVENT_DATA:
        return False
    kind, data = value["event"], value["data"]
    if not _dict(data):
        return False
    if kind == "token":
        return "chunk" in data
    if kind == "add_message":
        return "sender" in data
    if kind == "error":
        return "message" not in data and any(isinstance(data.get(n), str) for n in ERROR_WORDS)
    return _in(kind, LANGFLOW_EVENTS) or (kind == "end" and "result" in data)


def _n8n(name: str, value: Any) -> bool:
    return (
        _dict(value)
        and _in(value.get("type"), N8N_TYPES)
        and _dict(value.get("metadata"))
        and "nodeId" in value["metadata"]
    )


def _maxkb(name: str, value: Any) -> bool:
    return _dict(value) and (
        "chat_record_id" in value or ("chat_id" in value and "is_end" in value)
    )


def _openai(name: str, value: Any) -> bool:
    if not _dict(value):
        return False
    if "choices" in value:
        return value["choices"] is None or isinstance(value["choices"], list)
    return bool(value.get("error")) or value.get("object") == CHUNK


CHUNK = "chat.completion.chunk"

SIGNATURES: tuple[tuple[str, Predicate], ...] = (
    # Families with event names come first: FastGPT's data without the name is OpenAI's.
    ("coze", _coze),
    ("fastgpt", _fastgpt),
    ("langgraph", _langgraph),
    ("langserve", _langserve),
    ("anthropic", _anthropic),
    ("openai_responses", _responses),
    ("mastra", _mastra),
    ("vercel", _vercel),
    ("agui", _agui),
    ("adk", _adk),
    ("strands", _strands),
    ("cohere", _cohere),
    ("a2a", _a2a),
    # Before openai: its errors have the fields of OpenAI's, and more.
    ("gemini", _gemini),
    ("ollama", _ollama),
    ("dashscope", _dashscope),
    ("n8n", _n8n),
    ("agno", _agno),
    ("genkit", _genkit),
    ("mistral_conversations", _mistral_conversations),
    ("mcp", _mcp),
    ("tgi", _tgi),
    ("llama_cpp", _llama_cpp),
    ("flowise", _flowise),
    ("langflow", _langflow),
    ("ragflow", _ragflow),
    ("dify", _dify),
    ("maxkb", _maxkb),
    # Last, because it accepts any object with an error in it.
    ("openai", _openai),
)


def recognise(event: ServerSentEvent, *, ndjson: bool = False) -> str:
    """Return the dialect that sends such an event, or `WAIT`, `UNKNOWN` or ``"raw"``.

    ``"raw"`` is plain text. An object or an array without a known field is `UNKNOWN`.
    """
    name, data = event.event, unwrapped(event.data)
    if not data:
        # The event is empty. LangServe's last event has no data.
        return "langserve" if name == "end" else WAIT
    value = _value(data)
    if ndjson and _dict(value) and isinstance(value.get("error"), str):
        return "ollama"
    for dialect, fits in SIGNATURES:
        if fits(name, value):
            return dialect
    if value == DONE[0]:
        return END
    if _says_nothing(name, value):
        return WAIT
    return UNKNOWN if value is None or isinstance(value, (dict, list)) else "raw"


def may_be(event: ServerSentEvent) -> str | None:
    """Return the family of an event that `recognise` calls `WAIT`, if no other event comes."""
    if event.event == "metadata":
        # LangServe always sends an end event; LangGraph servers may not.
        return "langgraph"
    return "vercel" if _vercel_edge(_value(unwrapped(event.data))) else None


def is_of(event: ServerSentEvent, dialect: str) -> bool:
    """Return whether the dialect with this name sends such events; other dialects may as well."""
    value = _value(unwrapped(event.data))
    return any(fits(event.event, value) for name, fits in SIGNATURES if name == dialect)


def _value(data: str) -> Any:
    if data in DONE:
        return "[DONE]"
    try:
        return load(data)
    except ProtocolError:
        return Unreadable


def recognise_document(value: Any) -> Iterator[str]:
    """Yield the dialects whose answer this parsed JSON document may be, most likely first."""
    if not _dict(value):
        return
    if value.get("type") == "message" and "content" in value:
        yield "anthropic"
    if value.get("object") == "response":
        yield "openai_responses"
    if "answer" in value and "conversation_id" in value:
        yield "dify"
    if "generated_text" in value and _dict(value.get("details")):
        yield "tgi"
    if "text" in value and "chatId" in value:
        yield "flowise"
    if "session_id" in value and isinstance(value.get("outputs"), list):
        yield "langflow"
    for dialect, fits in SIGNATURES:
        if fits("message", value):
            yield dialect
    if _dict(value.get("data")) and "content" in value["data"]:
        yield "maxkb"


class Unreadable:
    """A placeholder for data that is not JSON; only the event's name can show the family."""


def _says_nothing(name: str, value: Any) -> bool:
    """Whether it is a keep-alive, or only has ids that several families send like that."""
    if not _dict(value):
        return value is None and name == "ping"
    if name == "ping" or value.get("type") == "ping" or value.get("event") == "ping":
        return True
    if _vercel_edge(value) or (name == "metadata" and "run_id" in value):
        return True
    return _in(value.get("event"), RAGFLOW_AGENT_EVENTS) and "data" in value


def _dict(value: Any) -> bool:
    return value.__class__ is dict


def _in(value: Any, known: frozenset[str]) -> bool:
    return isinstance(value, str) and value in known
