"""However a stream ends, nothing is left over: no descriptor, no thread, no connection."""

from __future__ import annotations

import contextlib
import gc
import logging
import queue
import signal
import subprocess
import sys
import textwrap
import threading
import weakref

import pytest
import urllib3
from provoking import (
    CHUNK,
    HELLO,
    PATIENCE,
    Reader,
    leftovers,
    nothing_left,
    opened_way,
    wait_until,
)

from chatsdk import Cancel, ChatClient, ChatError, Retry, Timeout
from chatsdk.testing import Authority, ChatServer, UnansweredPort
from chatsdk.transport import deadlines

WAYS = ("plain", "tls", "forward", "tunnel")
EVENT = CHUNK % b"Hi"

# pytest-timeout uses SIGALRM, and SIGINT belongs to the developer who runs the tests.
SIGNAL = signal.SIGUSR1


@pytest.fixture(scope="module")
def authority():
    authority = Authority()
    yield authority
    authority.close()


@pytest.fixture(params=WAYS)
def way(request, authority):
    with opened_way(request.param, authority) as way:
        yield way


@pytest.fixture
def plain(authority):
    with opened_way("plain", authority) as way:
        yield way


def half_read(way, client):
    """A stream of which the first event was read, and what the server knows of it."""
    script = way.server.silent(head=True, body=EVENT)
    stream = client.send({})
    assert next(stream).text == "Hi"
    return stream, script


def sound(way, client) -> None:
    way.server.stream(HELLO)
    assert client.send({}).result().text == "Hello"


# --- given up in the middle ---------------------------------------------------------------------


def test_dropped_half_way(way):
    """A stream without references is closed at once."""
    with way.client() as client:
        stream, script = half_read(way, client)
        gc.disable()
        try:
            gone = weakref.ref(stream)
            del stream
            assert gone() is None
            script.wait_for_disconnect()
        finally:
            gc.enable()
        sound(way, client)


def test_dropped_before_the_first_step(way):
    """One that was never iterated is closed as well."""
    with way.client() as client:
        script = way.server.silent(head=True, body=EVENT)
        client.send({})
        script.wait_for_disconnect()
        sound(way, client)


def test_dropped_while_deadlines_run(plain):
    """The thread that watches the deadlines references no stream."""
    with plain.client(timeout=600) as client:
        stream, script = half_read(plain, client)
        gone = weakref.ref(stream)
        del stream
        assert gone() is None
        script.wait_for_disconnect()


def test_text_pieces_dropped_half_way(way):
    """Leaving a loop over `deltas()` closes the stream, though it still has a name."""
    with way.client() as client:
        script = way.server.silent(head=True, body=EVENT)
        stream = client.send({})
        for text in stream.deltas():
            assert text == "Hi"
            break
        script.wait_for_disconnect()
        assert stream.outcome.reason == "stopped"
        sound(way, client)


@pytest.mark.parametrize("timeout", [None, 600])
@pytest.mark.parametrize("with_client", [False, True])
def test_in_a_reference_cycle(way, with_client, timeout, recwarn):
    """The garbage collector closes a stream in a cycle, without a warning about its socket."""
    client = way.client(timeout=timeout)
    stream, script = half_read(way, client)

    class Holder:
        pass

    holder = Holder()
    holder.itself, holder.stream = holder, stream
    gone = weakref.ref(stream)
    if with_client:
        holder.client = client
        client = None
    del stream, holder
    assert gone() is not None
    gc.collect()
    assert gone() is None
    script.wait_for_disconnect()
    assert [str(warning.message) for warning in recwarn] == []
    if client is not None:
        sound(way, client)
        client.close()


def test_an_exception_in_the_loop(way):
    """The user's own exception is raised, and then the stream is closed."""
    with way.client() as client:
        script = way.server.silent(head=True, body=EVENT)

        def read() -> None:
            for _ in client.send({}):
                raise LookupError("mine")

        with pytest.raises(LookupError, match="mine") as caught:
            read()
        # As long as the traceback is there, so is the loop.
        del caught
        gc.collect()
        script.wait_for_disconnect()
        sound(way, client)


def test_an_exception_in_a_with_block(way):
    """A `with` block closes the stream while the exception is still under way."""
    with way.client() as client:
        script = way.server.silent(head=True, body=EVENT)
        stream = client.send({})

        def read() -> None:
            with stream:
                for _ in stream:
                    raise LookupError("mine")

        with pytest.raises(LookupError, match="mine"):
            read()
        script.wait_for_disconnect()
        assert stream.outcome.reason == "stopped"
        sound(way, client)


