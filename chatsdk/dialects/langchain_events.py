"""Decodes LangChain's events (``astream_events``); LangServe, LangGraph and others stream them."""

from __future__ import annotations

from typing import Any

from chatsdk.dialects.langchain import MessageReader, documents
from chatsdk.dialects.payload import as_name, as_object, as_text
from chatsdk.parts import Citations, Identity, Part, Text

__all__ = ["EventReader", "is_event"]

# Events of a model's output, for each type of run: deltas, then the complete output.
PIECES = ("on_chat_model_stream", "on_llm_stream")
WHOLE = ("on_chat_model_end", "on_llm_end")

# The types of a model's messages, as deltas or complete.
MESSAGES = ("AIMessageChunk", "ai")


def is_event(value: Any) -> bool:
    """Return whether a JSON value is such an event."""
    if value.__class__ is not dict or "run_id" not in value:
        return False
    name = value.get("event")
    return isinstance(name, str) and name.startswith("on_")


class EventReader:
    """Decodes the models' output from the events of a run.

    Every chain around a model repeats its text, as deltas and complete, so only the models' events
    count.

    Attributes:
        ended: whether the run that began first has ended.
    """

    def __init__(self, messages: MessageReader) -> None:
        self._messages = messages
        self._root: object = None
        # Ids of model runs that sent deltas.
        self._spoken: set[object] = set()
        self._id: str | None = None
        self.ended = False

    def read(self, event: dict[str, Any]) -> list[Part]:
        """Return the parts of one event; those of chains, prompts and parsers have none."""
        name, run = event.get("event"), as_name(event.get("run_id"))
        if self._root is None:
            self._root = run
        if isinstance(name, str) and name.endswith("_end") and run == self._root:
            self.ended = True
        data = as_object(event.get("data"), "data")
        if name in PIECES:
            self._spoken.add(run)
            return self._said(data.get("chunk"))
        if name in WHOLE and run not in self._spoken:
            return self._said(data.get("output"))
        if name == "on_retriever_end":
            cited = documents(data.get("output"))
            return [Citations(cited)] if cited else []
        return []

    def _said(self, value: Any) -> list[Part]:
        if isinstance(value, str):
            return [Text(value)] if value else []
        if not isinstance(value, dict):
            return []
        if value.get("type") not in MESSAGES:
            words = as_text(value.get("text"), "text")
            return [Text(words)] if words else []
        parts = self._messages.piece(value)
        id = as_name(value.get("id"))
        if id is None or id == self._id:
            return parts
        self._id = id
        return [Identity(id=id), *parts]
