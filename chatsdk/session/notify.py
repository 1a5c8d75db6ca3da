"""`Notifier`: tells callbacks and subscribers what changed, on the right thread, often enough."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol

from chatsdk.answer import Answer, ToolCall
from chatsdk.session.callbacks import Callbacks, call
from chatsdk.session.guard import Guard
from chatsdk.session.snapshot import Snapshot
from chatsdk.session.status import Status
from chatsdk.session.turn import Turn

__all__ = ["Dispatch", "Notifier"]

logger = logging.getLogger("chatsdk")

# Seconds between two updates of a window: as often as an eye follows text.
THROTTLE_SECONDS = 1 / 30


class Dispatch(Protocol):
    """Runs `function` on the thread of a user interface, `delay` seconds from now.

    It is called from any thread, may be called in a garbage collection, and must not block.
    """

    def __call__(self, function: Callable[[], None], delay: float = 0.0, /) -> object: ...


class Notifier:
    """Delivers what a session commits.

    One thread delivers at a time, so that callbacks never overlap and states never go backwards;
    another one that has something to deliver leaves it to the one that is at it. With `dispatch`
    at most one call is waiting on the user interface's thread, and it shows what is newest when
    it runs. How a turn ended is never coalesced: it waits in a queue.
    """

    def __init__(
        self,
        guard: Guard,
        callbacks: Callbacks,
        *,
        dispatch: Dispatch | None,
        throttle: float | None,
        name: str,
    ) -> None:
        if dispatch is not None and not callable(dispatch):
            raise TypeError(f"dispatch is a function, not {type(dispatch).__name__}")
        if throttle is None:
            throttle = 0.0 if dispatch is None else THROTTLE_SECONDS
        if isinstance(throttle, bool) or not isinstance(throttle, (int, float)):
            raise TypeError(f"throttle is a number of seconds, not {type(throttle).__name__}")
        if not 0 <= throttle < float("inf"):
            raise ValueError("throttle must be 0 seconds or more")
        self._callbacks = callbacks
        self._dispatch = dispatch
        self._throttle = throttle
        self._name = name
        # Each change is told here and now.
        self.direct = dispatch is None and not throttle
        # The session's own: guards everything from here on but _given and _given_of.
        self._guard = guard
        # The thread that delivers.
        self.deliverer: int | None = None
        self.newest = Snapshot()
        self._subscribers: tuple[Subscription, ...] = ()
        # What is never coalesced, in order.
        self.queue: deque[Callable[[], None]] = deque()
        # Whether the newest state has to be shown.
        self._news = False
        self._waiting = False
        self._due = 0.0
        self._timer: threading.Timer | None = None
        # What on_answer got last, and of which turn. Only the thread that delivers looks at it.
        self._given: Answer | None = None
        self._given_of: Turn | None = None

    # Under the session's lock ---------------------------------------------------------------

    def put_end(self, snapshot: Snapshot) -> None:
        """Note the newest state, which ends its turn."""
        self.newest = snapshot
        outcome = snapshot.outcome
        assert outcome is not None
        self.queue.append(partial(self._give_last, snapshot))
        if outcome.error is not None:
            self.queue.append(partial(call, self._callbacks.error, "on_error", outcome.error))
        self.queue.append(partial(call, self._callbacks.finish, "on_finish", outcome))

    # Without it -----------------------------------------------------------------------------

    def tell_tool(self, request: ToolCall, result: object) -> None:
        """Tell `on_tool` what became of a call; never left out."""
        with self._guard:
            self.queue.append(partial(call, self._callbacks.tool, "on_tool", request, result))
        self.changed()

    def subscribe(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Call `listener` after each change, until the function returned here is called."""
        if not callable(listener):
            raise TypeError(f"a listener is a function, not {type(listener).__name__}")
        subscription = Subscription(listener)
        with self._guard:
            self._subscribers = (*self._subscribers, subscription)
        return partial(self._unsubscribe, subscription)

    def _unsubscribe(self, subscription: Subscription) -> None:
        # At once, also in the round that is under way.
        subscription.active = False
        with self._guard:
            self._subscribers = tuple(s for s in self._subscribers if s is not subscription)

    def changed(self, *, nested: bool = True) -> None:
        """See that what was put is delivered: here, or where and when `dispatch` says.

        `nested`: called within a callback, deliver before that one returns.
        """
        if self.direct:
            self._deliver(nested)
            return
        with self._guard:
            # The end of a turn is not held back, unless a call is waiting that will bring it.
            delay = 0.0 if self.queue else max(0.0, self._due - time.monotonic())
            here = self._dispatch is None and not delay
            if not here:
                if self._waiting:
                    return
                self._waiting = True
        if here:
            self._deliver(nested)
        else:
            self._hand_over(delay)

    def close(self, seconds: float) -> None:
        """End the thread that waits for a suppressed update, if there is one."""
        timer = self._timer
        if timer is not None:
            timer.cancel()
            if timer is not threading.current_thread():
                timer.join(seconds)

    def _hand_over(self, delay: float) -> None:
        try:
            if self._dispatch is not None:
                self._dispatch(self._run, delay)
            else:
                timer = threading.Timer(delay, self._run)
                timer.name = f"{self._name}-throttle"
                timer.daemon = True
                self._timer = timer
                timer.start()
        except BaseException as exc:
            with self._guard:
                self._waiting = False
            if not isinstance(exc, Exception):
                raise
            logger.exception("dispatch raised")

    def _run(self) -> None:
        with self._guard:
            self._waiting = False
        self._deliver(nested=True)

    def _deliver(self, nested: bool) -> None:
        me = threading.get_ident()
        outer: int | None = None
        mine = False
        guard = self._guard
        lock, queue = guard.lock, self.queue
        try:
            with lock:
                self._news = True
                outer = self.deliverer
                if outer is not None and (outer != me or not nested):
                    return
                mine = True
                self.deliverer = me
                if self._throttle:
                    self._due = time.monotonic() + self._throttle
            while True:
                work: Callable[[], None] | None = None
                with lock:
                    if queue:
                        work = queue.popleft()
                    elif self._news:
                        self._news = False
                    else:
                        self.deliverer = outer
                        mine = False
                        return
                    newest = self.newest
                if work is None:
                    self._show(newest)
                else:
                    work()
        finally:
            if mine:
                # Ctrl-C in a callback: what others have left to this thread is told all the same.
                with lock:
                    self.deliverer = outer
                self._deliver(nested)
            if guard.waiting:
                guard.settle()

    # On the thread that delivers ------------------------------------------------------------

    def tell_step(self, before: Snapshot, snapshot: Snapshot) -> None:
        """Deliver one step, which follows `before`, for the thread that has become `deliverer`."""
        try:
            function = self._callbacks.answer
            if function is not None:
                answer = snapshot.answer
                given = self._given
                if given is before.answer or before.status is Status.SUBMITTED:
                    # It has the right delta already.
                    self._given = answer
                    self._given_of = snapshot.turn
                    try:
                        function(answer)
                    except Exception:
                        logger.exception("on_answer raised")
                else:
                    self._give(function, snapshot)
            if self._subscribers:
                self._tell_subscribers()
        finally:
            self.deliverer = None
            # Who found this thread delivering has left it something: look once more, afterwards.
            if self.queue or self._news:
                self._deliver(nested=True)

    def _show(self, snapshot: Snapshot) -> None:
        # The last answer of a turn came through the queue, before on_finish.
        function = self._callbacks.answer
        if function is not None and snapshot.status is Status.STREAMING:
            turn = snapshot.turn
            if turn is not None and not turn.stopped:
                self._give(function, snapshot)
        self._tell_subscribers()

    def _tell_subscribers(self) -> None:
        for subscription in self._subscribers:
            if subscription.active:
                call(subscription.listener, "a subscriber")

    def _give(self, function: Callable[[Answer], object], snapshot: Snapshot) -> None:
        """Give `on_answer` the answer, unless it has it."""
        before = self._given if self._given_of is snapshot.turn else None
        answer = snapshot.answer
        if answer is not before:
            self._given = answer
            self._given_of = snapshot.turn
            call(function, "on_answer", answer.since(before))

    def _give_last(self, snapshot: Snapshot) -> None:
        """Give `on_answer` the last answer of a turn, if it says more than the one it has."""
        function = self._callbacks.answer
        if function is None:
            return
        before = self._given if self._given_of is snapshot.turn else None
        if snapshot.answer != (before or Answer()):
            self._give(function, snapshot)


class Subscription:
    """One listener; the same function may have several."""

    __slots__ = ("active", "listener")

    def __init__(self, listener: Callable[[], object]) -> None:
        self.listener = listener
        self.active = True