def test_a_wsgi_server_that_closes(way):
    """The browser leaves, the WSGI server calls `close()` on the body (PEP 3333)."""
    flask = pytest.importorskip("flask")
    app = flask.Flask(__name__)
    script = way.server.silent(head=True, body=EVENT)
    streams = []

    @app.get("/")
    def view():
        stream = client.send({})
        streams.append(stream)
        return flask.Response(stream.deltas(), mimetype="text/plain")

    with way.client() as client:
        response = app.test_client().get("/", buffered=False)
        assert next(response.response) == b"Hi"
        response.close()
        script.wait_for_disconnect()
        assert streams[0].outcome.reason == "stopped"
        sound(way, client)


# --- interrupted ---------------------------------------------------------------------------------


@contextlib.contextmanager
def signalled_when(fact, function):
    """Call `function` in a signal handler of this thread, soon after `fact` has returned."""
    main = threading.main_thread().ident
    called = threading.Event()

    def handle(*_) -> None:
        if not called.is_set():
            called.set()
            function()

    def run() -> None:
        fact()
        # A signal that comes just before a system call does not interrupt it, and Python's handler
        # waits for the call to return. So it is sent again, as who presses ^C does.
        while not called.wait(0.01):
            signal.pthread_kill(main, SIGNAL)

    before = signal.signal(SIGNAL, handle)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        called.set()
        thread.join(PATIENCE)
        signal.signal(SIGNAL, before)


def blocked() -> None:
    """Wait until the main thread waits for a socket."""
    main = threading.main_thread().ident
    # Python's calls of recv(), plain and under TLS, and connect().
    waiting = ("readinto", "read", "receive", "recv", "_reach")
    wait_until(lambda: sys._current_frames()[main].f_code.co_name in waiting, "blocking")


def interrupt() -> None:
    raise KeyboardInterrupt


BEFORE_THE_HEAD = {
    "silence": lambda way: way.server.silent().wait_for_request,
    "a dripping head": lambda way: way.server.drip(interval=0.05, part="head").wait_for_request,
    "an error": lambda way: way.server.error_body(10**6, interval=0.05).wait_for_request,
    "a page": lambda way: way.server.stream(content_type="text/html").wait_for_request,
}


@pytest.mark.parametrize("what", BEFORE_THE_HEAD)
def test_a_signal_handler_stops_send(way, what):
    """The handler runs in the very thread that waits in `send`."""
    cancel = Cancel()
    with way.client() as client:
        fact = BEFORE_THE_HEAD[what](way)
        with signalled_when(fact, cancel.set):
            stream = client.send({}, cancel=cancel)
        assert stream.outcome.reason == "stopped"
        sound(way, client)


@pytest.mark.parametrize("end", ["stop", "close"])
def test_a_signal_handler_stops_the_reader(way, end):
    """The handler runs in the very thread that waits for the next event."""
    with way.client() as client:
        stream, script = half_read(way, client)
        with signalled_when(blocked, getattr(stream, end)):
            assert list(stream) == []
        assert stream.outcome.reason == "stopped"
        script.wait_for_disconnect()
        sound(way, client)


def test_a_signal_handler_ends_the_wait_for_a_retry(plain, caplog):
    """The handler runs in the very thread that waits for the next attempt."""
    cancel = Cancel()
    plain.server.busy(20)
    with caplog.at_level("INFO", "chatsdk"), plain.client(retry=Retry()) as client:

        def waiting() -> None:
            wait_until(lambda: "sending again" in caplog.text)

        with signalled_when(waiting, cancel.set):
            stream = client.send({}, cancel=cancel)
        assert stream.outcome.reason == "stopped"
        assert len(plain.server.requests) == 1


@pytest.mark.parametrize("what", BEFORE_THE_HEAD)
def test_an_interrupt_in_send(way, what):
    """A KeyboardInterrupt comes through, and leaves no connection behind."""
    with way.client() as client:
        sound(way, client)
        before = leftovers()
        fact = BEFORE_THE_HEAD[what](way)
        with pytest.raises(KeyboardInterrupt), signalled_when(fact, interrupt):
            client.send({})
        way.server.wait_until_no_connections()
        sound(way, client)
        nothing_left(before)


def test_an_interrupt_in_the_reader(way):
    """So in the middle of the stream."""
    with way.client() as client:
        sound(way, client)
        before = leftovers()
        stream, script = half_read(way, client)
        with pytest.raises(KeyboardInterrupt), signalled_when(blocked, interrupt):
            list(stream)
        script.wait_for_disconnect()
        assert stream.outcome.reason == "stopped"
        assert stream.answer.text == "Hi"
        sound(way, client)
        nothing_left(before)


