"""A2A, the Agent2Agent protocol: encodes requests in all versions and bindings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

from chatsdk.answer import Answer
from chatsdk.dialects.backends.a2a.decoder import A2ADecoder
from chatsdk.dialects.dialect import About, Decoder, Dialect, StopRequest
from chatsdk.dialects.request import embedded, new_messages
from chatsdk.messages import Image, Message
from chatsdk.parts import Part

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["A2A"]

VERSIONS = ("1.0", "0.3")

# The end of a URL for the REST binding; any other URL uses JSON-RPC.
REST = "/message:stream"

# The JSON-RPC methods, by version.
STREAM = {"1.0": "SendStreamingMessage", "0.3": "message/stream"}
CANCEL = {"1.0": "CancelTask", "0.3": "tasks/cancel"}


class A2A(Dialect):
    """An agent with A2A 1.0 or 0.3, over JSON-RPC or, at ``.../message:stream``, over REST.

    Both versions are decoded; `version` decides what is encoded. The agent keeps the conversation:
    its ``contextId`` is the conversation's id. The answer is the texts of the artifacts, or the
    text of the last status if there are none. A task that waits for the client ends with the finish
    reason ``other`` and the native value ``input-required`` or ``auth-required``, and its question
    as text. The next message then needs ``task_id=answer.task_id``.

    Args:
        version: ``"1.0"`` or ``"0.3"``.
    """

    about = About(
        name="a2a",
        backend="A2A agents",
        version="a2a-sdk 1.3.0, protocol 1.0 and 0.3",
        page="https://a2a-protocol.org/latest/specification/",
        endpoint="POST, any path (JSON-RPC), or .../message:stream (REST)",
        end_marker="a status that is terminal or waits for the client, or a message",
        finish_reason=True,
        history="server",
        stop="CancelTask (0.3: tasks/cancel), or POST /tasks/{id}:cancel (REST)",
    )

    def __init__(self, *, version: str = "1.0") -> None:
        if version not in VERSIONS:
            raise ValueError(f"version is one of {', '.join(VERSIONS)}, not {version!r}")
        self._version = version
        # The path of the agent's URL, at which tasks are cancelled too.
        self._path = ""

    def at(self, url: str) -> A2A:
        there = A2A(version=self._version)
        there._path = urlsplit(url).path
        return there

    @property
    def _rest(self) -> bool:
        return self._path.rstrip("/").endswith(REST)

    def decoder(self, content_type: str = "") -> Decoder:
        return A2ADecoder(self)

    def headers(self, token: str | None) -> dict[str, str]:
        """Return the token's header field, and the version; agents assume 0.3 without one."""
        version = {"A2A-Version": "1.0"} if self._version == "1.0" else {}
        return super().headers(token) | version

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the new message; options become fields next to it, such as ``configuration``."""
        if options.pop("tools", None):
            raise ValueError("an A2A agent has its own tools: the protocol declares none")
        if any(message.role == "system" for message in messages):
            raise ValueError("an A2A agent has its own instructions: leave them out")
        new = new_messages(messages)
        if not new or new[-1].role != "user":
            raise ValueError("an agent answers a user's message: let the last be of role 'user'")
        told = self._message(new[-1])
        if conversation_id is not None:
            told["contextId"] = conversation_id
        task = options.pop("task_id", None)
        if task is not None:
            told["taskId"] = task
        params = {"message": told} | options
        return params if self._rest else self._call(STREAM[self._version], params)

    def _call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": str(uuid4()), "method": method, "params": params}

    def _message(self, message: Message) -> dict[str, Any]:
        old = self._version == "0.3"
        parts = [_text(message.content, old=old)] if message.content or not message.images else []
        parts += [_image(image, old=old) for image in message.images]
        told = {"messageId": message.id or str(uuid4()), "parts": parts}
        if old:
            return {"kind": "message", "role": "user"} | told
        return {"role": "ROLE_USER"} | told

    def document(self, payload: Any) -> Sequence[Part] | None:
        """Decode a complete task or message, as for a call without streaming."""
        if not isinstance(payload, dict) or payload.get("error"):
            return None
        return A2ADecoder(self).read(payload) or None

    def stop_request(self, answer: Answer, request: Any) -> StopRequest | None:
        task = answer.task_id
        if task is None:
            return None
        if self._rest:
            return StopRequest(f"/tasks/{quote(task, safe='')}:cancel", {}, relative=REST)
        return StopRequest(self._path or "/", self._call(CANCEL[self._version], {"id": task}))

    def read_request(self, body: Any) -> AskedFor:
        """Decode a client's request."""
        from chatsdk.dialects.backends.a2a.request import read

        return read(body)

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        from chatsdk.dialects.backends.a2a.encoder import encode

        return encode(parts, id=id, version=self._version, rest=self._rest)


def _text(words: str, *, old: bool) -> dict[str, Any]:
    return {"kind": "text", "text": words} if old else {"text": words}


def _image(image: Image, *, old: bool) -> dict[str, Any]:
    found = embedded(image)
    if old:
        if found is None:
            return {"kind": "file", "file": {"uri": image.url}}
        return {"kind": "file", "file": {"bytes": found[1], "mimeType": found[0]}}
    if found is None:
        return {"url": image.url}
    return {"raw": found[1], "mediaType": found[0]}
