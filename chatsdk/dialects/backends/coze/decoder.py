"""Decodes the events of Coze's chats."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.dialects.payload import (
    as_list,
    as_name,
    as_object,
    as_text,
    as_whole,
    extra_object,
    failure_in,
    load_object,
)
from chatsdk.dialects.tool_calls import whole_call
from chatsdk.parts import (
    Citation,
    Citations,
    End,
    Failure,
    Finish,
    Identity,
    Part,
    Reasoning,
    Text,
    UsageUpdate,
)
from chatsdk.sse import ServerSentEvent

__all__ = ["STATUS", "SLICE", "CozeDecoder"]


STATUS = {"completed": "stop", "requires_action": "tool_calls", "canceled": "cancelled"}

# The numbering of passages in a message of the type `knowledge`.
SLICE = re.compile(r"(?:^|\n)---\s*\nrecall slice (\d+):")


class CozeDecoder(Decoder):
    """Decodes the events of one chat; unknown events are ignored."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        # Messages that had deltas; their `completed` copy repeats the text.
        self._streamed: set[str] = set()

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        read = _READ.get(event.event)
        if read is None:
            if event.event.startswith("conversation.chat."):
                read = CozeDecoder._chat
            else:
                return (End(),) if event.event == "done" else ()
        return read(self, load_object(event.data))

    def _delta(self, message: dict[str, Any]) -> Sequence[Part]:
        if message.get("type") != "answer":
            return ()
        self._streamed.add(as_text(message.get("id"), "id"))
        return _said(message)

    def _completed(self, message: dict[str, Any]) -> Sequence[Part]:
        kind = message.get("type")
        if kind == "knowledge":
            return _recalled(as_text(message.get("content"), "content"))
        if kind != "answer" or as_text(message.get("id"), "id") in self._streamed:
            return ()
        # Short answers and those of workflows arrive complete.
        return _said(message)

    def _chat(self, chat: dict[str, Any]) -> Sequence[Part]:
        id = as_name(chat.get("id"))
        conversation = as_name(chat.get("conversation_id"))
        parts: list[Part] = [Identity(id=id, conversation_id=conversation, task=id)]
        usage = extra_object(chat.get("usage"))
        counts = [as_whole(usage.get(f"{name}_count")) for name in ("input", "output", "token")]
        # The counts are zero until the end.
        if any(counts):
            parts.append(UsageUpdate(*counts))
        action = as_object(chat.get("required_action"), "required_action")
        outputs = as_object(action.get("submit_tool_outputs"), "submit_tool_outputs")
        for place, item in enumerate(as_list(outputs.get("tool_calls"), "tool_calls")):
            parts.append(whole_call(as_object(item, "tool_calls[]"), place))
        status = as_text(chat.get("status"), "status")
        if status == "failed":
            parts.append(_last_error(chat))
        elif status in STATUS:
            parts.append(Finish(STATUS[status], status))
            self.finished = True
        return parts

    def _failed(self, chat: dict[str, Any]) -> Sequence[Part]:
        parts = self._chat(chat)
        if any(isinstance(part, Failure) for part in parts):
            return parts
        return (*parts, _last_error(chat))

    def _error(self, error: dict[str, Any]) -> Sequence[Part]:
        return (failure_in(error),)


_READ: dict[str, Callable[[CozeDecoder, dict[str, Any]], Sequence[Part]]] = {
    "conversation.message.delta": CozeDecoder._delta,
    "conversation.message.completed": CozeDecoder._completed,
    "conversation.chat.failed": CozeDecoder._failed,
    "error": CozeDecoder._error,
}


def _said(message: dict[str, Any]) -> list[Part]:
    parts: list[Part] = []
    reasoning = as_text(message.get("reasoning_content"), "reasoning_content")
    if reasoning:
        parts.append(Reasoning(reasoning))
    # A card is JSON for Coze's pages; audio is base64.
    if message.get("content_type") in (None, "", "text"):
        text = as_text(message.get("content"), "content")
        if text:
            parts.append(Text(text))
    return parts


def _recalled(content: str) -> Sequence[Part]:
    pieces = SLICE.split(content)
    found = [
        Citation(snippet=passage.strip(), position=int(number))
        for number, passage in zip(pieces[1::2], pieces[2::2], strict=True)
    ]
    return (Citations(tuple(found)),) if found else ()


def _last_error(chat: dict[str, Any]) -> Failure:
    error = as_object(chat.get("last_error"), "last_error")
    code = error.get("code")
    message = as_text(error.get("msg"), "msg") or "the chat failed"
    return Failure(message, code if isinstance(code, (int, str)) and code else None)
