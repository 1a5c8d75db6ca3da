"""A client with answers given one by one, and a user interface that runs on request."""

from __future__ import annotations

import gc
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable

from chatsdk import Answer, Cancel, ChatError, Outcome, dialects
from chatsdk.answer import AnswerBuilder
from chatsdk.parts import Finish, Part, Text, ToolCallDelta

__all__ = [
    "WAIT",
    "CtrlCAt",
    "FakeClient",
    "FakeStream",
    "FakeUI",
    "Log",
    "asking",
    "eventually",
    "reading",
    "said",
    "talk",
]

# Seconds that a test waits for a fact at most; none needs a hundredth of it.
WAIT = 20.0


class FakeStream:
    """The stream of `FakeClient.send`: the test feeds it, from any thread."""

    def __init__(self, cancel: Cancel, *texts: str) -> None:
        # Reentrant, so that a cancel in a signal handler or a finalizer may wake the reader.
        self._items: queue.SimpleQueue[str | Part | Exception | None] = queue.SimpleQueue()
        self._builder = AnswerBuilder()
        self._cancel = cancel
        self.answer = Answer()
        self.outcome = Outcome("pending")
        self.closed = False
        self.response = self.dialect = self.body = None
        self.attempts = 1
        self.waiting = threading.Event()
        # Gives the next answer in place of what was fed.
        self.then: Callable[[], Answer] | None = None
        self.feed(*texts)
        cancel.link(self)

    def feed(self, *parts: str | Part) -> None:
        """Give the next steps: texts to add, or other parts of an answer."""
        for part in parts:
            self._items.put(part)

    def finish(self) -> None:
        self._items.put(None)

    def fail(self, error: Exception) -> None:
        self._items.put(error)

    def cancel(self, reason: str) -> None:
        """Called by the Cancel."""
        self._items.put("woken")

    def __iter__(self):
        return self

    def __next__(self) -> Answer:
        if self.outcome or self.closed:
            raise StopIteration
        if self.then is not None:
            return self.then()
        if self._items.empty():
            self.waiting.set()
        item = self._items.get(timeout=WAIT)
        if self._cancel.is_set():
            self.outcome = Outcome("stopped", answer=self.answer)
            raise StopIteration
        if item is None:
            self.outcome = Outcome("finished", end="marker", answer=self.answer)
            raise StopIteration
        if isinstance(item, Exception):
            if isinstance(item, ChatError):
                item.answer = self.answer
            self.outcome = Outcome("error", error=item, answer=self.answer)
            raise item
        self.answer = self._builder.apply(Text(item) if isinstance(item, str) else item)
        return self.answer

    def close(self) -> None:
        self.closed = True


class FakeClient:
    """Gives a `FakeStream` for each send; the plans are used up in their order.

    A plan is a list of texts after which the answer finishes, an exception to raise at once, or a
    function of the `Cancel` which returns a stream. Without one the test feeds the stream.
    """

    url = "http://127.0.0.1/v1/chat/completions"

    def __init__(self, *plans, dialect: str = "openai") -> None:
        self.dialect = dialects.get(dialect)
        self.plans = deque(plans)
        self.streams: list[FakeStream] = []
        self.bodies: list[object] = []
        self.asked: list[tuple[list, dict]] = []
        self.closed = 0
        self._opened = threading.Condition()

    @property
    def ask_dialect(self):
        return self.dialect

    def send(self, body, *, cancel):
        self.bodies.append(body)
        return self._stream(cancel)

    def ask(self, messages, *, cancel, **options):
        self.asked.append((messages, options))
        return self._stream(cancel)

    def close(self) -> None:
        self.closed += 1

    def _stream(self, cancel):
        plan = self.plans.popleft() if self.plans else None
        if isinstance(plan, BaseException):
            raise plan
        if callable(plan):
            stream = plan(cancel)
        else:
            stream = FakeStream(cancel, *(plan or ()))
            if plan is not None:
                stream.finish()
        with self._opened:
            self.streams.append(stream)
            self._opened.notify_all()
        return stream

    def stream(self, number: int = 0) -> FakeStream:
        """Wait until so many streams and one more have been opened; give that one."""
        with self._opened:
            assert self._opened.wait_for(lambda: len(self.streams) > number, WAIT), "no send"
        return self.streams[number]