@pytest.mark.parametrize("name", ["tls", "tunnel"])
def test_an_interrupt_in_the_handshake(name, authority, recwarn):
    """The server sees the end of a handshake that was interrupted."""
    with opened_way(name, authority) as way, way.client() as client:
        sound(way, client)
        way.server.drop_connections()
        way.server.wait_until_no_connections()
        if way.proxy is not None:
            # It passes the end on: until then the client would use its connection again.
            way.proxy.wait_until_no_connections()
        broken = way.server.break_connection("half-handshake")
        with pytest.raises(KeyboardInterrupt):
            with signalled_when(broken.wait_until_halfway, interrupt):
                client.send({})
        broken.wait_for_disconnect()
        sound(way, client)
        gc.collect()
        assert [str(warning.message) for warning in recwarn] == []


def test_an_interrupt_while_connecting():
    """A connection attempt is given up with its socket."""
    with UnansweredPort() as port, ChatClient(port.url) as client:
        before = leftovers()
        with pytest.raises(KeyboardInterrupt), signalled_when(blocked, interrupt):
            client.send({})
        nothing_left(before)


# --- at any bytecode -----------------------------------------------------------------------------

# Modules whose locks a request takes: of a pool, of the pools, of the deadlines, of log handlers.
LOCKING = {
    queue.__file__,
    urllib3._collections.__file__,
    urllib3.connectionpool.__file__,
    deadlines.__file__,
    threading.__file__,
    logging.__file__,
}


def at_each_locking_line(run, interfere) -> int:
    """Call `interfere` at each line that `run` executes in these modules, on the same thread.

    A signal handler and a finalizer run so. Gives the number of calls.
    """
    calls = 0
    done = threading.Event()
    failures = []

    def trace(frame, event, _):
        nonlocal calls
        if event == "call":
            return trace if frame.f_code.co_filename in LOCKING else None
        if event == "line":
            calls += 1
            sys.settrace(None)
            interfere()
            sys.settrace(trace)
        return trace

    def traced() -> None:
        sys.settrace(trace)
        try:
            run()
        except BaseException as error:
            failures.append(error)
        finally:
            sys.settrace(None)
            done.set()

    threading.Thread(target=traced, daemon=True).start()
    assert done.wait(PATIENCE * 3), "deadlock"
    assert failures == []
    return calls


@pytest.fixture
def noisy(caplog):
    """urllib3 logs, so that the locks of logging are taken too."""
    with caplog.at_level("DEBUG"):
        yield


def test_stop_at_any_line(plain, noisy):
    """Stopping another stream inside a locked section of a request does not deadlock."""
    with plain.client() as client:
        stream, script = half_read(plain, client)
        cancel = Cancel()
        waiting = plain.server.silent()
        reader = Reader(client, cancel=cancel)
        waiting.wait_for_request()

        def interfere() -> None:
            stream.stop()
            cancel.set()

        calls = at_each_locking_line(lambda: sound(plain, client), interfere)
        assert calls > 50
        reader.join()
        assert (list(stream), stream.outcome.reason) == ([], "stopped")
        script.wait_for_disconnect()


@pytest.mark.parametrize("how", ["close", "drop", "collect"])
def test_an_end_at_any_line(plain, noisy, how):
    """So for `close()`, for dropping one, and for a garbage collection that finds some."""
    with plain.client() as client:
        plain.server.silent(head=True, body=EVENT, repeat=True)
        victims = [client.send({}) for _ in range(80)]
        for stream in victims[::2]:
            next(stream)
        count = 0

        def interfere() -> None:
            nonlocal count
            count += 1
            # Not at every line: they are more than there are victims.
            if count % 4 or not victims:
                return
            if how == "close":
                victims[-1].close()
            stream = victims.pop()
            if how == "collect":
                cycle = [stream]
                cycle.append(cycle)
                del cycle, stream
                gc.collect(0)

        gc.collect()
        at_each_locking_line(lambda: sound(plain, client), interfere)
        assert len(victims) < 70
        victims.clear()
        gc.collect()
        sound(plain, client)


def test_an_end_inside_the_lock_of_a_pool(plain):
    """While holding the very lock that returning a connection needs."""
    with plain.client() as client:
        plain.server.stream([*HELLO, b": more\n" * 100], repeat=True)
        streams = [client.send({}) for _ in range(3)]
        for stream in streams:
            next(stream)
        pool = streams[0]._source.exchange._body._raw._pool

        def run() -> None:
            with pool.pool.mutex:
                streams[0].close()
                streams[1].stop()
                cycle = [streams.pop()]
                cycle.append(cycle)
                del cycle
                gc.collect()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(PATIENCE)
        assert not thread.is_alive(), "deadlock"


# --- again and again -----------------------------------------------------------------------------


