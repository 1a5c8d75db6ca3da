"""Encodes parts as the events of one Coze chat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from chatsdk.answer import Answer, ToolCall, Usage
from chatsdk.dialects.encoder import Writer, write
from chatsdk.dialects.encoder_values import CREATED, dump, opening
from chatsdk.parts import Citation, Failure, Finish, Identity, Part

__all__ = ["encode"]

# A fixed id for the bot: the request names it, but the answer's parts do not.
BOT = "bot-1"

# Coze's code for an internal error, used if the number is unknown.
INTERNAL = 5000


def encode(parts: Iterable[Part], *, id: str) -> Iterator[bytes]:
    """Encode the events of one chat with one message; tool calls follow at the end.

    Coze reports only that a chat was completed, waits for results or was canceled, not why it
    ended. It reports only the passages of citations.
    """
    who, rest = opening(parts, id=id, model="")
    return write(_Chat(who), rest)


class _Chat(Writer[bytes]):
    def __init__(self, who: Identity) -> None:
        self._message_id = f"message-{who.id}"
        self._ids = {
            "conversation_id": who.conversation_id or f"conversation-{who.id}",
            "bot_id": BOT,
        }
        self._chat = {"id": who.id, **self._ids, "created_at": CREATED}
        self._chat_id = {"chat_id": who.id}

    def begin(self) -> Iterator[bytes]:
        for status in ("created", "in_progress"):
            yield self._event(status, _usage(Usage()))

    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        yield self._message("delta", "answer", content=added)

    def reasoning(self, added: str, step: Answer) -> Iterator[bytes]:
        yield self._message("delta", "answer", reasoning_content=added)

    def citations(self, items: tuple[Citation, ...], step: Answer) -> Iterator[bytes]:
        passages = [item.snippet for item in items if item.snippet]
        if passages:
            slices = [f"---\nrecall slice {n}:\n{text}\n" for n, text in enumerate(passages, 1)]
            yield self._message("completed", "knowledge", content="".join(slices))

    def failure(self, part: Failure, answer: Answer) -> Iterator[bytes]:
        # Its clients accept only a whole number; any other code replaces a missing message.
        number = str(part.code) if isinstance(part.code, (int, str)) else ""
        if number.lstrip("-").isdecimal() and number.isascii():
            code, message = int(number), part.message
        else:
            code, message = INTERNAL, part.message or number
        yield self._event("failed", last_error={"code": code, "msg": message})
        yield _frame("done", '"[DONE]"')

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        if answer.text:
            said = {"content": answer.text, "reasoning_content": answer.reasoning or None}
            yield self._message("completed", "answer", **said)
        usage = _usage(answer.usage)
        if finish is not None and finish.reason == "cancelled":
            yield self._event("canceled", usage)
        elif answer.tool_calls:
            calls = [_call(call, place) for place, call in enumerate(answer.tool_calls, 1)]
            action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": calls}}
            yield self._event("requires_action", usage, required_action=action)
        else:
            yield self._event("completed", usage)
        yield _frame("done", '"[DONE]"')

    def _event(self, status: str, usage: dict[str, Any] | None = None, **more: Any) -> bytes:
        chat = self._chat | {"status": status} | more
        if usage is not None:
            chat["usage"] = usage
        return _frame(f"conversation.chat.{status}", dump(chat))

    def _message(self, event: str, kind: str, **said: Any) -> bytes:
        # The passages are a separate message.
        id = self._message_id if kind == "answer" else f"{self._message_id}-{kind}"
        head = {"id": id, **self._ids, "role": "assistant", "type": kind}
        said = {"content": "", "content_type": "text", **said}
        return _frame(f"conversation.message.{event}", dump(head | said | self._chat_id))


def _call(call: ToolCall, place: int) -> dict[str, Any]:
    function = {"name": call.name or "", "arguments": call.arguments}
    return {"id": call.id or f"call-{place}", "type": "function", "function": function}


def _usage(usage: Usage) -> dict[str, int]:
    return {
        "token_count": usage.total or 0,
        "input_count": usage.input or 0,
        "output_count": usage.output or 0,
    }


def _frame(event: str, data: str) -> bytes:
    # Coze does not put a space after the colons.
    return f"event:{event}\ndata:{data}\n\n".encode()
