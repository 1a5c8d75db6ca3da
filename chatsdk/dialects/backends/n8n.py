"""n8n: workflows that answer a chat or a webhook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from chatsdk import ndjson
from chatsdk.answer import Answer
from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.encoder import Writer, write
from chatsdk.dialects.encoder_values import CREATED, dump
from chatsdk.dialects.payload import as_name, as_object, as_text, load
from chatsdk.dialects.request import user_prompt
from chatsdk.errors import ProtocolError
from chatsdk.messages import Message
from chatsdk.parts import End, Failure, Finish, Identity, Part, Text
from chatsdk.sse import ServerSentEvent

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["N8N"]

# Fields with the answer of a workflow without streaming, the most likely first.
ANSWER_FIELDS = ("output", "text", "response", "answer")

# The answer of a workflow that is set to respond immediately.
STARTED = "Workflow was started"


class N8N(Dialect):
    """A workflow of n8n, called through its chat trigger or a webhook.

    The workflow streams if the response mode of its trigger is "Streaming". Otherwise it answers
    with one JSON document, which is decoded as well. `conversation_id` is the session of the
    workflow's memory.

    Args:
        prompt: the request's field for the prompt.
        session: the request's field for the conversation's id.
    """

    about = About(
        name="n8n",
        backend="n8n",
        version="n8n-io/n8n 51e3df3",
        page="https://docs.n8n.io/integrations/builtin/core-nodes/n8n-nodes-langchain.chattrigger/",
        endpoint="POST /webhook/{id}/chat",
        end_marker='an `"end"` for each `"begin"`',
        framing="json",
        history="server",
        response_headers=(("Content-Type", "application/json; charset=utf-8"),),
    )

    def __init__(self, *, prompt: str = "chatInput", session: str = "sessionId") -> None:
        self._prompt = prompt
        self._session = session

    def new_conversation(self) -> str:
        """Return an id for a new session; the client chooses it."""
        return str(uuid4())

    def framing(self, content_type: str = "") -> str:
        return "json"

    def decoder(self, content_type: str = "") -> Decoder:
        return N8NDecoder(self)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the body as n8n's chat window does; options become fields next to the prompt."""
        if options.pop("tools", None):
            raise ValueError("n8n runs its tools itself: connect them to the agent's node")
        message = user_prompt(messages, "n8n")
        if message.images:
            raise ValueError("n8n takes pictures as files of a form: use client.send without them")
        session = conversation_id or self.new_conversation()
        body = {"action": "sendMessage", self._session: session, self._prompt: message.content}
        return body | options

    def read_request(self, body: Any) -> AskedFor:
        from chatsdk.dialects.asked import AskedFor, field, json_object, without

        body = json_object(body)
        message = Message("user", field(body, self._prompt, str))
        options = without(body, (self._prompt, self._session))
        if options.get("action") == "sendMessage":
            del options["action"]
        conversation = field(body, self._session, str, default=None)
        return AskedFor((message,), options, conversation_id=conversation or None)

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        return write(_Node(), parts)


class N8NDecoder(Decoder):
    """Decodes the lines of one run. Each streaming node has its own `begin` and `end`."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        # Number of nodes that have begun and not ended; ``None`` before the first.
        self._open: int | None = None

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        if not event.data.strip():
            return ()
        frame = load(event.data)
        if frame.__class__ is not dict or "type" not in frame:
            return whole(frame)
        kind = frame["type"]
        if kind == "item":
            text = _content(frame.get("content"))
            return (Text(text),) if text else ()
        if kind == "begin":
            self._open = (self._open or 0) + 1
            return self._ids(frame) if self._open == 1 else ()
        if kind == "end":
            self._open = (self._open or 0) - 1
        elif kind == "error":
            words = _content(frame.get("content"))
            return (Failure(words or "the workflow failed without a message"),)
        return ()

    def close(self) -> Sequence[Part]:
        """Return the end, if every node that began has ended."""
        return (End(),) if self._open == 0 else ()

    def _ids(self, frame: dict[str, Any]) -> Sequence[Part]:
        metadata = as_object(frame.get("metadata"), "metadata")
        run = as_name(metadata.get("executionId"))
        return () if run is None else (Identity(id=run),)


def whole(payload: Any) -> Sequence[Part]:
    """Return the parts of a document: an item of the last node, or a list of items."""
    items = payload if isinstance(payload, list) and payload else [payload]
    parts: list[Part] = []
    for item in items:
        if not isinstance(item, dict):
            raise ProtocolError("n8n answers with objects; use dialect='json' or 'raw' otherwise")
        if item.get("message") == STARTED:
            return (
                Failure(
                    "the workflow was started and does not answer: set the response mode of its "
                    "trigger to 'Streaming'"
                ),
            )
        found = [item[name] for name in ANSWER_FIELDS if isinstance(item.get(name), str)]
        if found and found[0]:
            parts.append(Text(found[0]))
    return [*parts, End()] if parts else ()


def _content(value: Any) -> str:
    # Nodes may send objects as deltas.
    return dump(value) if isinstance(value, (dict, list)) else as_text(value, "content")


class _Node(Writer[bytes]):
    """Encodes the lines of a workflow with one streaming node."""

    def begin(self) -> Iterator[bytes]:
        yield _line("begin")

    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        yield _line("item", added)

    def failure(self, part: Failure, answer: Answer) -> Iterator[bytes]:
        yield _line("error", part.message)

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        yield _line("end")


def _line(kind: str, content: str | None = None) -> bytes:
    metadata = {"nodeId": "node-1", "nodeName": "AI Agent", "itemIndex": 0, "runIndex": 0}
    value: dict[str, Any] = {"type": kind}
    if content is not None:
        value["content"] = content
    return ndjson.encode(dump(value | {"metadata": metadata | {"timestamp": CREATED * 1000}}))
