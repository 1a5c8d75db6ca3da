"""Stop requests of the embedded server: answers that can be stopped, and the replies."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import attrs

from chatsdk.answer import Answer, AnswerBuilder
from chatsdk.client.server_stop import stop_url
from chatsdk.dialects import Dialect
from chatsdk.framing import parser_for
from chatsdk.parts import Finish, Identity, Part, Reasoning, Text
from chatsdk.testing import steps
from chatsdk.testing.answers import AnswerScript, Put
from chatsdk.testing.request import RecordedRequest
from chatsdk.testing.response import Reply
from chatsdk.testing.server_exchange import Exchange, HeaderLines
from chatsdk.testing.steps import Step
from chatsdk.testing.waker import Waker

__all__ = ["StoppableAnswer", "Stops"]

# Number of latest answers that may still be stopped. Ended ones count too: a client that stops also
# closes its connection, and the server may notice that first.
REMEMBERED = 100

Said = Callable[[Answer], Any]

# A backend's reply to a stop request.
REPLIES: dict[str, Said] = {
    "coze": lambda answer: {
        "code": 0,
        "msg": "",
        "data": {
            "id": answer.task_id,
            "conversation_id": answer.conversation_id,
            "status": "canceled",
        },
    },
    "dify": lambda answer: {"result": "success"},
    "fastgpt": lambda answer: {"code": 200, "statusText": "", "data": {"success": True}},
    "langgraph": lambda answer: {},
    "openai_responses": lambda answer: {
        "id": answer.id,
        "object": "response",
        "status": "cancelled",
        "model": answer.model,
        "output": [],
        "background": True,
    },
    "ragflow_agent": lambda answer: {"code": 0, "data": True, "message": "success"},
}


class StoppableAnswer(AnswerScript):
    """An answer that `stop` ends early, from any thread: cancelled, but properly ended."""

    def __init__(
        self,
        dialect: Dialect,
        parts: Sequence[Part],
        *,
        pace: float,
        id: str,
        headers: HeaderLines = (),
    ) -> None:
        super().__init__(dialect, (), id=id, headers=headers)
        self._said = parts
        self._pace = pace
        # Guarded by _facts, like everything that changes.
        self._stopped = False
        self._breath: Waker | None = None

    def stop(self) -> None:
        """End the answer after the piece being sent; does nothing after its end."""
        with self._facts:
            self._stopped = True
            if self._breath is not None:
                self._breath.set()

    def play(self, exchange: Exchange) -> None:
        """Send the parts until they end or the answer is stopped."""
        breath = Waker()
        with self._facts:
            self._breath = breath
            if self._stopped:
                breath.set()
        try:
            super().play(exchange)
        finally:
            with self._facts:
                self._breath = None
            breath.close()

    def _listed_steps(self, exchange: Exchange) -> Generator[Step, None, None]:
        begun = False
        for part in self._said:
            if isinstance(part, Text | Reasoning):
                if begun and self._pace:
                    yield _Breath(self._pace, self._breath)
                begun = True
            with self._facts:
                stopped = self._stopped
            if stopped:
                yield Put(Finish("cancelled"))
                break
            yield Put(part)
        yield steps.Finish()


@attrs.frozen
class _Breath(Step):
    """A pause that a waker ends."""

    seconds: float
    waker: Waker | None

    def perform(self, exchange: Exchange) -> None:
        exchange.connection.wait(self.seconds, waker=self.waker)


@attrs.frozen
class _Entry:
    method: str
    path: str
    body: Mapping[str, Any]
    answer: Answer
    script: StoppableAnswer


class Stops:
    """The answers of one dialect that a client may stop, each with its stop request.

    The dialect's client side determines that request and the ids in it: it decodes the server's
    output, and then builds the stop request.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        # Guards _entries.
        self._lock = threading.Lock()
        self._entries: deque[_Entry] = deque(maxlen=REMEMBERED)

    def expect(
        self, request: RecordedRequest, body: Any, who: Identity, script: StoppableAnswer
    ) -> None:
        """Make the answer to this request stoppable, if the backend has a way."""
        answer = _as_read(self._dialect, who)
        stop = self._dialect.at(request.path).stop_request(
            answer, body if isinstance(body, Mapping) else {}
        )
        if stop is None:
            return
        path = stop_url(f"http://localhost{request.path}", stop).removeprefix("http://localhost")
        with self._lock:
            self._entries.append(_Entry(stop.method, path, stop.body or {}, answer, script))

    def reply(self, request: RecordedRequest, body: Any) -> Reply | None:
        """Stop the answer meant, and return the backend's reply; None for other requests."""
        given = body if isinstance(body, Mapping) else {}
        with self._lock:
            meant = [
                entry
                for entry in self._entries
                if (entry.method, entry.path) == (request.method, request.path)
                and entry.body.items() <= given.items()
            ]
        for entry in meant:
            entry.script.stop()
        if not meant:
            return None
        say = REPLIES.get(self._dialect.name)
        return Reply(200, json={} if say is None else say(meant[-1].answer))


def _as_read(dialect: Dialect, who: Identity) -> Answer:
    """Return the `Answer` that a client has after receiving some text."""
    decoder, builder = dialect.decoder(), AnswerBuilder()
    parser = parser_for(dialect.framing())
    for frame in dialect.encode((who, Text("Hi"))):
        for event in parser.feed(frame):
            builder.step(decoder.decode(event))
    return builder.answer