def cycle(way, client, number: int) -> None:
    """One request that ends in one of many ways."""
    script = way.server.silent(head=True, body=EVENT)
    match number % 5:
        case 0:
            reader = Reader(client)
            stream = reader.wait_until_sent()
            stream.stop()
            reader.join()
            assert reader.error is None
        case 1:
            stream = client.send({})
            next(stream)
            stream.close()
        case 2:
            client.send({})
        case 3:
            with contextlib.suppress(LookupError), client.send({}) as stream:
                next(stream)
                raise LookupError
        case 4:
            reader = Reader(client)
            script.wait_for_request()
            reader.cancel.set()
            reader.join()
            assert reader.error is None
    script.wait_for_disconnect()


def nothing_left_after(way, cycles: int) -> None:
    with way.client() as client:
        sound(way, client)
        for number in range(5):
            cycle(way, client, number)
        sound(way, client)
        before = leftovers()
        open_before = way.server.open_connections
        for number in range(cycles):
            cycle(way, client, number)
        sound(way, client)
        nothing_left(before)
        assert way.server.open_connections == open_before
    way.server.wait_until_no_connections()


def test_nothing_is_left_after_some_cycles(way):
    """Descriptors, threads and connections are as many as before."""
    nothing_left_after(way, 20)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "cycles"), [("plain", 500), ("tls", 200), ("tunnel", 200)])
def test_nothing_is_left_after_many_cycles(name, cycles, authority):
    """So after hundreds."""
    with opened_way(name, authority) as way:
        nothing_left_after(way, cycles)


def test_the_helper_thread_goes(plain):
    """When nothing is under way there is no thread any more, long before the deadlines."""
    with plain.client(timeout=600) as client:
        sound(plain, client)
        stream, _ = half_read(plain, client)
        names = [thread.name for thread in threading.enumerate()]
        assert names.count("chatsdk-deadlines") <= 1
        stream.close()

        def gone() -> bool:
            return all(thread.name != "chatsdk-deadlines" for thread in threading.enumerate())

        wait_until(gone, "the end of the helper thread")
        # And comes again.
        plain.server.silent()
        reader = Reader(client)
        reader.stopped()


def test_one_helper_thread_for_all_streams(plain):
    """Twenty streams with deadlines have one thread between them."""
    with plain.client(timeout=600) as client:
        plain.server.silent(head=True, body=EVENT, repeat=True)
        streams = [client.send({}) for _ in range(20)]
        names = [thread.name for thread in threading.enumerate()]
        assert names.count("chatsdk-deadlines") == 1
        for stream in streams:
            stream.close()


def test_an_exit_in_mid_stream_is_quiet():
    """A script that ends with an open stream prints nothing about it."""
    with ChatServer() as server:
        server.silent(head=True, body=EVENT, repeat=True)
        script = f"""
            from chatsdk import ChatClient
            client = ChatClient({server.url!r}, dialect="openai")
            stream = client.send({{}})
            other = client.send({{}})
            print(next(stream).text)
            cycle = [other]
            cycle.append(cycle)
        """
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-c", textwrap.dedent(script)],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert (done.stdout, done.stderr) == ("Hi\n", "")


def test_a_closed_client_has_no_connection(way):
    """Closing the client closes the idle connection, even if the answer is still referenced."""
    way.server.stream(HELLO)
    with way.client() as client:
        stream = client.send({})
        stream.result()
    way.server.wait_until_no_connections()
    assert stream.answer.text == "Hello"


# --- what errors hold ----------------------------------------------------------------------------

FAILURES = {
    "no answer": lambda server: server.drop(),
    "silence": lambda server: server.silent(),
    "a status": lambda server: server.reply(500),
    "a body that does not come": lambda server: server.error_body(100, interval=0.2),
    "a redirect": lambda server: server.redirect("/elsewhere"),
    "a retry": lambda server: (server.busy(retry_after=0), server.busy(retry_after=0)),
    "a page": lambda server: server.reply(body="<p>", content_type="text/html"),
    "a broken document": lambda server: server.cut_after(
        5, '{"answer": 1}', content_type="application/json"
    ),
}


@pytest.mark.parametrize("what", FAILURES)
def test_an_error_of_send_is_freed_with_its_last_reference(plain, what):
    """Frames in which a token is a variable do not wait for a garbage collection."""
    FAILURES[what](plain.server)
    options = {"retry": Retry(backoff=0), "timeout": Timeout.of(0.3)}
    gc.collect()
    gc.disable()
    try:
        with plain.client(**options) as client:
            try:
                client.send({})
            except ChatError as error:
                dropped = weakref.ref(error)
        assert dropped() is None
    finally:
        gc.enable()
