"""Decodes the events of LangGraph's runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.dialects.langchain import MessageReader
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
from chatsdk.parts import Data, End, Failure, Finish, Identity, Part
from chatsdk.sse import ServerSentEvent

__all__ = ["MESSAGES", "LangGraphDecoder"]


# The types of a model's messages, as deltas or complete.
MESSAGES = ("AIMessageChunk", "ai")


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
