"""A reader on a separate thread, the routes to a server, and checks for leftovers."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from chatsdk import AnswerStream, Cancel, ChatClient, Retry
from chatsdk.testing import Authority, ChatServer, ProxyServer

__all__ = [
    "CHUNK",
    "DONE",
    "HELLO",
    "PATIENCE",
    "STOP",
    "Reader",
    "Way",
    "descriptors",
    "leftovers",
    "nothing_left",
    "opened_way",
    "part_of",
    "wait_until",
]

CHUNK = b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n'
STOP = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"
HELLO = [CHUNK % b"Hel", CHUNK % b"lo", STOP, DONE]

# Seconds after which a test gives up waiting for a fact. A stop takes a thousandth of it.
PATIENCE = 10.0


def part_of(module: ModuleType, function: FunctionType) -> FunctionType:
    """Return `function` as if `module` had defined it: what it raises, the module raises."""
    names = {**function.__globals__, "__name__": module.__name__}
    return FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, function.__closure__
    )


def wait_until(fact: Callable[[], object], what: str = "it") -> None:
    """Wait for a fact without an event: a number of descriptors, of threads."""
    deadline = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not fact():
        assert time.monotonic() < deadline, f"{what} did not come about"
        pause.wait(0.002)


def nothing_left(before: tuple[int, list[str]]) -> None:
    """Wait until there are no more `leftovers` than there were before."""
    try:
        wait_until(lambda: leftovers() == before)
    except AssertionError:
        raise AssertionError(f"{before} became {leftovers()}") from None


def descriptors() -> int:
    """How many files and sockets this process has open."""
    return len(os.listdir("/proc/self/fd"))


def leftovers() -> tuple[int, list[str]]:
    """Open descriptors and running threads, the helper for deadlines aside."""
    # The test server numbers its threads.
    names = [thread.name.rstrip("0123456789") for thread in threading.enumerate()]
    return descriptors(), sorted(name for name in names if name != "chatsdk-deadlines")


class Reader:
    """Sends a request and reads its answer on a thread.

    Attributes:
        stream: what `send` returned, `None` before.
        error: what was raised, or `None`.
        ended_at: when the thread was done, in seconds of the monotonic clock.
    """

    def __init__(self, client: ChatClient, *, cancel: Cancel | None = None, **options: Any) -> None:
        self.cancel = Cancel() if cancel is None else cancel
        self.stream: AnswerStream | None = None
        self.error: BaseException | None = None
        self.ended_at = 0.0
        self.texts: list[str] = []
        self._sent = threading.Event()
        self._read = threading.Event()
        self._client = client
        self._options = options
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.stream = self._client.send({}, cancel=self.cancel, **self._options)
            self._sent.set()
            for answer in self.stream:
                self.texts.append(answer.delta)
                self._read.set()
        except BaseException as error:
            self.error = error
        finally:
            self.ended_at = time.monotonic()
            self._sent.set()

    def wait_until_sent(self) -> AnswerStream:
        assert self._sent.wait(PATIENCE), "send() did not return"
        assert self.stream is not None, self.error
        return self.stream

    def wait_until_read(self) -> None:
        assert self._read.wait(PATIENCE), "no answer was read"

    def join(self) -> None:
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the reader hangs"

    def stopped(self, stop: Callable[[], object] | None = None) -> tuple[float, float]:
        """Stop it; give the seconds that the caller and the reader took."""
        begun = time.monotonic()
        (stop or self.cancel.set)()
        returned = time.monotonic()
        self.join()
        return returned - begun, self.ended_at - begun


class Way:
    """A server, a client, and perhaps a proxy between them."""

    def __init__(
        self, name: str, server: ChatServer, proxy: ProxyServer | None, **options: Any
    ) -> None:
        self.name = name
        self.server = server
        self.proxy = proxy
        self.options = {"dialect": "openai", "retry": Retry(attempts=1)} | options
        if proxy is not None:
            self.options["proxies"] = {"http": proxy.url, "https": proxy.url}

    def client(self, url: str | None = None, **options: Any) -> ChatClient:
        return ChatClient(url or self.server.url, **(self.options | options))


@contextlib.contextmanager
def opened_way(name: str, authority: Authority) -> Iterator[Way]:
    """Open a way: plain, tls, forward (a plain proxy), tunnel (TLS through CONNECT)."""
    tls = name in ("tls", "tunnel")
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(ChatServer(tls=authority if tls else False))
        proxy = stack.enter_context(ProxyServer()) if name in ("forward", "tunnel") else None
        yield Way(name, server, proxy, **({"verify": authority.path} if tls else {}))
