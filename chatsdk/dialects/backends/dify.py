"""Dify's chat messages, for chatbots, agents and chatflows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from chatsdk.answer import Answer
from chatsdk.dialects.asking import new_messages
from chatsdk.dialects.contract import About, Decoder, Dialect, StopRequest
from chatsdk.dialects.counting import counted
from chatsdk.dialects.payload import (
    as_list,
    as_name,
    as_number,
    as_object,
    as_text,
    as_whole,
    failure_in,
    load_object,
)
from chatsdk.messages import Image, Message
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
    TextSnapshot,
    ToolCallDelta,
)
from chatsdk.sse import ServerSentEvent

__all__ = ["Dify", "DifyDecoder"]


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


class DifyDecoder(Decoder):
    """Reads the events of one answer, by the ``event`` inside their JSON."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._identity: tuple[object, object, object] = (None, None, None)
        # Text since the last thought, and whether it came as an agent's.
        self._said: list[str] = []
        self._agent = False
        # What is known of each step, and whether any of it is shown as reasoning.
        self._thoughts: dict[str | None, str] = {}
        self._thinking = False
        # Of a chatflow that failed; the error event after it says more.
        self._failed: Failure | None = None

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        return self.read(load_object(event.data)) if event.data.strip() else ()

    def close(self) -> Sequence[Part]:
        return () if self._failed is None else (self._failed,)

    def read(self, payload: dict[str, Any]) -> Sequence[Part]:
        """Return the parts of one parsed event."""
        parts: list[Part] = []
        ids = (payload.get("message_id"), payload.get("conversation_id"), payload.get("task_id"))
        if ids != self._identity:
            self._identity = ids
            message, conversation, task = map(as_name, ids)
            parts.append(Identity(id=message, conversation_id=conversation, task=task))
        kind = payload.get("event")
        if isinstance(kind, str):
            read = _READ.get(kind)
            if read is not None:
                parts += read(self, payload)
        elif payload.get("code") and payload.get("message"):
            # The body of an HTTP error, sent after the stream had begun.
            parts.append(failure_in(payload))
        return parts

    def _message(self, payload: dict[str, Any]) -> Sequence[Part]:
        text = as_text(payload.get("answer"), "answer")
        if self._agent:
            # A new agent ends with its whole answer once more.
            return (TextSnapshot(text),) if text else ()
        return (Text(text),) if text else ()

    def _agent_message(self, payload: dict[str, Any]) -> Sequence[Part]:
        text = as_text(payload.get("answer"), "answer")
        self._agent = True
        self._said.append(text)
        return (Text(text),) if text else ()

    def _replaced(self, payload: dict[str, Any]) -> Sequence[Part]:
        return (TextSnapshot(as_text(payload.get("answer"), "answer")),)

    def _reasoning(self, payload: dict[str, Any]) -> Sequence[Part]:
        data = as_object(payload.get("data"), "data")
        text = as_text(data.get("reasoning"), "reasoning")
        return (Reasoning(text),) if text else ()

    def _thought(self, payload: dict[str, Any]) -> Sequence[Part]:
        """Read a step of an agent. It comes again whenever more is known of it, always whole."""
        id = as_name(payload.get("id"))
        thought = as_text(payload.get("thought"), "thought")
        known = self._thoughts.get(id, "")
        parts: list[Part] = []
        if thought != known and thought.startswith(known):
            self._thoughts[id] = thought
            # What a model says before it calls a tool is streamed as text and repeated here.
            if known or thought.strip() != "".join(self._said).strip():
                if not known and self._thinking:
                    parts.append(Reasoning("\n\n"))
                parts.append(Reasoning(thought[len(known) :]))
                self._thinking = True
            self._said.clear()
        return [*parts, *_tool_calls(payload, id)]

    def _end(self, payload: dict[str, Any]) -> Sequence[Part]:
        return self.ended(payload)

    def ended(self, payload: dict[str, Any]) -> Sequence[Part]:
        """Return what comes with the end of the answer."""
        parts: list[Part] = []
        id = as_name(payload.get("message_id")) or as_name(payload.get("id"))
        parts.append(Identity(id=id))
        metadata = as_object(payload.get("metadata"), "metadata")
        usage = as_object(metadata.get("usage"), "usage")
        if usage:
            parts.append(counted(usage))
        sources = as_list(metadata.get("retriever_resources"), "retriever_resources")
        if sources:
            parts.append(Citations(tuple(map(_citation, sources))))
        return [*parts, End()]

    def _workflow_finished(self, payload: dict[str, Any]) -> Sequence[Part]:
        data = as_object(payload.get("data"), "data")
        status = data.get("status")
        if status == "stopped":
            return (Finish("cancelled", "stopped"), End())
        if status == "failed":
            self._failed = Failure(as_name(data.get("error")) or "the workflow failed", "failed")
        return ()

    def _paused(self, payload: dict[str, Any]) -> Sequence[Part]:
        # The run goes on in another stream, after a person has filled in a form.
        return (Finish("other", "workflow_paused"), End())

    def _error(self, payload: dict[str, Any]) -> Sequence[Part]:
        message = as_text(payload.get("message"), "message")
        code = as_name(payload.get("code")) or as_whole(payload.get("status"))
        return (Failure(message or "Dify reports an error without a message", code),)


_READ: dict[str, Callable[[DifyDecoder, dict[str, Any]], Sequence[Part]]] = {
    "message": DifyDecoder._message,
    "agent_message": DifyDecoder._agent_message,
    "message_replace": DifyDecoder._replaced,
    "reasoning_chunk": DifyDecoder._reasoning,
    "agent_thought": DifyDecoder._thought,
    "message_end": DifyDecoder._end,
    "workflow_finished": DifyDecoder._workflow_finished,
    "workflow_paused": DifyDecoder._paused,
    "error": DifyDecoder._error,
}


def _tool_calls(payload: dict[str, Any], id: str | None) -> Iterator[Part]:
    """Read the calls of a step, ``"a;b"`` with the input ``{"a": {...}, "b": {...}}``."""
    tools = as_text(payload.get("tool"), "tool")
    given = payload.get("tool_input") or ""
    text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    try:
        inputs = json.loads(text)
    except (ValueError, RecursionError):
        inputs = None
    for name in filter(None, tools.split(";")):
        if isinstance(inputs, dict) and name in inputs:
            arguments = json.dumps(inputs[name], ensure_ascii=False)
        else:
            arguments = text
        yield ToolCallDelta(f"{id}:{name}", id=id, name=name, arguments=arguments, replace=True)


def _citation(value: object) -> Citation:
    source = as_object(value, "retriever_resources[]")
    return Citation(
        title=as_name(source.get("document_name")) or as_name(source.get("title")),
        url=as_name(source.get("url")),
        document=as_name(source.get("document_id")) or as_name(source.get("segment_id")),
        snippet=as_name(source.get("content")),
        score=as_number(source.get("score")),
        position=as_whole(source.get("position")),
    )


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
