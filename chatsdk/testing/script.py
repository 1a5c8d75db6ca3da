"""A response whose body a test sends step by step, from a thread or a list."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterable

from chatsdk.testing.request import RecordedRequest
from chatsdk.testing.response import Response
from chatsdk.testing.server_exchange import Exchange, Head
from chatsdk.testing.steps import Cut, Finish, Send, SendHead, SendRaw, Step
from chatsdk.testing.waitable import WAIT_SECONDS
from chatsdk.testing.waker import Waker

__all__ = ["Script", "Steps"]

# A list of steps, with bytes and text as a shorthand for `Send`; or a function of the request.
StepList = Iterable[Step | bytes | str]
Steps = StepList | Callable[[RecordedRequest], StepList]


class Script(Response):
    """A streamed response.

    Without `steps`, a test drives it. `push`, `finish`, `cut` and the others each queue a step and
    return at once, from any thread, before or after the request arrives; `wait_until_sent` waits
    until the kernel has all of it. With `steps`, they are done in order, and then the body ends
    properly unless a step ended it. `hold_head` delays status line and headers until `send_head` or
    the first piece of the body.
    """

    def __init__(self, head: Head, *, steps: Steps | None = None, hold_head: bool = False) -> None:
        super().__init__(head)
        self._steps = steps
        self._hold_head = hold_head
        # Guarded by _facts, like everything that changes.
        self._queue: deque[Step] = deque()
        self._pushed = 0
        self._done = 0
        self._complete = False
        self._closing: Step | None = None
        self._waker: Waker | None = None

    @property
    def driven(self) -> bool:
        """Whether a test drives it, instead of a list of steps."""
        return self._steps is None

    # Driving ------------------------------------------------------------------------------

    def push(self, data: bytes | str) -> None:
        """Send a piece of the body: one chunk, if the body is chunked."""
        self.add(Send(data))

    def push_raw(self, data: bytes | str) -> None:
        """Send bytes unchanged, without framing or content coding."""
        self.add(SendRaw(data))

    def send_head(self) -> None:
        """Send status line and headers, if `hold_head` delayed them."""
        self.add(SendHead())

    def finish(self) -> None:
        """End the body properly."""
        self.add(Finish())

    def cut(self, *, reset: bool = False) -> None:
        """End the connection inside the body: with a FIN, or with an RST if `reset`."""
        self.add(Cut(reset=reset))

    def add(self, step: Step) -> None:
        """Queue any step.

        Raises RuntimeError after `finish` or `cut`, and for a script that has a list of steps.
        Steps queued after the client has gone are not sent.
        """
        with self._facts:
            if self._steps is not None:
                raise RuntimeError("this script has a list of steps; leave steps= out to drive it")
            if self._closing is not None:
                raise RuntimeError(f"nothing can follow {type(self._closing).__name__}")
            if isinstance(step, Finish | Cut):
                self._closing = step
            self._queue.append(step)
            self._pushed += 1
            if self._waker is not None:
                self._waker.set()

    def wait_until_sent(self, timeout: float = WAIT_SECONDS) -> None:
        """Wait until the kernel has everything queued before this call.

        Raises TimeoutError if that takes too long (did the request arrive? does the client read?),
        ConnectionError if the connection ended before.
        """
        with self._facts:
            wanted = self._pushed

        def sent() -> bool:
            return self._complete or (self.driven and self._done >= wanted)

        self._wait(lambda: sent() or self._ended, timeout, "not everything was sent")
        if not sent():
            raise ConnectionError("the connection ended before everything was sent")

    # Playing ------------------------------------------------------------------------------

    def play(self, exchange: Exchange) -> None:
        """Do the steps until one of them ends the exchange."""
        if not self._hold_head:
            exchange.send_head()
        with contextlib.closing(self._next_steps(exchange)) as steps:
            for step in steps:
                step.perform(exchange)
                self._note_done(exchange)
                if exchange.ended:
                    return

    def _note_done(self, exchange: Exchange) -> None:
        with self._facts:
            self._done += 1
            self._complete = exchange.ended
            self._facts.notify_all()

    def _next_steps(self, exchange: Exchange) -> Generator[Step, None, None]:
        return self._driven_steps(exchange) if self.driven else self._listed_steps(exchange)

    def _listed_steps(self, exchange: Exchange) -> Generator[Step, None, None]:
        steps = self._steps
        assert steps is not None
        for step in steps(exchange.request) if callable(steps) else steps:
            yield step if isinstance(step, Step) else Send(step)
        yield Finish()

    def _driven_steps(self, exchange: Exchange) -> Generator[Step, None, None]:
        waker = Waker()
        with self._facts:
            self._waker = waker
        try:
            while True:
                waker.clear()
                with self._facts:
                    step = self._queue.popleft() if self._queue else None
                if step is not None:
                    yield step
                else:
                    exchange.connection.wait(waker=waker)
        finally:
            with self._facts:
                self._waker = None
            waker.close()
