"""RAGFlow's chat assistants and agents, in its native protocol.

Based on infiniflow/ragflow at b1b8cd6 (0.27.0), its Python and its Go server. For text as
snapshots, based on the releases up to 0.23, whose format ``"legacy": true`` still selects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from chatsdk.answer import Answer
from chatsdk.dialects.backends.ragflow.decoder import RAGFlowDecoder
from chatsdk.dialects.backends.ragflow.encoder import agent, deltas, snapshots
from chatsdk.dialects.dialect import About, Dialect, StopRequest
from chatsdk.messages import Message
from chatsdk.parts import End, Failure, Part

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["RAGFlow", "RAGFlowAgent", "RAGFlowLegacy"]

# Its client decodes text without a charset as Latin-1.
CHARSET = (("Content-Type", "text/event-stream; charset=utf-8"),)

API = "https://github.com/infiniflow/ragflow/blob/main/docs/references/http_api_reference.md"

PICTURES = "RAGFlow takes no pictures in a message: upload them as files first"


class RAGFlow(Dialect):
    """A RAGFlow chat assistant; its decoder handles agents too.

    Args:
        text: ``"delta"`` or ``"snapshot"``, the content of ``answer``. ``None`` decides by the
            first frame with text: releases that stream deltas send the key ``final``, older ones do
            not. A current server's format for ``"legacy": true`` cannot be distinguished from
            deltas. So with ``None`` the answer to such a body is decoded as snapshots.
    """

    about = About(
        name="ragflow",
        backend="RAGFlow chat",
        version="RAGFlow 0.27.0 (b1b8cd6)",
        page=API,
        endpoint="POST /api/v1/chat/completions",
        end_marker='data:{"code":0,"data":true}',
        history="server",
        stop="POST /api/v1/tasks/{task_id}/cancel (agents)",
        response_headers=CHARSET,
        reasoning=True,
        citations=True,
    )

    def __init__(self, *, text: str | None = None) -> None:
        if text not in (None, "delta", "snapshot"):
            raise ValueError(f"text is 'delta', 'snapshot' or None, not {text!r}")
        self._text = text

    @property
    def text(self) -> str:
        return self._text or self.about.text

    def decoder(self, content_type: str = "") -> RAGFlowDecoder:
        return RAGFlowDecoder(self, text=self._text)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the question, for the current endpoint and the older ones.

        A session (`conversation_id`) belongs to an assistant, so pass its ``chat_id`` too, unless
        the URL contains it.
        """
        if options.get("legacy") and self._text == "delta":
            raise ValueError('"legacy": true streams snapshots: leave text="delta" out')
        body: dict[str, Any] = {
            "messages": [_message(message) for message in messages],
            # For the older endpoints; the current one uses the messages.
            "question": _question(messages, self.name),
            "stream": True,
        }
        if conversation_id is not None:
            body["session_id"] = conversation_id
        elif len(messages) > 1:
            # Without this, a new session of an assistant would use only the last message.
            body["pass_all_history_messages"] = True
        return body | _without_tools(options, self.name)

    def for_request(self, body: Any) -> Dialect:
        """Return ``ragflow_legacy`` for a body with ``"legacy": true``."""
        legacy = isinstance(body, dict) and body.get("legacy")
        return RAGFlowLegacy() if legacy and self._text is None else self

    def document(self, payload: Any) -> Sequence[Part] | None:
        """Decode an answer to ``"stream": false``."""
        data = payload.get("data") if isinstance(payload, dict) else None
        if not isinstance(data, dict) or payload.get("code") not in (0, None):
            return None
        inner = data.get("data")
        if "answer" in data:
            frame = payload
        elif isinstance(inner, dict) and "content" in inner:
            # An agent's answer is the last frame of its run, with the complete text.
            frame = data | {"event": "message"}
        else:
            return None
        decoder = RAGFlowDecoder(self, text="snapshot")
        parts = [*decoder.read(frame), *decoder.close()]
        return parts if any(isinstance(part, Failure) for part in parts) else [*parts, End()]

    def stop_request(self, answer: Answer, request: Mapping[str, Any]) -> StopRequest | None:
        """Only an agent's run has a task; a chat stops when the connection closes."""
        if answer.task_id is None:
            return None
        path = f"/api/v1/tasks/{quote(answer.task_id, safe='')}/cancel"
        return StopRequest(path, relative="/api/v1")

    def read_request(self, body: Any) -> AskedFor:
        from chatsdk.dialects.backends.ragflow.request import read

        return read(body)

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        """Encode a current server's frames, or with ``text="snapshot"`` an older server's."""
        if self.text == "snapshot":
            return snapshots(parts, id=id)
        return deltas(parts, id=id)


class RAGFlowLegacy(RAGFlow):
    """RAGFlow up to 0.23, or with ``"legacy": true``: each frame has the complete text.

    The last frame may rewrite the earlier text, to insert citations.
    """

    about = About(
        name="ragflow_legacy",
        backend="RAGFlow chat, legacy",
        version="RAGFlow 0.23, or legacy: true",
        page=API,
        endpoint="POST /api/v1/chats/{chat_id}/completions",
        text="snapshot",
        end_marker='data:{"code":0,"data":true}',
        history="server",
        response_headers=CHARSET,
        reasoning=True,
        citations=True,
    )

    def __init__(self) -> None:
        super().__init__(text="snapshot")


class RAGFlowAgent(RAGFlow):
    """A RAGFlow agent: the event's name is in the frame's JSON.

    Several messages may end within one run, so only ``[DONE]`` is its end.
    """

    about = About(
        name="ragflow_agent",
        backend="RAGFlow agent",
        version="RAGFlow 0.27.0 (b1b8cd6)",
        page=API,
        endpoint="POST /api/v1/agents/chat/completions",
        end_marker="data:[DONE]",
        history="server",
        stop="POST /api/v1/tasks/{task_id}/cancel",
        response_headers=CHARSET,
        reasoning=True,
        citations=True,
        usage=True,
    )

    def __init__(self) -> None:
        super().__init__(text="delta")

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the question; pass ``agent_id`` unless the URL contains it.

        Raises:
            ValueError: an earlier conversation that the agent does not know, or something that it
                needs in a different form; the message shows it.
        """
        if conversation_id is None and any(item.role == "assistant" for item in messages):
            raise ValueError(
                "a RAGFlow agent keeps the conversation itself: begin with one message, and go on "
                "with the conversation_id that the answer brings"
            )
        if any(item.role == "system" for item in messages):
            raise ValueError(
                "a RAGFlow agent has its own instructions: fill in its variables "
                "with inputs={...} and leave system messages out"
            )
        question = _question(messages, self.name)
        if messages[-1].images:
            raise ValueError(PICTURES)
        body: dict[str, Any] = {"query": question, "question": question, "stream": True}
        if conversation_id is not None:
            body["session_id"] = conversation_id
        return body | _without_tools(options, self.name)

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        return agent(parts, id=id)


def _question(messages: Sequence[Message], name: str) -> str:
    last = messages[-1]
    if last.role != "user":
        raise ValueError(f"{name} answers a user's message: the last one is of role {last.role!r}")
    return last.content


def _message(message: Message) -> dict[str, Any]:
    if message.images:
        raise ValueError(PICTURES)
    if message.role == "tool" or message.tool_calls:
        raise ValueError("RAGFlow runs its tools itself: leave their calls and results out")
    return {"role": message.role, "content": message.content}


def _without_tools(options: dict[str, Any], name: str) -> dict[str, Any]:
    if options.pop("tools", None):
        raise ValueError(f"{name} runs its tools itself: give them to the assistant in RAGFlow")
    return options
