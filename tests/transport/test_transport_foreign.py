"""An exception that the wire did not raise leaves chatsdk as itself."""

from __future__ import annotations

import contextlib
import errno
import signal
import threading
import traceback
import types

import pytest
import requests
from provoking import CHUNK, HELLO, opened_way, part_of

from chatsdk import (
    ChatClient,
    ChatError,
    ConnectError,
    HTTPStatusError,
    Retry,
    StreamInterrupted,
    dialects,
    use_chat,
)
from chatsdk.testing import Authority, ChatServer, UnansweredPort
from chatsdk.transport import cancel
from chatsdk.transport.foreign_exceptions import foreign

pytestmark = pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals here")


class Limit(Exception):
    """The time limit of a task queue."""


class LimitAsTimeout(TimeoutError):
    """One that is also a timeout."""


class LimitAsReset(ConnectionResetError):
    """One that is also an error of the socket."""


class LimitAsValue(ValueError):
    """One that is also what decoders raise."""


LIMITS = [
    Limit("over"),
    LimitAsTimeout("over"),
    LimitAsReset("over"),
    LimitAsValue("over"),
    TimeoutError("timed out"),
    OSError(5, "Input/output error"),
    requests.ReadTimeout("over"),
]


@pytest.fixture(scope="module")
def authority():
    authority = Authority()
    yield authority
    authority.close()


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


@pytest.fixture
def client(server):
    with ChatClient(server.url) as client:
        yield client


@pytest.fixture(params=LIMITS, ids=lambda limit: type(limit).__name__)
def limit(request):
    """A unique exception for each test, which a handler is to raise."""
    return type(request.param)(*request.param.args)


@contextlib.contextmanager
def signalled(limit, fact=None, *, after=0.0):
    """Have a handler raise `limit` in this thread, as soon as `fact()` returns."""

    def handler(number, frame):
        raise limit

    this = threading.get_ident()

    def send():
        if fact is not None:
            fact()
        if after:
            threading.Event().wait(after)
        signal.pthread_kill(this, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, handler)
    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        thread.join(10)
        signal.signal(signal.SIGUSR1, before)


def modules_of(error):
    """The modules of the frames in an exception's traceback."""
    return [frame.f_globals["__name__"] for frame, _ in traceback.walk_tb(error.__traceback__)]


def check(caught, limit):
    """It is the very exception, with the handler's frame and none of the wire."""
    assert caught.value is limit
    modules = modules_of(limit)
    assert modules[-1] == __name__
    assert not {name for name in modules if name.startswith(("requests", "urllib3", "http"))}
    assert not {name for name in modules if name.startswith("chatsdk.transport")}


def test_while_connecting(limit):
    """It ends the attempt, and no further address or attempt follows."""
    with UnansweredPort() as port, ChatClient(port.url, timeout=5) as client:
        # No event shows that a connection is being made; before that, the test is as valid.
        with signalled(limit, after=0.1), pytest.raises(type(limit)) as caught:
            client.send({})
    check(caught, limit)


def test_in_a_tls_handshake(limit, authority):
    """It ends the handshake."""
    with opened_way("tls", authority) as way, way.client() as client:
        broken = way.server.break_connection("half-handshake")
        with signalled(limit, lambda: way.server.wait_for_connections(1)):
            with pytest.raises(type(limit)) as caught:
                client.send({})
        assert broken is not None
    check(caught, limit)


def test_while_waiting_for_the_head(server, client, limit):
    """The backend sees the client go, and gets no second request."""
    silent = server.silent()
    with signalled(limit, silent.wait_for_request), pytest.raises(type(limit)) as caught:
        client.send({})
    check(caught, limit)
    silent.wait_for_disconnect()
    assert len(server.requests) == 1


@pytest.mark.parametrize("way", ["deltas", "result"])
def test_in_the_body(server, client, limit, way):
    """Reading the answer ends with it, and so does the connection."""
    script = server.stream()
    script.push(CHUNK % b"Hel")
    stream = client.send({})
    next(stream)
    with signalled(limit, after=0.05), pytest.raises(type(limit)) as caught:
        list(stream.deltas()) if way == "deltas" else stream.result()
    check(caught, limit)
    script.wait_for_disconnect()
    assert stream.answer.text == "Hel"
    assert len(server.requests) == 1


