"""The cost of an event, counted in calls and not in time, so a slow-down is seen at once.

The bounds are a few calls above the counts. To need more of them for a good reason, raise
a bound; `benchmarks/` shows what that costs.
"""

from __future__ import annotations

import gc
import queue
import sys
import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace

import pytest
import requests
import urllib3
from scripted_socket import CHUNKED, WholeSocket, chunk

from chatsdk import ChatClient, ChatSession, Limits, Outcome, Timeout, dialects
from chatsdk.cli.event_text import in_json, in_table
from chatsdk.cli.event_watch import Watch
from chatsdk.client.reader import AnswerReader
from chatsdk.client.stream import AnswerStream
from chatsdk.testing import ChatServer
from chatsdk.transport.cancel import CancelScope
from chatsdk.transport.exchange import Exchange
from chatsdk.transport.http1.chunked import CoalescingResponse
from chatsdk.transport.redaction import Secrets
from chatsdk.web.frames import Wording, parts_of

# Two numbers of events: what differs between them is not the start or the end of a stream.
FEW, MANY = 100, 600

# Events in one piece of body, as they come where a backend is faster than its reader.
GROUP = 50


class Pieces:
    """Replaces a connection: the pieces of a body, then its end."""

    content_type = "text/event-stream"
    delimited = True
    status = 200
    request_id = None
    attempts = 1
    released = False
    at = 0.0

    def __init__(self, pieces):
        self._next = iter(pieces).__next__
        self.headers = {}
        self.received = 0
        self.scope = SimpleNamespace(reason=None, reasons=[])
        self.secrets = SimpleNamespace(scrub=lambda error: error)

    def read(self):
        try:
            data = self._next()
        except StopIteration:
            return b""
        self.received += len(data)
        return data

    def begin_events(self):
        pass

    drain = close = close_from_finalizer = begin_events


def stream_of(dialect, frames):
    pieces = [b"".join(frames[at : at + GROUP]) for at in range(0, len(frames), GROUP)]
    exchange = Pieces(pieces)
    reader = AnswerReader(exchange, dialect, Limits(), started=0.0, server_stop=lambda: None)
    return AnswerStream(reader)


def frames_of(name, count):
    """That many events of text, and the end, as the dialect's own encoder writes them."""
    from chatsdk.parts import Finish, Text

    return list(dialects.get(name).encode([*[Text("Hello")] * count, Finish("stop")]))


def calls_in(function):
    """Run it; return how many Python functions were entered, generators' resumptions included."""
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        if event == "call":
            calls += 1

    before = sys.getprofile()
    # A collection would call the finalizers of earlier tests' objects.
    gc.disable()
    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(before)
        gc.enable()
    return calls


# Calls that come once in a run are less than half a call an event.
ONE_OFF = 0.5


def calls_an_event(run):
    few, many = (calls_in(run(count)) for count in (FEW, MANY))
    return (many - few) / (MANY - FEW)


@pytest.mark.parametrize(
    ("name", "most"), [("openai", 10), ("anthropic", 11), ("ragflow", 27), ("auto", 11)]
)
def test_calls_of_an_event(name, most):
    """An event of text takes no more Python calls than it did, from the body to the answer."""

    def run(count):
        frames = frames_of("openai" if name == "auto" else name, count)

        def read():
            assert sum(len(answer.delta) for answer in stream_of(dialects.get(name), frames)) == (
                count * len("Hello")
            )

        return read

    assert calls_an_event(run) < most + ONE_OFF


def opened_alone(frames, made):
    """A stream over a real response; each event has its own chunk and `recv`."""
    wire = WholeSocket([CHUNKED, *map(chunk, frames), b"0\r\n\r\n"])
    made.append(wire)
    body = CoalescingResponse(wire, method="POST")
    body.begin()
    response = requests.Response()
    response.status_code = 200
    response.headers.update(body.getheaders())
    response.raw = urllib3.HTTPResponse(
        body, headers=response.headers, preload_content=False, original_response=body
    )
    exchange = Exchange(
        response,
        scope=CancelScope(),
        cancels=(),
        timeout=Timeout(),
        limits=Limits(),
        secrets=Secrets(),
        tap=None,
        unreturned=deque(),
    )
    dialect = dialects.get("openai")
    reader = AnswerReader(exchange, dialect, Limits(), started=0.0, server_stop=lambda: None)
    return AnswerStream(reader)


