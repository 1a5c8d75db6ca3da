"""The LangGraph server, also called LangGraph Platform and LangSmith Deployment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from chatsdk.answer import Answer
from chatsdk.dialects.backends.langgraph.decoder import LangGraphDecoder
from chatsdk.dialects.dialect import About, Decoder, Dialect, StopRequest
from chatsdk.dialects.langchain import written
from chatsdk.messages import Message
from chatsdk.parts import Failure, Part

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["LangGraph"]

MODES = ("messages-tuple", "messages", "values", "updates", "events")

# Modes in which each event adds to the text.
DELTAS = ("messages-tuple", "updates", "events")


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
        """Return the URL with the thread `conversation_id` instead of its current one."""
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
