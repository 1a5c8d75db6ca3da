"""`Workers`: threads that ask prompts and hand back the outcomes."""

from __future__ import annotations

import contextvars
import logging
import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chatsdk.client.prompt_outcome import PromptOutcome
from chatsdk.client.shared_pause import SharedPause
from chatsdk.errors import ChatError, HTTPStatusError
from chatsdk.options import Retry
from chatsdk.outcome import Outcome
from chatsdk.transport import Cancel
from chatsdk.transport.clock import now
from chatsdk.transport.retry import backoff, is_used_up, leave_retries, wait_before

if TYPE_CHECKING:
    from chatsdk.client.stream import AnswerStream

__all__ = ["Ask", "Workers"]

logger = logging.getLogger("chatsdk")

# Number of successive pauses without success before a prompt fails.
PAUSES = 5

# The longest pause in seconds, if `Retry.max_wait` does not allow more. Limits on the requests and
# tokens of a minute ask for up to a minute.
PAUSE_SECONDS = 300.0

# Asks one prompt: ``ask(prompt, cancel=...)``.
Ask = Callable[..., "AnswerStream"]


class Workers:
    """Threads that ask prompts; shared with them, so it does not refer to who iterates.

    No method takes a lock that a finalizer or a signal handler could find taken.

    Attributes:
        switch: cancels the requests under way; nothing more is asked then.
        done: pairs of an index and its result: a `PromptOutcome`, or an exception that is not of
            the wire. ``None`` stands for a prompt that was not asked because `switch` was set. An
            index below 0 only wakes the waiting thread.
    """

    def __init__(self, ask: Ask, retry: Retry) -> None:
        self._ask = ask
        self._given_retry = self._retry = retry
        self._longest = max(retry.max_wait, PAUSE_SECONDS)
        if retry.attempts > 1:
            self._retry = retry._replace(
                attempts=max(retry.attempts, PAUSES), max_wait=self._longest
            )
        self._pause = SharedPause()
        self._jobs: queue.SimpleQueue[tuple[int, Any] | None] = queue.SimpleQueue()
        self.switch = Cancel()
        self.done: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        # The context of the caller, such as the current span of a tracer.
        self._context = contextvars.copy_context()

    def put(self, index: int, prompt: Any, most: int) -> None:
        """Have a prompt asked, by a new thread if there are fewer than `most`."""
        self._jobs.put((index, prompt))
        if len(self._threads) < most:
            thread = threading.Thread(
                target=self._context.copy().run,
                args=(self._work,),
                name=f"chatsdk-map-{len(self._threads) + 1}",
                daemon=True,
            )
            try:
                thread.start()
            except RuntimeError:
                # The system has no thread left; the others do the work.
                if not self._threads:
                    raise
            else:
                self._threads.append(thread)

    def release(self) -> None:
        """Let the threads end once they have asked all prompts in the queue."""
        for _ in self._threads:
            self._jobs.put(None)

    @property
    def pause_left(self) -> float:
        """Seconds until the pause under way ends; 0 or less without one."""
        return self._pause.left

    @property
    def alive(self) -> bool:
        """Whether a thread has not ended."""
        return any(thread.is_alive() for thread in self._threads)

    def join(self, seconds: float) -> None:
        """Wait for the threads, for at most this long in total."""
        deadline = now() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - now()))

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            index, prompt = job
            result: Any
            try:
                result = self._outcome(index, prompt)
            except BaseException as error:
                result = error
            self.done.put((index, result))
            # Keep nothing while waiting for the next one.
            del job, prompt, result

    def _outcome(self, index: int, prompt: Any) -> PromptOutcome | None:
        while True:
            asked_at = self._pause.wait(self.switch)
            if self.switch.is_set():
                return None
            try:
                with leave_retries(_is_refusal):
                    stream = self._ask(prompt, cancel=self.switch)
                self._pause.accepted()
                with stream:
                    stream.result()
                outcome = stream.outcome
            except ChatError as error:
                if _is_refusal(error) and self._paused(error, asked_at):
                    continue
                outcome = Outcome("error", error=error.with_traceback(None), answer=error.answer)
            return PromptOutcome.of(outcome, index, prompt)

    def _paused(self, error: ChatError, asked_at: float) -> bool:
        """Begin a pause of all workers; return whether to ask again after it."""
        if not isinstance(error, HTTPStatusError) or is_used_up(error):
            return False
        pauses = self._pause.refused(asked_at)
        keyed = self._retry.idempotency_key is not None
        seconds = wait_before(self._retry, error, pauses, keyed=keyed, written=False)
        # Also if this prompt fails, so that the others do not.
        if error.retry_after is not None:
            pause = min(error.retry_after, self._longest)
        else:
            pause = backoff(self._given_retry, pauses) if seconds is None else seconds
        logger.info("%s; all workers pause for %.1f s", error, pause)
        self._pause.extend(pause)
        return seconds is not None


def _is_refusal(error: ChatError) -> bool:
    """Whether the backend refused a request for now, so that all workers should wait."""
    return isinstance(error, HTTPStatusError) and (
        error.status == 429 or error.retry_after is not None
    )
