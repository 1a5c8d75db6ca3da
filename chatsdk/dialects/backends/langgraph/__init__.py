"""The LangGraph server, also called LangGraph Platform and LangSmith Deployment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from chatsdk.answer import Answer
from chatsdk.dialects.dialect import About, Decoder, Dialect, StopRequest
from chatsdk.dialects.langchain import MessageReader, written
from chatsdk.dialects.langchain_events import EventReader, is_event
from chatsdk.dialects.payload import (
    as_list,
    as_name,
    as_object,
    as_text,
    failure_in,
    load,
    load_object,
)
from chatsdk.messages import Message
from chatsdk.parts import Data, End, Failure, Finish, Identity, Part
from chatsdk.sse import ServerSentEvent

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["LangGraph", "LangGraphDecoder"]

MODES = ("messages-tuple", "messages", "values", "updates", "events")

# Modes in which each event adds to the text.
DELTAS = ("messages-tuple", "updates", "events")

# The types of a model's messages, as deltas or complete.
MESSAGES = ("AIMessageChunk", "ai")

# The thread in a URL, if there is one.
THREAD = re.compile(r"(?<=/threads/)[^/?]+(?=/runs/stream)")

# The server's message if the run to cancel has already ended.
NOTHING_TO_STOP = re.compile(r"No (matching )?runs (found )?to cancel\..*", re.DOTALL)


class LangGraph(Dialect):
    """Runs of a graph. The answer is the output of its models, one message after the other.

    Each of the modes below is decoded; the first one with text is the answer, and other requested
    modes are in ``raw``. The server ends a stream cleanly, with or without an ``end``. A run that
    was cancelled ends the same way, except that its last message is unfinished. The
    ``finish_reason`` is then ``"cancelled"``, if the server is recent enough to mark the last chunk
    of a message (LangChain 1.0).

    A thread keeps the conversation; at ``/runs/stream``, without a thread, the client does.

    Args:
        mode: the mode that `body` requests: ``"messages-tuple"``, deltas of messages;
            ``"messages"``, growing snapshots of each message; ``"values"``, the state after each
            step; ``"updates"``, the changes of each step to the state; ``"events"``, LangChain's
            events.
    """

    about = About(
        name="langgraph",
        backend="LangGraph server",
        version="langgraph-api 0.16.7, langgraph-sdk 0.4.14",
        page="https://docs.langchain.com/langsmith/streaming",
        endpoint="POST /threads/{thread_id}/runs/stream or /runs/stream",
        end_marker="event: end",
        finish_reason=True,
        clean_end=True,
        history="server",
        stop="POST /threads/{thread_id}/runs/{run_id}/cancel",
        reasoning=True,
        tools=True,
        usage=True,
    )

    def __init__(self, *, mode: str = "messages-tuple") -> None:
        if mode not in MODES:
            raise ValueError(f"mode is one of {', '.join(MODES)}, not {mode!r}")
        self._mode = mode

    @property
    def text(self) -> str:
        return "delta" if self._mode in DELTAS else "snapshot"

    @property
    def dataless(self) -> bool:
        """An ``end`` may come without data."""
        return True

    def decoder(self, content_type: str = "") -> Decoder:
        return LangGraphDecoder(self)

    def history(self, url: str) -> str:
        return "server" if THREAD.search(url) else "client"

    def url(self, url: str, *, conversation_id: str | None = None) -> str:
        """Return the URL with the thread `conversation_id` in place of its current one."""
        if conversation_id is None:
            return url
        thread = quote(conversation_id, safe="")
        return THREAD.sub(lambda _: thread, url, count=1)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the body. The option ``assistant_id`` is the graph.

        The run is cancelled when the client disconnects, unless ``on_disconnect`` changes that.
        """
        if "assistant_id" not in options:
            raise ValueError(
                "LangGraph needs the name of a graph: pass assistant_id='agent', or the name that "
                "langgraph.json gives it"
            )
        if options.pop("tools", None):
            raise ValueError(
                "LangGraph takes no tools with a request: the graph on the server has its own"
            )
        body = {
            "input": {"messages": written(messages)},
            "stream_mode": [self._mode],
            "on_disconnect": "cancel",
        }
        return body | options

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> Failure | None:
        """Decode an error; a missing run to cancel is not an error.

        A client that disconnects also cancels its run, so there may be nothing left to stop.
        """
        found = super().error(status, headers, body)
        if status == 404 and found is not None and NOTHING_TO_STOP.fullmatch(found.message):
            return None
        return found

    def stop_request(self, answer: Answer, request: Mapping[str, Any]) -> StopRequest | None:
        run, thread = answer.task_id, answer.conversation_id
        if run is None:
            return None
        if thread is None:
            # Correct if the URL contains the thread; without a thread, the id is unknown.
            return StopRequest(f"/runs/{run}/cancel", relative="/runs")
        return StopRequest(f"/threads/{thread}/runs/{run}/cancel", relative=("/threads", "/runs"))

    def read_request(self, body: Any) -> AskedFor:
        from chatsdk.dialects.backends.langgraph.request import read

        return read(body)

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        from chatsdk.dialects.backends.langgraph.encoder import encode

        return encode(parts, id=id, model=model)


