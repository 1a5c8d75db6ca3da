"""`ToolStream`: joins the answers of a turn with tool calls into one stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatsdk.answer import Answer, ToolCall
from chatsdk.answer.joined import JoinedAnswer
from chatsdk.errors import ChatError, LimitExceeded
from chatsdk.messages import Message
from chatsdk.outcome import Outcome
from chatsdk.session.history import waiting_round
from chatsdk.session.status import Status
from chatsdk.session.tool_runner import ToolRunner
from chatsdk.session.turn import Turn

if TYPE_CHECKING:
    from chatsdk.client import AnswerStream, ChatClient, ResponseInfo
    from chatsdk.dialects import Dialect
    from chatsdk.session.plan import TurnPlan
    from chatsdk.session.store import Store
    from chatsdk.session.tools import Toolbox

__all__ = ["ToolStream"]


class ToolStream:
    """Read by `TurnStream` instead of an `AnswerStream` if the session runs tools.

    A round is an answer with tool calls. The `next` after its last step has a `ToolRunner` run
    them, and sends their results. The next answer continues the text of this one. Only the
    `TurnStream` reads it, and lets one thread at a time do so.
    """

    def __init__(
        self,
        store: Store,
        client: ChatClient,
        turn: Turn,
        plan: TurnPlan,
        stream: AnswerStream | None,
        toolbox: Toolbox,
    ) -> None:
        self._store = store
        self._client = client
        self._turn = turn
        self._plan = plan
        self._toolbox = toolbox
        self._runner = ToolRunner(store, turn, toolbox)
        # The stream of the current round; ``None`` in a resumed turn before its first request.
        self._stream = stream
        self._joined = JoinedAnswer()
        self._rounds = 0
        self._over = False

    def __iter__(self) -> ToolStream:
        return self

    def __next__(self) -> Answer:
        try:
            return self._next()
        except ChatError as error:
            # An error of the current round; an error between two rounds already has the joined
            # answer.
            if error.answer is not self._joined.answer:
                error.answer = self._joined.take(error.answer)
            raise

    def _next(self) -> Answer:
        while True:
            stream = self._stream
            if stream is None:
                self._resume()
                continue
            try:
                return self._joined.take(next(stream))
            except StopIteration:
                calls = self._owed(stream)
                if not calls or not self._turn.active:
                    # A round that finishes after a stop has not finished.
                    self._over = not calls
                    raise
            self._go_on(stream.answer, calls)

    def _owed(self, stream: AnswerStream) -> tuple[ToolCall, ...]:
        """The calls to run now; empty if the turn ends here."""
        outcome = stream.outcome
        if outcome.reason != "finished":
            return ()
        answer = outcome.answer
        calls, reason, dialect = answer.tool_calls, answer.finish_reason, stream.dialect
        known = self._toolbox.known(calls)
        if dialect is None or dialect.about.runs_tools:
            # An unknown name is a server-side tool here, not a hallucination; and calls with
            # another finish reason have been run by the server.
            calls = known if reason == "tool_calls" else ()
        elif reason in ("stop", None):
            # OpenAI ends a forced call with ``stop``, and some compatible servers any call.
            calls = calls if known == calls else ()
        elif reason != "tool_calls":
            return ()
        return calls if self._toolbox.runs(calls) else ()

    def _go_on(self, said: Answer, calls: tuple[ToolCall, ...]) -> None:
        """Run the calls of a round, and send their results."""
        answer = self._joined.answer
        if self._rounds >= self._plan.max_rounds:
            raise LimitExceeded(
                f"the model still calls tools after {self._rounds} rounds: pass a larger "
                "max_rounds if it needs more",
                limit="max_rounds",
                answer=answer,
            )
        asked = Message(
            "assistant",
            said.text,
            tool_calls=calls,
            status=Status.FINISHED.value,
            conversation_id=said.conversation_id if self._turn.plan.branches else None,
            reasoning=said.reasoning,
            citations=said.citations,
            native=said.native,
        )
        before = self._turn.rounds
        source = getattr(self._stream, "_source", None)
        self._runner.observation = getattr(source, "observation", None)
        messages = self._runner.run(asked, answer, before)
        if messages is None or not self._store.end_round(self._turn, before, answer, messages):
            raise StopIteration
        # With the ids that the session uses for them.
        self._send(self._turn.rounds.messages[-len(messages) :], answer.conversation_id)

    def _resume(self) -> None:
        """Continue the saved round that waits for a person."""
        saved = self._plan.messages
        place = waiting_round(saved)
        # The request that called the tools is over, so the client's observer has them.
        observer = getattr(self._client, "_observer", None)
        self._runner.observation = observer if hasattr(observer, "run_tool") else None
        messages = self._runner.resume(saved[place], saved[place + 1 :])
        if messages is not None:
            messages = self._store.end_saved_round(self._turn, place, messages)
        if messages is None:
            raise StopIteration
        self._send(messages, None)

    def _send(self, messages: tuple[Message, ...], conversation_id: str | None) -> None:
        """Send the results of a round."""
        asked, *results = messages
        self._rounds += 1
        if self._stream is not None:
            self._joined.next_round()
        self._plan = self._plan.after_round(
            self._client, asked, tuple(results), conversation_id, self._rounds
        )
        self._stream = self._plan.open(self._client, self._turn.cancel)

    def close(self) -> None:
        """End the current round; a running tool is not interrupted."""
        if self._stream is not None:
            self._stream.close()

    @property
    def outcome(self) -> Outcome:
        """How the turn ended; false while it is under way."""
        outcome = Outcome("pending") if self._stream is None else self._stream.outcome
        if outcome.reason == "finished" and not self._over:
            outcome = Outcome("pending")
        return outcome._replace(answer=self._joined.answer)

    @property
    def response(self) -> ResponseInfo | None:
        """From the current round, like the properties below."""
        return None if self._stream is None else self._stream.response

    @property
    def dialect(self) -> Dialect | None:
        return None if self._stream is None else self._stream.dialect

    @property
    def attempts(self) -> int:
        return 0 if self._stream is None else self._stream.attempts

    @property
    def body(self) -> Any:
        return None if self._stream is None else self._stream.body
