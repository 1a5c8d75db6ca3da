"""Detects the streams of chat platforms: one predicate per family.

A predicate gets the event's name and its parsed JSON. It checks for fields that only its family
has.
"""

from __future__ import annotations

from typing import Any

from chatsdk.dialects.payload import is_among, is_dict

__all__ = [
    "RAGFLOW_AGENT_EVENTS",
    "coze",
    "dify",
    "fastgpt",
    "flowise",
    "langflow",
    "maxkb",
    "n8n",
    "ragflow",
]

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
FASTGPT_EVENTS = frozenset(
    {
        *("answer", "fastAnswer", "flowNodeStatus", "flowResponses", "toolCall", "toolParams"),
        *("toolResponse", "updateVariables", "interactive", "flowNodeResponse", "workflowDuration"),
    }
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
ERROR_WORDS = ("error", "text")
N8N_TYPES = frozenset({"begin", "item", "end", "error"})


def coze(name: str, value: Any) -> bool:
    # Events of Mistral's conversations start with the same words.
    if name.startswith(("conversation.chat.", "conversation.message.")):
        return True
    if name == "done":
        return value == "[DONE]" or (is_dict(value) and "debug_url" in value)
    return name == "error" and is_dict(value) and "code" in value and "msg" in value


def fastgpt(name: str, value: Any) -> bool:
    # Without event names (detail: false) FastGPT's stream is plain OpenAI.
    return name in FASTGPT_EVENTS


def ragflow(name: str, value: Any) -> bool:
    if not is_dict(value):
        return False
    if "event" in value:
        data = value.get("data")
        if value["event"] == "error":
            return is_dict(data) and "message" in data
        return is_among(value["event"], RAGFLOW_AGENT_EVENTS) and (
            "session_id" in value or (is_dict(data) and "content" in data)
        )
    # Before 0.12, the code had another name.
    code = value.get("code", value.get("retcode"))
    if code is not None and "data" in value:
        data = value["data"]
        # Many envelopes have these two fields; an answer or its end identifies RAGFlow.
        return not is_dict(data) or any(key in data for key in RAGFLOW_KEYS) or bool(code)
    # The run of an agent without output.
    return "session_id" in value and value.get("data") == {}


def dify(name: str, value: Any) -> bool:
    if not is_dict(value) or not isinstance(value.get("event"), str):
        return False
    if value["event"] == "error":
        # Other servers send an event with this name too, but have the text in a different field.
        return isinstance(value.get("message"), str)
    return is_among(value["event"], DIFY_EVENTS) or any(
        key in value for key in ("conversation_id", "workflow_run_id", "answer")
    )


def maxkb(name: str, value: Any) -> bool:
    return is_dict(value) and (
        "chat_record_id" in value or ("chat_id" in value and "is_end" in value)
    )


def flowise(name: str, value: Any) -> bool:
    if (
        not is_dict(value)
        or not is_among(value.get("event"), FLOWISE_EVENTS)
        or set(value) != EVENT_DATA
    ):
        return False
    data = value["data"]
    return isinstance(data, FLOWISE_DATA.get(value["event"], str))


def langflow(name: str, value: Any) -> bool:
    if not is_dict(value) or set(value) != EVENT_DATA:
        return False
    kind, data = value["event"], value["data"]
    if not is_dict(data):
        return False
    if kind == "token":
        return "chunk" in data
    if kind == "add_message":
        return "sender" in data
    if kind == "error":
        return "message" not in data and any(isinstance(data.get(n), str) for n in ERROR_WORDS)
    return is_among(kind, LANGFLOW_EVENTS) or (kind == "end" and "result" in data)


def n8n(name: str, value: Any) -> bool:
    return (
        is_dict(value)
        and is_among(value.get("type"), N8N_TYPES)
        and is_dict(value.get("metadata"))
        and "nodeId" in value["metadata"]
    )
