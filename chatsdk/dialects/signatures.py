"""Decides which wire family an event belongs to: the table of all predicates.

Each predicate accepts only its family, so the order matters in only a few places, which are
commented.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from chatsdk.dialects import agent_signatures, model_signatures, platform_signatures
from chatsdk.dialects.misframed import PINGS, keeps_alive
from chatsdk.dialects.payload import DONE, is_among, is_dict, load, unwrapped
from chatsdk.errors import ProtocolError
from chatsdk.sse import ServerSentEvent

__all__ = [
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

# The end marker, before an event that shows the family.
END = "end"

# Characters from which on text that begins like an object is broken JSON. The words of a model that
# writes JSON arrive in shorter pieces.
BROKEN_CHARS = 40

Predicate = Callable[[str, Any], bool]


def _openai(name: str, value: Any) -> bool:
    if not is_dict(value):
        return False
    if "choices" in value:
        return value["choices"] is None or isinstance(value["choices"], list)
    return bool(value.get("error")) or value.get("object") == CHUNK


CHUNK = "chat.completion.chunk"

SIGNATURES: tuple[tuple[str, Predicate], ...] = (
    # Families with event names come first: FastGPT's data without the name is OpenAI's.
    ("coze", platform_signatures.coze),
    ("fastgpt", platform_signatures.fastgpt),
    ("langgraph", agent_signatures.langgraph),
    ("langserve", agent_signatures.langserve),
    ("anthropic", model_signatures.anthropic),
    ("openai_responses", model_signatures.responses),
    ("mastra", agent_signatures.mastra),
    ("vercel", agent_signatures.vercel),
    ("agui", agent_signatures.agui),
    ("adk", agent_signatures.adk),
    ("strands", model_signatures.strands),
    ("cohere", model_signatures.cohere),
    ("a2a", agent_signatures.a2a),
    # Before openai: its errors have the fields of OpenAI's, and more.
    ("gemini", model_signatures.gemini),
    ("ollama", model_signatures.ollama),
    ("dashscope", model_signatures.dashscope),
    ("n8n", platform_signatures.n8n),
    ("agno", agent_signatures.agno),
    ("genkit", agent_signatures.genkit),
    ("mistral_conversations", model_signatures.mistral_conversations),
    ("mcp", agent_signatures.mcp),
    ("tgi", model_signatures.tgi),
    ("llama_cpp", model_signatures.llama_cpp),
    ("flowise", platform_signatures.flowise),
    ("langflow", platform_signatures.langflow),
    ("ragflow", platform_signatures.ragflow),
    ("dify", platform_signatures.dify),
    ("maxkb", platform_signatures.maxkb),
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
    if ndjson and is_dict(value) and isinstance(value.get("error"), str):
        return "ollama"
    for dialect, fits in SIGNATURES:
        if fits(name, value):
            return dialect
    if value == DONE[0]:
        return END
    if name in PINGS or (value is Unreadable and data[:1] in ":[" and keeps_alive(event)):
        return WAIT
    if value is Unreadable and data.startswith('{"') and len(data) >= BROKEN_CHARS:
        return UNKNOWN
    if _says_nothing(name, value):
        return WAIT
    return UNKNOWN if value is None or isinstance(value, (dict, list)) else "raw"


def may_be(event: ServerSentEvent) -> str | None:
    """Return the family of an event that `recognise` calls `WAIT`, if no other event comes."""
    if event.event == "metadata":
        # LangServe always sends an end event; LangGraph servers may not.
        return "langgraph"
    return "vercel" if agent_signatures.vercel_edge(_value(unwrapped(event.data))) else None


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
    if not is_dict(value):
        return
    if value.get("type") == "message" and "content" in value:
        yield "anthropic"
    if value.get("object") == "response":
        yield "openai_responses"
    if "answer" in value and "conversation_id" in value:
        yield "dify"
    if "generated_text" in value and is_dict(value.get("details")):
        yield "tgi"
    if "text" in value and "chatId" in value:
        yield "flowise"
    if "session_id" in value and isinstance(value.get("outputs"), list):
        yield "langflow"
    for dialect, fits in SIGNATURES:
        if fits("message", value):
            yield dialect
    if is_dict(value.get("data")) and "content" in value["data"]:
        yield "maxkb"


class Unreadable:
    """A placeholder for data that is not JSON; only the event's name can show the family."""


def _says_nothing(name: str, value: Any) -> bool:
    """Whether it is a keep-alive, or only has ids that several families send like that."""
    if not is_dict(value):
        return value is None and name in PINGS
    if name in PINGS or is_among(value.get("type"), PINGS) or is_among(value.get("event"), PINGS):
        return True
    if agent_signatures.vercel_edge(value) or (name == "metadata" and "run_id" in value):
        return True
    return (
        is_among(value.get("event"), platform_signatures.RAGFLOW_AGENT_EVENTS) and "data" in value
    )
