"""Decodes Vercel's requests: the messages of ``useChat``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chatsdk.answer import ToolCall
from chatsdk.dialects.asked import (
    AskedFor,
    CallDecision,
    as_json,
    field,
    json_object,
    refuse,
    without,
)
from chatsdk.messages import Image, Message

__all__ = ["read"]

_FIELDS = ("id", "messages", "trigger", "messageId")
# The states of a tool call without a result.
_OPEN = ("input-streaming", "input-available", "approval-requested", "approval-responded")


def read(body: Any) -> AskedFor:
    """Decode the body that ``DefaultChatTransport`` posts."""
    body = json_object(body)
    messages: list[Message] = []
    decisions: list[CallDecision] = []
    for place, item in enumerate(field(body, "messages", list)):
        where = f"messages[{place}]"
        decisions = []
        messages += _messages(json_object(item, where), where, decisions)
    if not messages:
        raise refuse("messages", "an array with at least one message")
    return AskedFor(
        tuple(messages),
        without(body, _FIELDS),
        conversation_id=field(body, "id", str, default=None),
        decisions=tuple(decisions),
    )


def _messages(item: dict[str, Any], where: str, decisions: list[CallDecision]) -> Iterator[Message]:
    """Yield the messages of a UI message, and fill `decisions` about its last step."""
    role = item.get("role")
    if role not in ("system", "user", "assistant"):
        raise refuse(f"{where}.role", "one of system, user, assistant")
    id = field(item, "id", str, where, None)
    # Before version 5, a message had its text in `content`.
    if "parts" not in item and isinstance(item.get("content"), str):
        yield Message(role, item["content"], id=id)
        return
    step = _Step(role, id)
    for place, value in enumerate(field(item, "parts", list, where)):
        part = json_object(value, f"{where}.parts[{place}]")
        if part.get("type") == "step-start":
            yield from step.messages()
            step = _Step(role, id)
        else:
            step.add(part, f"{where}.parts[{place}]")
    decisions += step.decisions
    yield from step.messages(last=True)


class _Step:
    """One step of a message: its text, its calls, and their results.

    Attributes:
        decisions: of a person, about its calls.
    """

    def __init__(self, role: str, id: str | None) -> None:
        self.decisions: list[CallDecision] = []
        self._role = role
        self._id = id
        self._texts: list[str] = []
        self._reasoning: list[str] = []
        self._images: list[Image] = []
        self._calls: list[ToolCall] = []
        self._results: list[Message] = []

    def add(self, part: dict[str, Any], where: str) -> None:
        kind = field(part, "type", str, where)
        if kind == "text":
            self._texts.append(field(part, "text", str, where))
        elif kind == "reasoning":
            self._reasoning.append(field(part, "text", str, where, ""))
        elif kind == "file":
            self._images.append(_image(part, where))
        elif kind == "dynamic-tool" or kind.startswith("tool-"):
            self._call(part, kind, where)
        elif not kind.startswith(("source-", "data-")):
            # Citations and data are for the page and were never sent to the model.
            raise refuse(f"{where}.type", "a part of a UI message")

    def _call(self, part: dict[str, Any], kind: str, where: str) -> None:
        id = field(part, "toolCallId", str, where)
        name = field(part, "toolName", str, where) if kind == "dynamic-tool" else kind[5:]
        given = part.get("input", part.get("rawInput"))
        arguments = given if isinstance(given, str) else as_json({} if given is None else given)
        state = field(part, "state", str, where)
        if state not in (*_OPEN, "output-available", "output-error", "output-denied"):
            raise refuse(f"{where}.state", "a state of a tool call")
        self._calls.append(ToolCall(id, name, arguments))
        if state.startswith("approval-"):
            self.decisions.append(_decision(id, part, where))
        if state in _OPEN:
            return
        if state == "output-available":
            output = part.get("output")
            content = output if isinstance(output, str) else as_json(output)
            status = None
        else:
            content = field(part, "errorText", str, where, "error: the user rejected this call")
            if state == "output-denied" and (reason := _decision(id, part, where).reason):
                content += f": {reason}"
            status = "error"
        self._results.append(Message("tool", content, tool_call_id=id, name=name, status=status))

    def messages(self, last: bool = False) -> Iterator[Message]:
        if self._texts or self._images or self._calls or self._reasoning or last:
            yield Message(
                self._role,
                "".join(self._texts),
                images=tuple(self._images),
                tool_calls=tuple(self._calls),
                reasoning="".join(self._reasoning),
                id=self._id,
            )
        yield from self._results


def _decision(call_id: str, part: dict[str, Any], where: str) -> CallDecision:
    approval = json_object(part.get("approval") or {}, f"{where}.approval")
    return CallDecision(
        call_id,
        field(approval, "id", str, f"{where}.approval", ""),
        field(approval, "approved", bool, f"{where}.approval", None),
        field(approval, "reason", str, f"{where}.approval", ""),
    )


def _image(part: dict[str, Any], where: str) -> Image:
    media_type = field(part, "mediaType", str, where)
    if not media_type.startswith("image/"):
        raise refuse(f"{where}.mediaType", "image/...: only pictures can be passed on")
    return Image(url=field(part, "url", str, where), media_type=media_type)
