"""Delivers state changes to callbacks and subscribers, on the right thread and throttled."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from chatsdk.answer import Answer, ToolCall
from chatsdk.session.callbacks import Callbacks, call
from chatsdk.session.delivery_options import (
    THROTTLE_SECONDS,
    Dispatch,
    check_dispatch,
    seconds_between,
)
from chatsdk.session.lock import DeferringLock
from chatsdk.session.snapshot import Snapshot
from chatsdk.session.status import Status
from chatsdk.session.turn import BEFORE_FIRST, Turn
from chatsdk.transport.foreign_exceptions import raised_by_handler

__all__ = ["Notifier"]

logger = logging.getLogger("chatsdk")

# The statuses of a turn under way that has an answer.
_ANSWERING = (Status.STREAMING, Status.WAITING)

# The only key of `Notifier.owner`.
WHO = "who"


class Notifier:
    """Delivers what a session commits.

    One thread delivers at a time, so that callbacks never overlap and states never go backwards.
    Another thread with something to deliver leaves it to the delivering thread. With `dispatch`, at
    most one call waits on the user interface's thread, and it shows the latest state when it runs.
    The end of a turn is never coalesced: it waits in a queue.
    """

    def __init__(
        self,
        guard: DeferringLock,
        callbacks: Callbacks,
        *,
        dispatch: Dispatch | None,
        throttle: float | None,
        name: str,
    ) -> None:
        if dispatch is not None:
            check_dispatch(dispatch)
        self._callbacks = callbacks
        self._dispatch = dispatch
        self._throttle = seconds_between(throttle, dispatch)
        self._name = name
        # Each change is delivered immediately, on the thread that reads.
        self.direct = dispatch is None and not self._throttle
        # The current deliverer. A dict, because the first one that is set stays: see `Store`.
        self.owner: dict[str, Delivery] = {}
        # The session's guard: guards `snapshot`, the subscribers, `waiting` and its due time.
        self._guard = guard
        self.snapshot = Snapshot()
        self._subscribers: tuple[Subscription, ...] = ()
        # The calls that are never coalesced, in order.
        self.queue: deque[Callable[[], None]] = deque()
        # Set when a state awaits delivery. The delivering thread checks this and the queue again
        # before it leaves, so a change recorded before `owner` is tested is never lost.
        self._dirty = False
        # Whether a call is pending on the user interface's thread or on a timer.
        self.waiting = False
        self._due = 0.0
        self._timer: threading.Timer | None = None
        # Whether the last call of the dispatcher raised.
        self._broken = False
        # The end of a turn that the subscribers have been notified of.
        self._ended: Snapshot | None = None

    # Under the session's lock ---------------------------------------------------------------

    def put_end(self, turn: Turn, snapshot: Snapshot) -> None:
        """Commit the end of a turn: the state after it, and the calls that report it."""
        outcome = snapshot.outcome
        assert outcome is not None
        calls = [partial(self._give_last, snapshot)]
        if outcome.error is not None:
            calls.append(partial(call, self._callbacks.error, "on_error", outcome.error))
        # Subscribers first: `on_finish` may start the next turn, and this end would be missed.
        calls.append(partial(self._show_end, snapshot))
        calls.append(partial(call, self._callbacks.finish, "on_finish", outcome))
        # State before queue, because the delivering thread may read at any time. Nothing is called
        # in between: Ctrl-C is raised at a call, and would lose the calls.
        turn.outcome = outcome
        self.snapshot = snapshot
        self.queue.extend(calls)

    # Without it -----------------------------------------------------------------------------

    def notify_tool(self, request: ToolCall, result: object) -> None:
        """Pass the result of a tool call to `on_tool`; never coalesced."""
        with self._guard, self._guard.lock:
            self.queue.append(partial(call, self._callbacks.tool, "on_tool", request, result))
        self.changed()

    def subscribe(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Call `listener` after each change, until the function returned here is called."""
        if not callable(listener):
            raise TypeError(f"a listener is a function, not {type(listener).__name__}")
        subscription = Subscription(listener)
        with self._guard, self._guard.lock:
            self._subscribers = (*self._subscribers, subscription)
        return partial(self._unsubscribe, subscription)

    def _unsubscribe(self, subscription: Subscription) -> None:
        # Takes effect at once, also in a notification round that is under way.
        subscription.active = False
        with self._guard, self._guard.lock:
            self._subscribers = tuple(s for s in self._subscribers if s is not subscription)

    def changed(self, *, nested: bool = True) -> None:
        """Deliver the recorded changes: here, or where and when `dispatch` decides.

        `nested`: if called within a callback, deliver before that callback returns.
        """
        if self.direct:
            self.deliver(nested=nested)
            return
        here = mine = False
        try:
            with self._guard, self._guard.lock:
                # The end of a turn is not delayed, unless a pending call will deliver it.
                delay = 0.0 if self.queue else max(0.0, self._due - time.monotonic())
                here = self._dispatch is None and not delay
                if not here and not self.waiting and not (self._broken and delay):
                    mine = True
                    self.waiting = True
            if here:
                self.deliver(nested=nested)
            elif mine:
                self._hand_over(delay)
        except BaseException as exc:
            if mine:
                self.waiting = False
            if here or not isinstance(exc, Exception) or raised_by_handler(exc):
                raise
            self._refused()

    def _hand_over(self, delay: float) -> None:
        if self._dispatch is not None:
            self._dispatch(self._run, delay)
        else:
            timer = threading.Timer(delay, self._run)
            timer.name = f"{self._name}-throttle"
            timer.daemon = True
            self._timer = timer
            timer.start()
        self._broken = False

    def _refused(self) -> None:
        """Record that the dispatcher raised: the window is closed, or not open yet."""
        # Try again later, not at each event of a burst, and log only once.
        self._due = time.monotonic() + (self._throttle or THROTTLE_SECONDS)
        if not self._broken:
            self._broken = True
            logger.exception("dispatch raised")

    def close(self, seconds: float) -> None:
        """Deliver what is pending, and end the timer thread. Never waits for the lock."""
        timer = self._timer
        if timer is not None:
            timer.cancel()
            if timer is not threading.current_thread() and timer.is_alive():
                timer.join(seconds)
            if self.waiting:
                self.waiting = False
                self._guard.run_when_free(partial(self.deliver, nested=False))
        elif self._broken and self.queue:
            # The last chance to report how a turn ended.
            self._guard.run_when_free(partial(self.changed, nested=False))

    def _run(self) -> None:
        with self._guard, self._guard.lock:
            self.waiting = False
        self.deliver()

    def deliver(self, *, nested: bool = True) -> None:
        """Deliver what is pending, or leave it to the thread that is delivering."""
        me = Delivery(threading.get_ident())
        self._dirty = True
        owner, queue = self.owner, self.queue
        try:
            while queue or self._dirty:
                first = owner.setdefault(WHO, me)
                if first is not me and (first.thread_id != me.thread_id or not nested):
                    return
                if self._throttle:
                    self._due = time.monotonic() + self._throttle
                while queue or self._dirty:
                    # Read the flag, the state, then the queue: the end of a turn is queued before
                    # the state that follows it.
                    dirty, self._dirty = self._dirty, False
                    newest = self.snapshot
                    try:
                        work = queue.popleft()
                    except IndexError:
                        self._show(newest)
                    else:
                        if dirty:
                            self._dirty = True
                        work()
                if first is me:
                    del owner[WHO]
        except BaseException:
            self.release(me, nested=nested)
            raise

    def release(self, who: Delivery, *, nested: bool = True) -> None:
        """Let other threads deliver again after Ctrl-C in a callback of `who`."""
        if self.owner.get(WHO) is who:
            del self.owner[WHO]
            if self.queue or self._dirty:
                # Threads that found this one delivering have left their changes to it.
                self.deliver(nested=nested)

    # On the thread that delivers ------------------------------------------------------------

    def notify_step(self, me: Delivery, turn: Turn, before: Answer, answer: Answer) -> None:
        """Deliver one step, which follows `before`: the fast path without throttle or dispatcher.

        If it raises, the caller releases `me`.
        """
        owner = self.owner
        if self.queue or owner.setdefault(WHO, me) is not me:
            self.deliver()
            return
        # Check again: after a stop the turn may keep the previous answer, and its end may have been
        # delivered. A stop from now on is delivered after this step.
        if (function := self._callbacks.answer) is not None and not turn.ending:
            if turn.given is before:
                # Its delta is already right.
                turn.given = answer
                try:
                    function(answer)
                except Exception as error:
                    if raised_by_handler(error):
                        raise
                    logger.exception("on_answer raised")
            else:
                self._give(function, turn, answer)
        if self._subscribers:
            self._tell_subscribers()
        del owner[WHO]
        if self.queue or self._dirty:
            self.deliver()

    def _show(self, snapshot: Snapshot) -> None:
        # The last answer of a turn came through the queue, before on_finish.
        function = self._callbacks.answer
        if function is not None and snapshot.status in _ANSWERING:
            turn = snapshot.turn
            assert turn is not None
            # Answer first: if the turn was not stopped afterwards, the answer is part of what it
            # keeps.
            answer = turn.answer
            if not turn.stopped:
                self._give(function, turn, answer)
        if snapshot is not self._ended:
            self._tell_subscribers()

    def _show_end(self, snapshot: Snapshot) -> None:
        self._ended = snapshot
        self._tell_subscribers()

    def _tell_subscribers(self) -> None:
        for subscription in self._subscribers:
            if subscription.active:
                call(subscription.listener, "a subscriber")

    def _give(self, function: Callable[[Answer], object], turn: Turn, answer: Answer) -> None:
        """Give `on_answer` the answer, unless it already has it."""
        before = turn.given
        if answer is not before:
            turn.given = answer
            call(function, "on_answer", answer.since(None if before is BEFORE_FIRST else before))

    def _give_last(self, snapshot: Snapshot) -> None:
        """Give `on_answer` the last answer of a turn, if that has more than its previous one."""
        function, turn = self._callbacks.answer, snapshot.turn
        if function is not None and turn is not None and snapshot.answer != turn.given:
            self._give(function, turn, snapshot.answer)


class Delivery:
    """Identifies a thread while it delivers."""

    __slots__ = ("thread_id",)

    def __init__(self, thread_id: int) -> None:
        self.thread_id = thread_id


class Subscription:
    """One listener; the same function may be subscribed several times."""

    __slots__ = ("active", "listener")

    def __init__(self, listener: Callable[[], object]) -> None:
        self.listener = listener
        self.active = True