@pytest.fixture
def made():
    """The sockets of a test, to be closed after it."""
    found = []
    yield found
    for wire in found:
        wire.close()


def test_calls_of_an_event_that_comes_alone(made):
    """At a model's pace an event is read with one `recv` and no more calls than it was."""
    frames = {count: frames_of("openai", count) for count in (FEW, MANY)}

    def run(count):
        stream = opened_alone(frames[count], made)
        return lambda: sum(len(answer.delta) for answer in stream)

    assert calls_an_event(run) < 19 + ONE_OFF
    few, many = (len(wire.asked) for wire in made)
    assert many - few == MANY - FEW


def test_calls_of_a_step_in_a_session():
    """A session with one callback calls a function for a step in place of the stream's own."""
    frames = {count: frames_of("openai", count) for count in (FEW, MANY)}

    def run(count):
        def send(body, *, cancel=None, **_):
            return stream_of(dialects.get("openai"), frames[count])

        openai = dialects.get("openai")
        client = SimpleNamespace(send=send, dialect=openai, ask_dialect=openai, url="http://x/")
        shown = []

        def converse():
            session = ChatSession(client, on_answer=shown.append)
            session.run({})
            assert len(shown) >= count

        return converse

    def without(count):
        def read():
            for _ in stream_of(dialects.get("openai"), frames[count]):
                pass

        return read

    assert calls_an_event(run) < calls_an_event(without) + ONE_OFF


def test_calls_of_an_event_in_a_relay():
    """A relay enters five functions for an event beside those of the stream that it reads."""
    frames = {count: frames_of("openai", count) for count in (FEW, MANY)}

    def run(relayed, count):
        def read():
            stream = stream_of(dialects.get("openai"), frames[count])
            deque(Wording(dialects.get("vercel")).counted(parts_of(stream)) if relayed else stream)

        return read

    # What the first relay imports and caches is not counted.
    run(True, FEW)()
    alone, relayed = (calls_an_event(partial(run, relayed)) for relayed in (False, True))
    assert relayed < alone + 5 + ONE_OFF


@pytest.mark.parametrize(("group", "most"), [(GROUP, 2), (1, 15)])
@pytest.mark.parametrize("lines_of", [in_json, lambda rows: in_table(rows, 60)])
def test_calls_of_a_row(lines_of, group, most):
    """The rows of `chatsdk inspect` are made for a read, with one call for an event in a burst."""
    frames = {count: frames_of("openai", count) for count in (FEW, MANY)}

    def run(count):
        lines = []
        watch = Watch(dialects.get("openai"), lambda rows: lines.extend(lines_of(rows)))

        def read():
            for at in range(0, count, group):
                watch(b"".join(frames[count][at : at + group]), 1.0)
            assert len(lines) == count

        return read

    assert calls_an_event(run) < most + ONE_OFF


# Seconds that a test waits for a fact at most.
WAIT = 20.0