def asking(*names, text="", plus=(), ids=None):
    """A plan for `FakeClient`: an answer that calls these tools, with the ids c0, c1 and so on."""
    ids = [f"c{place}" for place in range(len(names))] if ids is None else ids
    calls = [ToolCallDelta(place, ids[place], name, "{}") for place, name in enumerate(names)]
    parts = [*([text] if text else []), *calls, *plus, Finish("tool_calls")]

    def plan(cancel):
        stream = FakeStream(cancel, *parts)
        stream.finish()
        return stream

    return plan


class Log(list):
    """Records the callbacks' arguments, in order; `callbacks()` are the options for a session."""

    def callbacks(self) -> dict:
        return {
            "on_answer": lambda answer: self.append(("answer", answer.delta)),
            "on_finish": lambda outcome: self.append(("finish", outcome.reason)),
            "on_error": lambda error: self.append(("error", str(error))),
        }

    def of(self, kind: str) -> list:
        return [what for name, what in self if name == kind]


class FakeUI:
    """A dispatcher: keeps what it is given until `run`, which calls it on the test's thread."""

    def __init__(self) -> None:
        self.calls: queue.SimpleQueue = queue.SimpleQueue()
        self.given = 0
        self.delays: list[float] = []

    def __call__(self, function, delay=0.0):
        self.given += 1
        self.delays.append(delay)
        self.calls.put(function)

    @property
    def waiting(self) -> int:
        return self.calls.qsize()

    def run(self) -> int:
        """Run what waits, and nothing that comes meanwhile; return how many calls."""
        count = self.calls.qsize()
        for _ in range(count):
            self.calls.get()()
        return count

    def run_until(self, fact) -> None:
        """Run calls as they come, until `fact()`."""
        while not fact():
            self.calls.get(timeout=WAIT)()


class CtrlCAt:
    """A block that Ctrl-C ends at one of its calls, where the interpreter looks for signals.

    A finalizer would lose the exception, and the conditions of `threading` would not survive it, so
    their calls do not count, and no garbage is collected. With `within`, only the calls inside that
    function count.
    """

    def __init__(self, number: int, within: Callable[..., object] | None = None) -> None:
        self._left = number
        self._within = None if within is None else within.__code__

    @property
    def came(self) -> bool:
        """Whether the block had that many calls."""
        return self._left <= 0

    def __enter__(self) -> CtrlCAt:
        gc.disable()
        sys.setprofile(self._look)
        return self

    def __exit__(self, kind, error, traceback) -> bool:
        sys.setprofile(None)
        gc.enable()
        return kind is KeyboardInterrupt

    def _look(self, frame, event, argument) -> None:
        if event not in ("call", "c_return") or frame.f_code is CtrlCAt.__exit__.__code__:
            return
        codes = []
        while frame is not None:
            codes.append(frame.f_code)
            frame = frame.f_back
        if any(code.co_name == "__del__" for code in codes):
            return
        if codes[0].co_filename == threading.__file__:
            return
        if self._within is None or self._within in codes:
            self._left -= 1
            if not self._left:
                raise KeyboardInterrupt


def eventually(event: threading.Event) -> None:
    assert event.wait(WAIT), "it did not happen"


def reading(session, client):
    """A turn that is streaming, with its stream."""
    stream = session.send({})
    client.streams[-1].feed("Hel")
    next(stream)
    return stream


def said(messages) -> list:
    """Return roles and texts."""
    return [(message.role, message.content) for message in messages]


def talk(session) -> list:
    """The conversation of a session, with ids and statuses."""
    return [
        (message.id, message.role, message.content, message.status) for message in session.messages
    ]
