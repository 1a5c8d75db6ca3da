"""`Outcomes`: the iterator over the outcomes of many prompts, which `ChatClient.map` returns."""

from __future__ import annotations

import queue
from collections.abc import Iterable, Iterator, Mapping, Sized
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, NoReturn

from chatsdk.client.progress import Bar, bar_for
from chatsdk.client.prompt_outcome import PromptOutcome
from chatsdk.client.stream import Value_co
from chatsdk.client.workers import Ask, Workers
from chatsdk.messages import Message
from chatsdk.options import Retry
from chatsdk.transport import Cancel
from chatsdk.transport.bell import Forward
from chatsdk.transport.clock import now

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["NOT_YET", "Outcomes"]

# Given by a source of prompts that has none at the moment, and calls `Outcomes.wake` later.
NOT_YET: Any = object()

# Prompts taken and not yet given out, for each worker: enough to keep the others busy while one
# answer takes long, and few enough to stay small.
AHEAD = 4

# More connections at once than one process should open to a backend.
MOST_WORKERS = 1000

# Seconds between two updates of the elapsed time, and between two checks for Ctrl-C on Windows.
TICK_SECONDS = 0.5

# Seconds after which a slow source of prompts must not delay complete outcomes.
SLOW_SECONDS = 0.05

# Seconds that `close` waits in total for its threads.
CLOSE_SECONDS = 1.0

ON_ERROR = ("keep", "raise")

PROGRESS = (True, False, "always")


