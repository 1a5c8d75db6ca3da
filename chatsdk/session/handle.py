"""`TurnHandle`: returned by `ChatSession.start`, to wait for the turn."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, NoReturn

from chatsdk.answer import Answer
from chatsdk.errors import ChatError
from chatsdk.outcome import Outcome
from chatsdk.session.stream import open_turn
from chatsdk.session.turn import Turn

if TYPE_CHECKING:
    from chatsdk.client import ChatClient
    from chatsdk.session.plan import TurnPlan
    from chatsdk.session.store import Store

__all__ = ["TurnHandle", "drain", "start_turn"]


class TurnHandle:
    """A turn that is read on a background thread."""

    def __init__(self, store: Store, turn: Turn) -> None:
        self._store = store
        self._turn = turn
        # Set by the background thread as its last action; read by any thread.
        self._over = threading.Event()
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    @property
    def done(self) -> bool:
        """Whether the turn has ended and its thread has called the callbacks.

        After `stop` this takes a few milliseconds; `ChatSession.done` is true at once.
        """
        return self._over.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until `done`, for at most `timeout` seconds; return whether it is.

        Raises:
            RuntimeError: called on the turn's own thread, by one of its callbacks.
        """
        if threading.current_thread() is self._thread:
            raise RuntimeError(
                "a callback that runs on the turn's own thread cannot wait for the turn: look at "
                "session.answer, or use on_finish"
            )
        return self._over.wait(timeout)

    def result(self, timeout: float | None = None) -> Answer:
        """Wait for the end and return the final `Answer`, or after `stop` the partial one.

        Args:
            timeout: seconds; ``None`` waits without a limit.

        Raises:
            TimeoutError: the turn has not ended in time; it continues.
            RuntimeError: as `wait`.
            ChatError: the error that ended the answer early.
            TypeError, ValueError: the body or prompt could not be sent.
            BaseException: any other exception that ended the turn's thread.
        """
        if not self.wait(timeout):
            raise TimeoutError(f"the answer has not ended within {timeout} s")
        error = self._error
        # After stop(), a ChatError only reports how the connection ended.
        if error is not None and not (
            isinstance(error, ChatError) and self.outcome.reason == "stopped"
        ):
            raise error
        return self._store.answer_of(self._turn)

    def stop(self) -> None:
        """End the answer and keep its text; like `ChatSession.stop`, but only for this turn."""
        self._store.stop(self._turn)

    @property
    def answer(self) -> Answer:
        """The latest `Answer` of this turn; empty before the first step."""
        return self._store.answer_of(self._turn)

    @property
    def outcome(self) -> Outcome:
        """How the turn ended; false, with the reason ``"pending"``, while it is under way."""
        return self._store.outcome_of(self._turn)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a handle cannot be copied or pickled: handle.result() can")

    def __repr__(self) -> str:
        return f"<TurnHandle {self.outcome.reason}>"


def start_turn(
    store: Store,
    client: ChatClient,
    turn: Turn,
    plan: TurnPlan,
    *,
    name: str,
    threads: set[threading.Thread],
) -> TurnHandle:
    """Read a turn on a daemon thread, which is in `threads` until it ends.

    `name` is that of the session, with which the thread's name begins.
    """
    handle = TurnHandle(store, turn)

    def work() -> None:
        try:
            with open_turn(store, client, turn, plan) as stream:
                drain(stream)
        except BaseException as error:
            if turn.outcome is None:
                # It was not read: the request could not be sent.
                store.fail(turn, error)
            handle._error = error
        finally:
            threads.discard(thread)
            handle._over.set()

    # The turn has the context variables of its caller, such as the current span of a tracer.
    context = contextvars.copy_context()
    name = f"{name}-turn-{turn.number}"
    thread = threading.Thread(target=context.run, args=(work,), name=name, daemon=True)
    handle._thread = thread
    try:
        threads.add(thread)
        thread.start()
    except BaseException:
        threads.discard(thread)
        raise
    return handle


# A thread waiting for the GIL requests it after 5 ms, but the timer restarts whenever the holder
# releases it, as a reader does on every read. While data keeps arriving, the reader would always
# win and a window would freeze. So the reader sleeps a tenth of the time, long enough for another
# thread to wake up. Seconds of reading, and seconds of sleep.
BUSY_SECONDS = 0.002

REST_SECONDS = 0.0002


def drain(steps: Iterable[object]) -> None:
    """Read all `steps`; sleep `REST_SECONDS` after each `BUSY_SECONDS`."""
    due = time.monotonic() + BUSY_SECONDS
    for _ in steps:
        if time.monotonic() >= due:
            time.sleep(REST_SECONDS)
            due = time.monotonic() + BUSY_SECONDS
