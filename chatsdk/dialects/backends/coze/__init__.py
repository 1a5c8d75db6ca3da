"""Coze's chat API, version 3."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from chatsdk.answer import Answer
from chatsdk.dialects.backends.coze.decoder import CozeDecoder
from chatsdk.dialects.dialect import About, Decoder, Dialect, StopRequest
from chatsdk.dialects.request import OptionMissing
from chatsdk.messages import Message
from chatsdk.parts import Part

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["Coze"]


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
            raise OptionMissing(f"Coze needs {' and '.join(missing)}", *missing)
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