class Outcomes(Iterator[PromptOutcome[Value_co]], Generic[Value_co]):
    """Iterates over the outcomes of many prompts, which worker threads ask in the background.

    Prompts are taken on the thread that iterates, at most four for each worker ahead of what was
    given out. The iterator may be closed, stopped from any thread, or just dropped, which closes
    it; it is a context manager. One thread at a time may iterate.

    Iterating raises what the caller's functions raise, which closes it; and what the prompts' own
    iterator raises, after the outcomes of the prompts before. After Ctrl-C it may be iterated
    further: like `stop`, it then gives the complete outcomes.
    """

    def __init__(
        self,
        ask: Ask,
        prompts: Iterable[Any],
        *,
        workers: int,
        ordered: bool,
        on_error: str,
        progress: bool | str,
        cancel: Cancel | None,
        retry: Retry,
        total: int | None = None,
    ) -> None:
        self._most = _checked_workers(workers)
        if on_error not in ON_ERROR:
            raise ValueError(f"on_error is 'keep' or 'raise', not {on_error!r}")
        if progress not in PROGRESS:
            raise ValueError(f"progress is True, False or 'always', not {progress!r}")
        if cancel is not None and not isinstance(cancel, Cancel):
            raise TypeError(f"cancel is a chatsdk.Cancel, not {type(cancel).__name__}")
        self._prompts = _iterator(prompts)
        self._ordered = bool(ordered)
        self._raises = on_error == "raise"
        self._workers = Workers(ask, retry)
        self._taken = 0
        self._given = 0
        # The results that have arrived and not been given out, by index, in order of arrival.
        self._arrived: dict[int, Any] = {}
        self._exhausted = self._slow = self._over = False
        # The exception of the source, until it is raised.
        self._failure: Exception | None = None
        # Ctrl-C may come between the arrival of a result and its being kept, so after it not every
        # index has a result.
        self._has_gaps = False
        self._bar: Bar | None = None
        self._progress = progress
        self._total = len(prompts) if isinstance(prompts, Sized) else total
        self._cancel = cancel
        self._forward = Forward(self._workers.switch)
        if cancel is not None:
            cancel.link(self._forward)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> PromptOutcome[Value_co]:
        if self._over:
            raise StopIteration
        try:
            return self._next()
        except StopIteration:
            self._end()
            raise
        except KeyboardInterrupt:
            self.stop()
            raise
        except BaseException:
            self.close()
            raise

    def stop(self) -> None:
        """Ask no more prompts and end the answers under way. From any thread; it never blocks.

        Iterating then gives the outcomes that are done, those that were stopped among them, and
        ends.
        """
        self._workers.switch.set()
        self._workers.release()

    def wake(self) -> None:
        """Ask the source again, which was not ready. From any thread; it never blocks."""
        self._workers.done.put((-1, None))

    def close(self) -> None:
        """End the answers under way and the threads. Calling it twice is harmless."""
        self.stop()
        self._end()

    def _next(self) -> PromptOutcome[Value_co]:
        if self._bar is None:
            self._bar = bar_for(self._progress, self._total)
        while True:
            self._collect()
            self._fill()
            index = self._ready()
            if index is None:
                if self._is_complete:
                    raise self._end_of_source()
                self._wait()
                continue
            self._given += 1
            result = self._arrived.pop(index)
            if isinstance(result, PromptOutcome):
                if result.error is not None and self._raises:
                    raise result.error
                return result
            if result is not None:
                raise result

    @property
    def _is_complete(self) -> bool:
        """Whether no other result will arrive, if none is ready."""
        if self._has_gaps:
            return True
        ends = self._exhausted or self._workers.switch.is_set()
        return ends and self._taken == self._given

    def _end_of_source(self) -> Exception:
        failure, self._failure = self._failure, None
        return failure or StopIteration()

    def _ready(self) -> int | None:
        """The index of the next result to give out; ``None`` if it has not arrived."""
        if self._ordered and not self._has_gaps:
            return self._given if self._given in self._arrived else None
        return (
            min(self._arrived, default=None) if self._ordered else next(iter(self._arrived), None)
        )

    def _fill(self) -> None:
        """Take prompts, unless enough are under way."""
        while not (
            self._exhausted
            or self._taken - self._given >= AHEAD * self._most
            or self._workers.switch.is_set()
            or (self._slow and self._ready() is not None)
        ):
            began = now()
            try:
                prompt = next(self._prompts)
            except StopIteration:
                self._exhausted = True
                return
            except Exception as error:
                self._exhausted = True
                self._failure = error
                return
            if prompt is NOT_YET:
                return
            self._slow = now() - began > SLOW_SECONDS
            self._workers.put(self._taken, prompt, self._most)
            self._taken += 1
            if self._slow:
                self._collect()

    def _collect(self) -> None:
        """Take the results that have arrived."""
        while True:
            try:
                index, result = self._workers.done.get_nowait()
            except queue.Empty:
                return
            self._take(index, result)

    def _wait(self) -> None:
        """Wait for one result."""
        while True:
            try:
                index, result = self._workers.done.get(timeout=TICK_SECONDS)
            except queue.Empty:
                if self._bar is not None:
                    self._bar.refresh(self._workers.pause_left)
                if self._workers.switch.is_set() and not self._workers.alive:
                    self._has_gaps = True
                    return
                continue
            self._take(index, result)
            return

    def _take(self, index: int, result: Any) -> None:
        if index < 0:
            # From `wake`.
            return
        self._arrived[index] = result
        if self._bar is not None and isinstance(result, PromptOutcome):
            self._bar.add(result)

    def _end(self) -> None:
        if not self._over:
            self._over = True
            self._arrived.clear()
            self._release()
            if self._bar is not None:
                self._bar.close()
            self._workers.join(CLOSE_SECONDS)

    def _release(self) -> None:
        self._workers.release()
        if self._cancel is not None:
            self._cancel.unlink(self._forward)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # Also called on an object whose __init__ raised; it must not wait.
        if getattr(self, "_forward", None) is not None and not self._over:
            self._over = True
            self.stop()
            self._release()

    def __reduce__(self) -> NoReturn:
        raise TypeError("the outcomes of client.map() are still arriving: pickle them one by one")

    def __repr__(self) -> str:
        return f"<Outcomes {self._given} given, {self._taken - self._given} under way>"


def _checked_workers(workers: object) -> int:
    if isinstance(workers, bool) or not isinstance(workers, int):
        raise TypeError(f"workers is a whole number, not {type(workers).__name__}")
    if not 1 <= workers <= MOST_WORKERS:
        raise ValueError(f"workers is a number from 1 to {MOST_WORKERS:,}, not {workers}")
    return workers


def _iterator(prompts: object) -> Iterator[Any]:
    if isinstance(prompts, (str, bytes, Message, Mapping)) or not isinstance(prompts, Iterable):
        raise TypeError(
            f"prompts is an iterable of prompts, such as a list, not {type(prompts).__name__}; to "
            "ask one prompt, use ask()"
        )
    return iter(prompts)
