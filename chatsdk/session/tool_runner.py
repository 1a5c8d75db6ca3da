"""`ToolRunner`: runs the tool calls of a round, and waits for a person's approval."""

from __future__ import annotations

import contextvars
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from chatsdk.answer import Answer, ToolCall
from chatsdk.messages import Message
from chatsdk.session.approvals import (
    ANSWERED,
    APPROVED,
    REJECTED,
    Approval,
    Decision,
    requested,
    undecided,
)
from chatsdk.session.incomplete_turns import cancelled_results
from chatsdk.session.status import Status
from chatsdk.session.tools import Result, Toolbox, failure, result_of
from chatsdk.session.turn import Rounds, Turn
from chatsdk.tools import ToolRejected
from chatsdk.transport.bell import Bell
from chatsdk.transport.clock import now

if TYPE_CHECKING:
    from chatsdk.client.observation import Observation
    from chatsdk.session.store import Store

__all__ = ["ToolRunner"]

# Maximum number of calls that run at the same time.
PARALLEL = 8

Place = tuple[int, ToolCall]


class ToolRunner:
    """Runs calls on the thread that reads; those of a `Tool` on threads of their own.

    First the calls that need no approval, in their order; then, after a person has decided about
    the others, the approved ones.

    Attributes:
        observation: observes the tools of the current round, for telemetry, or ``None``.
    """

    observation: Observation | None = None

    def __init__(self, store: Store, turn: Turn, toolbox: Toolbox) -> None:
        self._store = store
        self._turn = turn
        self._toolbox = toolbox

    def run(self, asked: Message, answer: Answer, before: Rounds) -> tuple[Message, ...] | None:
        """Return the model's message and the results of its calls; ``None`` after a stop.

        Args:
            asked: the model's message.
            answer: the partial answer of the turn.
            before: the rounds before this one.
        """
        calls = asked.tool_calls
        places = [place for place, call in enumerate(calls) if self._toolbox.must_ask(call)]
        free = [(place, call) for place, call in enumerate(calls) if place not in places]
        found = self._run(free)
        if found is None:
            return None
        approvals = requested(calls, places, self._toolbox.by_hand)
        if approvals:
            done = [found[place] for place, _ in free]
            store = self._store
            if not store.begin_waiting(self._turn, approvals, before, answer, (asked, *done)):
                return None
            # With the ids that the session uses for them.
            asked, *done = self._turn.rounds.messages[-1 - len(done) :]
            found = dict(zip((place for place, _ in free), done, strict=True))
            if not self._decided(calls, found):
                return None
        return (asked, *(found[place] for place in range(len(calls))))

    def resume(self, asked: Message, done: Sequence[Message]) -> tuple[Message, ...] | None:
        """Like `run`, for a saved round; `done` are the results that it has already."""
        store, turn = self._store, self._turn
        approvals = store.approvals
        waiting = {approval.place for approval in approvals}
        left = list(done)
        found: dict[int, Message] = {}
        for place, call in enumerate(asked.tool_calls):
            if place not in waiting:
                match = next((item for item in left if item.tool_call_id in (call.id, None)), None)
                if match is None:
                    (match,) = cancelled_results([call])
                else:
                    left.remove(match)
                found[place] = match
        if undecided(approvals) and not store.begin_waiting(turn, (), Rounds(), Answer(), ()):
            return None
        if not self._decided(asked.tool_calls, found):
            return None
        return (asked, *(found[place] for place in range(len(asked.tool_calls))))

    def _decided(self, calls: Sequence[ToolCall], found: dict[int, Message]) -> bool:
        """Wait for the decisions and add the results; return False after a stop."""
        approvals = self._wait()
        if approvals is None or not self._store.go_on(self._turn):
            return False
        approved: list[Place] = []
        for place, _, decision, _ in approvals:
            assert decision is not None
            call, (word, value) = calls[place], decision
            if word == APPROVED:
                approved.append((place, call))
                continue
            result = result_of(value) if word == ANSWERED else failure(ToolRejected(value))
            message = self._told(call, result)
            if message is None:
                return False
            found[place] = message
        results = self._run(approved)
        if results is None:
            return False
        found |= results
        return True

    def _wait(self) -> tuple[Approval, ...] | None:
        """Wait until a person has decided about all calls; ``None`` after a stop."""
        store, turn, bell = self._store, self._turn, self._bell()
        began = now()
        limits: dict[str | None, float | None] = {}
        for approval in store.approvals:
            terms = self._toolbox.terms(approval.call)
            limits[approval.call.id] = None if terms is None else terms.approval_timeout
        while turn.active:
            approvals = store.approvals
            if not approvals:
                # Marked as stopped, which comes before `active` is false.
                return None
            waiting = undecided(approvals)
            if not waiting:
                return approvals if turn.active else None
            limit = min(limits[call.id] or math.inf for call in waiting)
            changed = partial(self._differs, approvals)
            if not bell.wait(changed, None if limit == math.inf else began + limit):
                for call in waiting:
                    if limits[call.id] == limit:
                        reason = f"nobody decided within {limit:g} s"
                        store.decide(str(call.id), Decision(REJECTED, reason), turn)
        return None

    def _differs(self, approvals: tuple[Approval, ...]) -> bool:
        return not self._turn.active or self._store.approvals != approvals

    def _run(self, calls: Sequence[Place]) -> dict[int, Message] | None:
        """Run calls; ``None`` if the turn was stopped before they ended."""
        found: dict[int, Message] = {}
        for group in self._groups(calls):
            if len(group) == 1 and self._toolbox.terms(group[0][1]) is None:
                results: list[Result] | None = [self._run_one(group[0][1])]
            else:
                results = self._run_on_threads([call for _, call in group])
            if results is None:
                return None
            for (place, call), result in zip(group, results, strict=True):
                message = self._told(call, result)
                if message is None:
                    return None
                found[place] = message
        return found

    def _groups(self, calls: Sequence[Place]) -> Iterator[list[Place]]:
        """Group successive calls that may run at the same time."""
        group: list[Place] = []
        for place, call in calls:
            terms = self._toolbox.terms(call)
            parallel = terms is not None and terms.parallel
            if group and (not parallel or len(group) == PARALLEL):
                yield group
                group = []
            group.append((place, call))
            if not parallel:
                yield group
                group = []
        if group:
            yield group

    def _run_on_threads(self, calls: Sequence[ToolCall]) -> list[Result] | None:
        bell = self._bell()
        runs = [
            Run(call, partial(self._run_one, call), self._timeout(call), bell.ring)
            for call in calls
        ]
        results = []
        for run in runs:
            bell.wait(partial(self._is_over, run), run.deadline)
            if not self._turn.active:
                return None
            results.append(run.result())
        return results

    def _run_one(self, call: ToolCall) -> Result:
        run = partial(self._toolbox.run, call)
        return run() if self.observation is None else self.observation.run_tool(call, run)

    def _timeout(self, call: ToolCall) -> float | None:
        terms = self._toolbox.terms(call)
        return None if terms is None else terms.timeout

    def _is_over(self, run: Run) -> bool:
        return run.ended is not None or not self._turn.active

    def _told(self, call: ToolCall, result: Result) -> Message | None:
        """Pass the result to `on_tool`, and return its message; ``None`` after a stop."""
        turn = self._turn
        if not turn.active:
            return None
        self._store.notifier.notify_tool(call, result.value)
        if not turn.active:
            return None
        return Message(
            "tool",
            result.text,
            tool_call_id=call.id,
            name=call.name,
            status=(Status.ERROR if result.failed else Status.FINISHED).value,
        )

    def _bell(self) -> Bell:
        """The bell that decisions, tools and a stop of the turn ring."""
        turn = self._turn
        if turn.bell is None:
            turn.bell = Bell()
            turn.cancel.link(turn.bell)
        return turn.bell


class Run:
    """A call that runs on a separate thread.

    Attributes:
        ended: when its tool returned or raised, on the clock `now`; ``None`` before that.
        deadline: on the same clock; ``None``: no limit.
    """

    def __init__(
        self,
        call: ToolCall,
        function: Callable[[], Result],
        timeout: float | None,
        ring: Callable[[], object],
    ) -> None:
        self.ended: float | None = None
        self._result: Result | None = None
        self._error: BaseException | None = None
        self._timeout = timeout
        context = contextvars.copy_context()

        def work() -> None:
            try:
                self._result = context.run(function)
            except BaseException as error:
                self._error = error
            finally:
                self.ended = now()
                ring()

        threading.Thread(target=work, name=f"chatsdk-tool-{call.name}", daemon=True).start()
        self.deadline = None if self._timeout is None else now() + self._timeout

    def result(self) -> Result:
        """Return the result, which is an error if the tool has not returned in time.

        Raises:
            BaseException: the tool raised an exception that is not an `Exception`.
        """
        ended, deadline = self.ended, self.deadline
        if ended is None or (deadline is not None and ended > deadline):
            return failure(TimeoutError(f"the tool did not return within {self._timeout:g} s"))
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result