class LangGraphDecoder(Decoder):
    """Decodes the events of one run, including those of subgraphs if the request included them."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._messages = MessageReader()
        # The mode that the answer comes from.
        self._source: str | None = None
        self._thread: str | None = None
        # Ids of the messages that arrived, and of those whose last chunk is missing.
        self._seen: set[str] = set()
        self._unfinished: set[str] = set()
        self._events: EventReader | None = None

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        # A subgraph's events have its namespace after a bar.
        name = event.event.partition("|")[0]
        if name == "end":
            return (*self._messages.flush(), End())
        if not event.data:
            return ()
        if name == "messages":
            return self._piece(load(event.data))
        if name in ("messages/partial", "messages/complete"):
            return self._whole("messages/partial", as_list(load(event.data), name))
        if name == "messages/metadata":
            return self._identities(load_object(event.data))
        if name == "values":
            return self._values(load(event.data))
        if name == "updates":
            return self._updates(load(event.data))
        if name == "events":
            return self._event(load_object(event.data))
        if name == "metadata":
            run = as_name(load_object(event.data).get("run_id"))
            return (Identity(task=run),)
        if name == "error":
            error = load_object(event.data)
            if "message" in error:
                message = as_text(error["message"], "message")
                failure = Failure(message, as_name(error.get("error")))
            else:
                # The error of a gateway.
                failure = failure_in(error)
            return (*self._messages.flush(), failure)
        return ()

    def close(self) -> Sequence[Part]:
        left = self._messages.flush()
        return (*left, Finish("cancelled")) if self._unfinished else left

    def _piece(self, pair: Any) -> Sequence[Part]:
        pair = as_list(pair, "messages")
        message = as_object(pair[0] if pair else None, "messages[0]")
        parts: list[Part] = []
        if self._thread is None and len(pair) > 1:
            parts += self._thread_of(as_object(pair[1], "messages[1]"))
        kind, id = message.get("type"), as_name(message.get("id")) or ""
        if kind == "ai" and id in self._seen:
            # The complete message, repeated after its deltas.
            return parts
        if kind not in MESSAGES or not self._is_source("messages"):
            return parts
        if id not in self._seen:
            self._seen.add(id)
            parts.append(Identity(id=id))
        if message.get("chunk_position") == "last":
            self._unfinished.discard(id)
        elif "chunk_position" in message:
            self._unfinished.add(id)
        return parts + self._messages.piece(message)

    def _whole(self, source: str, messages: list[Any]) -> Sequence[Part]:
        found = [as_object(message, "messages[]") for message in messages]
        found = [message for message in found if message.get("type") in MESSAGES]
        if not found or not self._is_source(source):
            return ()
        return [Identity(id=as_name(found[-1].get("id"))), *self._messages.whole(found)]

    def _values(self, state: Any) -> Sequence[Part]:
        if not isinstance(state, dict) or not isinstance(state.get("messages"), list):
            # A graph's state can have any type.
            return (Data("values"),)
        messages: list[Any] = state["messages"]
        for place in range(len(messages) - 1, -1, -1):
            if isinstance(messages[place], dict) and messages[place].get("type") == "human":
                messages = messages[place + 1 :]
                break
        return self._whole("values", messages)

    def _updates(self, update: Any) -> Sequence[Part]:
        """Decode the changes of the steps: complete messages, and state of any type."""
        parts: list[Part] = []
        for step, state in (update if isinstance(update, dict) else {}).items():
            for change in state if isinstance(state, list) else [state]:
                added = change.get("messages") if isinstance(change, dict) else None
                if not isinstance(added, (list, dict)):
                    # ``__interrupt__`` contains questions to the user.
                    parts.append(Data(step))
                    continue
                for message in added if isinstance(added, list) else [added]:
                    parts += self._added(as_object(message, "messages[]"))
        return parts or (Data("updates"),)

    def _added(self, message: dict[str, Any]) -> Sequence[Part]:
        id = as_name(message.get("id"))
        if message.get("type") not in MESSAGES or id in self._seen:
            return ()
        if not self._is_source("updates"):
            return ()
        if id is not None:
            self._seen.add(id)
        whole = message if message.get("type") == "ai" else {**message, "type": "ai"}
        return [Identity(id=id), *self._messages.piece(whole)]

    def _event(self, event: dict[str, Any]) -> Sequence[Part]:
        if not is_event(event):
            return ()
        if self._events is None:
            self._events = EventReader(self._messages)
        parts = self._events.read(event)
        return parts if parts and self._is_source("events") else ()

    def _identities(self, messages: dict[str, Any]) -> Sequence[Part]:
        if self._thread is None:
            for facts in messages.values():
                metadata = as_object(facts, "messages/metadata").get("metadata")
                return self._thread_of(as_object(metadata, "metadata"))
        return ()

    def _thread_of(self, metadata: dict[str, Any]) -> list[Part]:
        self._thread = as_name(metadata.get("thread_id"))
        run = as_name(metadata.get("run_id"))
        return [Identity(conversation_id=self._thread, task=run)]

    def _is_source(self, source: str) -> bool:
        if self._source is None:
            self._source = source
        return self._source == source
