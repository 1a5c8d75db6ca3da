"""Dify's chat messages, for chatbots, agents and chatflows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from chatsdk.answer import Answer
from chatsdk.dialects.asking import new_messages
from chatsdk.dialects.backends.dify_decoder import DifyDecoder
from chatsdk.dialects.contract import About, Decoder, Dialect, StopRequest
from chatsdk.dialects.payload import as_name
from chatsdk.messages import Image, Message
from chatsdk.parts import Part

__all__ = ["Dify"]


class Dify(Dialect):
    """Dify's ``/chat-messages``; streams of ``/completion-messages`` are read too.

    Dify keeps the conversation, and tells users apart: ``user`` has to be among the options. The
    tools of an agent run on the server; its calls of them are shown, with nothing to answer. A
    chatflow that waits for a person ends with the finish reason ``other`` and the word
    ``workflow_paused``; the form that it waits for stands in ``raw`` of the step before.
    """

    about = About(
        name="dify",
        backend="Dify",
        version="langgenius/dify-docs 9d8344e, Dify 1.16",
        page="https://docs.dify.ai/en/api-reference/guides/streaming",
        endpoint="POST /v1/chat-messages",
        end_marker='"event": "message_end", or "workflow_paused"',
        history="server",
        stop="POST /v1/chat-messages/{task_id}/stop",
        # Its clients take text without a charset for Latin-1.
        response_headers=(("Content-Type", "text/event-stream; charset=utf-8"),),
        reasoning=True,
        tools=True,
        citations=True,
        usage=True,
    )

    def decoder(self, content_type: str = "") -> Decoder:
        return DifyDecoder(self)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Write the body: the last message, with its pictures by their addresses.

        Raises:
            ValueError: no ``user``, or what Dify takes in another way; the message says how.
        """
        if not options.get("user"):
            raise ValueError(
                "Dify wants to know the end user, whose conversation it is: give user='...', "
                "best with ChatClient(defaults={'user': ...})"
            )
        if options.pop("tools", None):
            raise ValueError("Dify runs its tools itself: add them to the app in Dify's studio")
        query = _query(messages, conversation_id)
        files = [_file(image) for image in query.images] + list(options.pop("files", None) or ())
        body: dict[str, Any] = {
            "inputs": {},
            "query": query.content,
            "response_mode": "streaming",
            "conversation_id": conversation_id or "",
        }
        return body | ({"files": files} if files else {}) | options

    def document(self, payload: Any) -> Sequence[Part] | None:
        """Read an answer that came whole, as for ``"response_mode": "blocking"``."""
        if not isinstance(payload, dict) or not isinstance(payload.get("answer"), str):
            return None
        if not any(payload.get(name) for name in ("message_id", "conversation_id")):
            return None
        decoder = DifyDecoder(self)
        return [*decoder.read(payload | {"event": "message"}), *decoder.ended(payload)]

    def stop_request(self, answer: Answer, request: Mapping[str, Any]) -> StopRequest | None:
        """Return how to stop the task; Dify wants the same ``user`` as asked."""
        user = as_name(request.get("user"))
        if answer.task_id is None or user is None:
            return None
        path = f"/chat-messages/{quote(answer.task_id, safe='')}/stop"
        return StopRequest(path, {"user": user}, relative="/chat-messages")

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        from chatsdk.dialects.backends.dify_encoding import encode

        return encode(parts, id=id)


def _query(messages: Sequence[Message], conversation_id: str | None) -> Message:
    new = new_messages(messages)
    if any(message.role == "system" for message in messages):
        raise ValueError(
            "the instructions of a Dify app stand in the app: fill in its variables with "
            "inputs={...} and leave system messages out"
        )
    if conversation_id is None and len(new) < len(messages):
        raise ValueError(
            "Dify keeps the conversation itself: go on with conversation_id=..., or give the new "
            "message only"
        )
    if not new or new[-1].role != "user":
        raise ValueError("Dify answers a user's message: let the last one be of role 'user'")
    return new[-1]


def _file(image: Image) -> dict[str, Any]:
    if image.url is None or image.url.startswith("data:"):
        raise ValueError(
            "Dify takes pictures by their address: upload the content to /files/upload, and give "
            "files=[{'type': 'image', 'transfer_method': 'local_file', 'upload_file_id': ...}]"
        )
    return {"type": "image", "transfer_method": "remote_url", "url": image.url}