class Walk:
    """The functions of chatsdk that a piece of work enters, on all threads but the deadlines'."""

    def __init__(self) -> None:
        self.entered: list[tuple[str, str]] = []
        self._on = False

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Record what is entered inside the block, but for finalizers of what came before."""
        gc.collect()
        gc.disable()
        self.entered.clear()
        self._on = True
        try:
            yield
        finally:
            self._on = False
            gc.enable()

    def note(self, frame, event, argument) -> None:
        if not self._on or event != "call":
            return
        _, chatsdk, place = frame.f_code.co_filename.replace("\\", "/").rpartition("/chatsdk/")
        if chatsdk and not place.startswith("testing/"):
            if threading.current_thread().name != "chatsdk-deadlines":
                self.entered.append((place, frame.f_code.co_name))

    @property
    def files(self) -> set[str]:
        return {place for place, _ in self.entered}


@pytest.fixture
def walk():
    """A `Walk` that watches this thread, and those that are started from now on."""
    made = Walk()
    before = sys.getprofile()
    threading.setprofile(made.note)
    sys.setprofile(made.note)
    yield made
    sys.setprofile(before)
    threading.setprofile(None)


class Window:
    """A dispatcher whose calls run on the test's thread, and one turn that is shown in it."""

    def __init__(self, url) -> None:
        self._calls = queue.SimpleQueue()
        self.ended = False
        self._client = ChatClient(f"{url}/v1/chat/completions", dialect="openai")
        self.session = ChatSession(
            self._client,
            dispatch=lambda function, delay=0.0: self._calls.put(function),
            throttle=0,
            on_answer=self._show,
            on_finish=self._end,
        )
        self._shown = 0

    def _show(self, answer) -> None:
        self._shown += len(answer.delta)

    def _end(self, outcome) -> None:
        self.ended = True

    def run_until(self, fact) -> None:
        while not fact():
            self._calls.get(timeout=WAIT)()

    def start(self, script, frames) -> None:
        """Start a turn, and show these frames of text, each before the next one is sent."""
        self.ended, self._shown = False, 0
        self.handle = self.session.start({})
        for number, frame in enumerate(frames, 1):
            script.push(frame)
            self.run_until(lambda number=number: self._shown == number * len("Hello"))

    def show(self, script, frame) -> None:
        before = self._shown
        script.push(frame)
        self.run_until(lambda: self._shown > before)

    def wait(self) -> None:
        """Wait for the turn's thread, and show how the turn ended."""
        assert self.handle.wait(WAIT)
        self.run_until(lambda: self.ended)

    def close(self) -> None:
        self.session.close()
        self._client.close()


def texts(count):
    """Frames of text without the first and the last ones of an answer."""
    return frames_of("openai", count + 20)[5 : 5 + count]


def test_files_of_an_event(walk):
    """From the socket to the step, an event enters one file for each thing that is done to it."""
    with ChatServer() as server:
        server.answer("openai", "Hello")
        script = server.stream()
        with ChatClient(f"{server.url}/v1/chat/completions", dialect="openai") as client:
            client.send({}).result()
            with client.send({}) as stream:
                for frame in texts(20):
                    script.push(frame)
                    next(stream)
                script.push(frame)
                with walk.recorded():
                    next(stream)
    assert len(walk.files) <= 13


def test_files_of_a_turn(walk):
    """A turn in a window: an event, a send and a stop enter no more files than they did."""
    with ChatServer() as server:
        server.answer("openai", "Hello")
        script = server.stream()
        window = Window(server.url)
        window.session.run({})
        window.run_until(lambda: window.ended)
        *frames, one = texts(21)
        window.start(script, frames)
        with walk.recorded():
            window.show(script, one)
        assert len(walk.files) <= 20
        with walk.recorded():
            window.session.stop()
            window.wait()
        assert len(walk.files) <= 27
        server.stream()
        with walk.recorded():
            stream = window.session.send({})
        assert len(walk.files) <= 47
        stream.close()
        window.close()


def test_files_of_an_error(walk):
    """A reset connection enters no more files than it did before its error is shown."""
    with ChatServer() as server:
        script = server.stream()
        window = Window(server.url)
        window.start(script, texts(20))
        with walk.recorded():
            script.cut(reset=True)
            window.wait()
        assert len(walk.files) <= 26
        window.close()


def test_a_stop_closes_once(walk, monkeypatch):
    """A stop closes the response once, and makes one outcome."""
    with ChatServer() as server:
        script = server.stream()
        window = Window(server.url)
        window.start(script, texts(5))
        made = Counter()
        init = Outcome.__init__

        def count(self, *args, **options):
            made[args[0]] += 1
            init(self, *args, **options)

        with monkeypatch.context() as patched, walk.recorded():
            patched.setattr(Outcome, "__init__", count)
            window.session.stop()
            window.wait()
        window.close()
    ends = [name for place, name in walk.entered if place == "transport/exchange.py"]
    assert [name for name in ends if name in ("close", "close_from_finalizer", "drain")] == [
        "close"
    ]
    assert made == {"stopped": 1}
