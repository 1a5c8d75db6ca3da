"""Coze's chat API, version 3."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from chatsdk.answer import Answer
from chatsdk.dialects.dialect import About, Decoder, Dialect, StopRequest
from chatsdk.dialects.payload import (
    as_list,
    as_name,
    as_object,
    as_text,
    as_whole,
    failure_in,
    load_object,
)
from chatsdk.dialects.tool_calls import whole_call
from chatsdk.messages import Message
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

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["Coze", "CozeDecoder"]

STATUS = {"completed": "stop", "requires_action": "tool_calls", "canceled": "cancelled"}

# The numbering of passages in a message of the type `knowledge`.
SLICE = re.compile(r"(?:^|\n)---\s*\nrecall slice (\d+):")


class Coze(Dialect):
    """A bot of coze.cn or coze.com, which keeps the conversation.

    The answer consists of messages of the type ``answer``; server-side plugins and suggested
    questions are in ``raw``. A bot that waits for the results of the client's tools ends with
    ``tool_calls``. Send the results to ``/v3/chat/submit_tool_outputs`` with ``client.send``; this
    dialect decodes that stream too.
    """

    about = About(
        name="coze",
        backend="Coze v3 chat",
        version="cozepy 0.20.0",
        page="https://docs.coze.cn/developer_guides_chat_v3.md",
        endpoint="POST /v3/chat",
        end_marker="event: done",
        finish_reason=True,
        history="server",
        stop="POST /v3/chat/cancel",
        reasoning=True,
        tools=True,
        citations=True,
        usage=True,
    )

    def decoder(self, content_type: str = "") -> Decoder:
        return CozeDecoder(self)

    def url(self, url: str, *, conversation_id: str | None = None) -> str:
        """Return the URL with the conversation in its query, where Coze expects it."""
        if conversation_id is None:
            return url
        parts = urlsplit(url)
        query = [pair for pair in parse_qsl(parts.query) if pair[0] != "conversation_id"]
        query.append(("conversation_id", conversation_id))
        return urlunsplit(parts._replace(query=urlencode(query)))

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the body. The options ``bot_id`` and ``user_id`` are required."""
        missing = [name for name in ("bot_id", "user_id") if name not in options]
        if missing:
            raise ValueError(
                f"Coze needs {' and '.join(missing)}: pass them to ask(), or once as "
                "ChatClient(defaults={'bot_id': ..., 'user_id': ...})"
            )
        if options.pop("tools", None):
            raise ValueError("Coze takes no tools with a request: add them to the bot as plugins")
        body = {
            "stream": True,
            "auto_save_history": True,
            "additional_messages": [_message(message) for message in messages],
        }
        return body | options

    def stop_request(self, answer: Answer, request: Mapping[str, Any]) -> StopRequest | None:
        if answer.task_id is None or answer.conversation_id is None:
            return None
        return StopRequest(
            "/v3/chat/cancel",
            {"conversation_id": answer.conversation_id, "chat_id": answer.task_id},
            relative="/v3/chat",
        )

    def read_request(self, body: Any) -> AskedFor:
        from chatsdk.dialects.backends.coze.request import read

        return read(body)

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        from chatsdk.dialects.backends.coze.encoder import encode

        return encode(parts, id=id)


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
        usage = as_object(chat.get("usage"), "usage")
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


def _message(message: Message) -> dict[str, Any]:
    if message.role not in ("user", "assistant"):
        raise ValueError(
            f"Coze takes no {message.role!r} messages: a bot has its own prompt, and results of "
            "tools go to /v3/chat/submit_tool_outputs with client.send"
        )
    kind = "question" if message.role == "user" else "answer"
    written = {
        "role": message.role,
        "type": kind,
        "content": message.content,
        "content_type": "text",
    }
    if message.images:
        if any(image.url is None or image.url.startswith("data:") for image in message.images):
            raise ValueError(
                "Coze fetches pictures itself: give an address that it can reach, Image(url=...)"
            )
        pieces = [{"type": "text", "text": message.content}] if message.content else []
        pieces += [{"type": "image", "file_url": image.source} for image in message.images]
        written |= {
            "content": json.dumps(pieces, ensure_ascii=False),
            "content_type": "object_string",
        }
    return written