def test_the_peer_is_gone_too(server, client, limit, monkeypatch):
    """A socket that cannot be shut down any more does not replace what the handler raised."""

    def not_connected(self, how):
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    monkeypatch.setattr(cancel._Duplicate, "shutdown", not_connected)
    silent = server.silent()
    with signalled(limit, silent.wait_for_request), pytest.raises(type(limit)) as caught:
        client.send({})
    check(caught, limit)


def test_while_waiting_to_send_again(server, client, limit):
    """It ends the wait, and nothing is sent again."""
    # The reader of an error is imported at the first one, and Python's import drops an OSError.
    with pytest.raises(HTTPStatusError):
        client.send({})
    busy = server.busy(retry_after=30)
    with signalled(limit, busy.wait_until_ended), pytest.raises(type(limit)) as caught:
        client.send({})
    check(caught, limit)
    assert len(server.requests) == 2


def test_in_a_session(server, limit):
    """The turn ends with it and reports it once."""
    ends = []
    script = server.stream()
    script.push(CHUNK % b"Hel")
    with use_chat(server.url, on_finish=ends.append) as chat:
        with signalled(limit, script.wait_until_sent), pytest.raises(type(limit)) as caught:
            chat.run({})
        assert chat.done
        assert [end.reason for end in ends] == ["error"]
    check(caught, limit)
    script.wait_for_disconnect()


def test_in_a_callback(server, limit):
    """A handler's exception in a callback is no failure of the callback: it is not swallowed."""
    ends = []
    server.stream(HELLO)

    def show(answer):
        signal.raise_signal(signal.SIGUSR1)

    def handler(number, frame):
        raise limit

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with use_chat(server.url, on_answer=show, on_finish=ends.append) as chat:
            with pytest.raises(type(limit)) as caught:
                chat.run({})
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert caught.value is limit
    assert len(ends) == 1


def test_a_waiter_that_is_interrupted(server, limit):
    """It leaves the turn alone, which ends by itself."""
    script = server.stream()
    with use_chat(server.url) as chat:
        handle = chat.start({})
        with signalled(limit, after=0.05), pytest.raises(type(limit)) as caught:
            handle.result()
        assert caught.value is limit
        assert not handle.done
        script.push(CHUNK % b"Hello")
        script.push("data: [DONE]\n\n")
        script.finish()
        assert handle.result().text == "Hello"


# --- functions of the user ------------------------------------------------------------------------


class Refused(Exception):
    """An exception of a function of the user."""


RAISED = [Refused("no"), requests.ConnectionError("no"), TimeoutError("timed out"), ValueError("x")]


@pytest.fixture(params=RAISED, ids=lambda error: type(error).__name__)
def raised(request):
    """A unique exception for each test, which a user's function is to raise."""
    return type(request.param)(*request.param.args)


def raising(error):
    """A function that raises `error`, whatever it is given."""

    def fail(*_, **__):
        raise error

    return fail


def test_a_tap(server, raised):
    """A tap's exception ends the stream as itself."""
    script = server.stream()
    script.push(CHUNK % b"Hel")
    with ChatClient(server.url, tap=raising(raised)) as client:
        with pytest.raises(type(raised)) as caught:
            client.send({}).result()
    check(caught, raised)
    script.wait_for_disconnect()


def test_a_token(server, raised):
    """So does that of a token, and nothing is sent."""
    with ChatClient(server.url, token=raising(raised)) as client:
        with pytest.raises(type(raised)) as caught:
            client.send({})
    check(caught, raised)
    assert server.requests == []


def test_an_auth(server, raised):
    """So does that of the session's auth."""
    with requests.Session() as http, ChatClient(server.url, http=http) as client:
        http.auth = raising(raised)
        with pytest.raises(type(raised)) as caught:
            client.send({})
    check(caught, raised)
    assert server.requests == []


def test_an_auth_that_asks_for_a_token(server):
    """An auth that fails to reach its own server raises the exception of requests."""

    def fetch(prepared):
        requests.post("http://127.0.0.1:1", timeout=5)

    with requests.Session() as http, ChatClient(server.url, http=http) as client:
        http.auth = fetch
        with pytest.raises(requests.ConnectionError) as caught:
            client.send({})
    assert modules_of(caught.value)[-1] == __name__


def test_a_hook(server, raised):
    """So does that of a hook for responses."""
    server.stream(HELLO)
    with requests.Session() as http, ChatClient(server.url, http=http) as client:
        http.hooks["response"] = raising(raised)
        with pytest.raises(type(raised)) as caught:
            client.send({})
    check(caught, raised)


@pytest.mark.parametrize("error", [Refused("no"), ValueError("x"), KeyError("x")], ids=repr)
def test_an_adapter(server, error):
    """An adapter's own mistake is not an error of the wire."""

    class Adapter(requests.adapters.HTTPAdapter):
        send = raising(error)

    with requests.Session() as http, ChatClient(server.url, http=http) as client:
        http.mount("http://", Adapter())
        with pytest.raises(type(error)) as caught:
            client.send({})
    assert caught.value is error


def test_the_thread_of_a_turn(server, raised):
    """`result()` raises what the turn's thread raised."""
    server.stream(HELLO)
    ends = []
    with ChatClient(server.url, tap=raising(raised)) as client:
        with use_chat(client, on_finish=ends.append) as chat:
            with pytest.raises(type(raised)) as caught:
                chat.start({}).result()
    assert caught.value is raised
    assert len(ends) == 1


def test_a_base_exception_in_the_thread_of_a_turn(server):
    """That holds for an exception that is not an `Exception`, too."""

    class Killed(BaseException):
        pass

    server.stream(HELLO)
    with ChatClient(server.url, tap=raising(Killed())) as client, use_chat(client) as chat:
        with pytest.raises(Killed):
            chat.start({}).result()
        assert chat.outcome.reason == "stopped"


# --- what is left as it was -----------------------------------------------------------------------


def test_errors_of_the_wire_are_translated(server, client):
    """A connection that breaks off in a body is a `StreamInterrupted`."""
    server.cut_after(len(CHUNK) - 10, CHUNK % b"Hel" + CHUNK % b"lo", how="reset")
    with pytest.raises(StreamInterrupted):
        client.send({}).result()


def test_a_mock_that_raises(server):
    """An adapter that raises what requests raises is taken at its word."""

    class Adapter(requests.adapters.HTTPAdapter):
        send = raising(requests.ConnectionError("gone"))

    with requests.Session() as http:
        http.mount("http://", Adapter())
        with ChatClient(server.url, http=http, retry=Retry(attempts=1)) as client:
            with pytest.raises(ConnectError):
                client.send({})


def test_an_exception_that_the_caller_handles(server):
    """It is neither used as the cause of chatsdk's error nor changed."""
    server.drop()
    with ChatClient(server.url) as client:
        handled = TimeoutError("the caller's")
        try:
            raise handled
        except TimeoutError:
            with pytest.raises(StreamInterrupted):
                client.send({}).result()
        assert modules_of(handled) == [__name__]


def test_a_time_limit_of_a_greenlet():
    """A plain `TimeoutError` that was thrown into the wait for a socket is not the socket's."""

    def wait(error):
        raise error

    def reported(error):
        try:
            part_of(types.ModuleType("gevent._socket3"), wait)(error)
        except TimeoutError as caught:
            return foreign(caught)

    limit = TimeoutError()
    assert reported(limit) is limit
    assert reported(TimeoutError("timed out")) is None
    assert reported(TimeoutError(110, "Connection timed out")) is None


def test_the_next_request(limit):
    """The client can be used again."""
    with ChatServer() as server, ChatClient(server.url) as client:
        silent = server.silent()
        with signalled(limit, silent.wait_for_request), contextlib.suppress(type(limit)):
            client.send({})
        server.stream(HELLO)
        assert client.send({}).result().text == "Hello"


def test_a_chat_error_stays(server, client):
    """A refusal is reported as before."""
    server.reply(400, json={"error": {"message": "no"}})
    with pytest.raises(ChatError, match="no"):
        client.send({})


# --- a dialect's mistakes -------------------------------------------------------------------------


@pytest.mark.parametrize("error", [OverflowError("x"), KeyError("x"), AssertionError, Refused("x")])
def test_a_dialect_that_cannot_read_a_refusal(server, error):
    """An exception in a dialect's `error()` is no excuse: the status and the body are reported."""

    class Overflowing(type(dialects.get("openai"))):
        pass

    Overflowing.error = raising(error)

    server.reply(401, body="who are you?")
    with ChatClient(server.url, dialect=Overflowing()) as client:
        with pytest.raises(HTTPStatusError) as caught:
            client.send({})
    assert (caught.value.status, caught.value.body) == (401, b"who are you?")
