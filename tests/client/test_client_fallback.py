"""`ChatClient.fallback`: the next backend when one is down."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack

import attrs
import pytest

from chatsdk import (
    Cancel,
    ChatClient,
    ChatSession,
    ChatTimeout,
    ConnectError,
    HTTPStatusError,
    Retry,
    StreamInterrupted,
    Timeout,
    use_chat,
)
from chatsdk.errors import BackendError
from chatsdk.parts import Identity
from chatsdk.testing import ChatServer
from chatsdk.testing.answers import answer_frames
from chatsdk.web import ChatService
from chatsdk.web.http_messages import WebRequest

# Longest wait for a fact, in seconds.
WAIT = 20.0

FRAME = b'data: {"choices":[{"index":0,"delta":{"content":"Half"}}]}\n\n'
ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n'


def client_of(server, dialect="openai", **options):
    options.setdefault("defaults", {"model": "m"})
    return ChatClient(f"{server.url}/v1/chat/completions", dialect=dialect, **options)


@pytest.fixture
def servers():
    with ExitStack() as stack:
        yield [stack.enter_context(ChatServer()) for _ in range(3)]


@pytest.fixture
def clients(servers):
    with ExitStack() as stack:
        yield [stack.enter_context(client_of(server)) for server in servers]


@pytest.fixture
def fallback(clients):
    return ChatClient.fallback(*clients)


def asked(servers) -> list[int]:
    return [len(server.requests) for server in servers]


# Which client is asked ----------------------------------------------------------------------


def test_the_first_answers(servers, clients, fallback):
    """While the first backend answers, no other is asked."""
    servers[0].answer("openai", "Hello.")
    stream = fallback.ask("Hi")
    answer = stream.result()
    assert answer.text == "Hello."
    assert stream.client is clients[0]
    assert answer.backend == clients[0].url
    assert stream.attempts == 1
    assert asked(servers) == [1, 0, 0]


def refuse(server, status=503, **options):
    server.reply(status, json={"error": {"message": "not now", **options}})


def fail_in_stream(server, code):
    script = server.answer("openai")
    script.put(Identity(id="1"))
    script.fail("not now", code)


UNAVAILABLE = {
    "429": lambda server: refuse(server, 429),
    "500": lambda server: refuse(server, 500),
    "529": lambda server: refuse(server, 529),
    "quota": lambda server: refuse(server, 403, code="insufficient_quota"),
    "refusal in a 200": lambda server: server.reply(
        200, json={"error": {"message": "overloaded", "code": "overloaded_error"}}
    ),
    "refusal in the stream": lambda server: fail_in_stream(server, "server_error"),
    "number in the stream": lambda server: fail_in_stream(server, 503),
    "cut before a word": lambda server: server.cut_after(len(ROLE), ROLE * 2),
    "cut before an event": lambda server: server.cut_after(0, ROLE),
}


@pytest.mark.parametrize("how", UNAVAILABLE)
def test_the_next_answers(servers, clients, fallback, how):
    """If a backend is unavailable, the next one is asked, and none is asked twice."""
    UNAVAILABLE[how](servers[0])
    servers[1].answer("openai", "Hello.")
    stream = fallback.ask("Hi")
    answer = stream.result()
    assert (answer.text, answer.backend) == ("Hello.", clients[1].url)
    assert stream.client is clients[1]
    assert stream.outcome.reason == "finished"
    assert stream.attempts == 2
    assert asked(servers) == [1, 1, 0]


def test_a_backend_that_cannot_be_reached(servers, clients):
    """A refused connection asks the next one."""
    servers[0].close()
    servers[1].answer("openai", "Hello.")
    assert ChatClient.fallback(*clients).ask("Hi").result().text == "Hello."


@pytest.mark.parametrize("head", [True, False])
def test_a_silent_backend(servers, head):
    """A backend that is silent past `first_event` is left for the next one."""
    servers[0].silent(head=head)
    servers[1].answer("openai", "Hello.")
    with client_of(servers[0], timeout=Timeout(first_event=0.2)) as first:
        with client_of(servers[1]) as second:
            assert ChatClient.fallback(first, second).ask("Hi").result().text == "Hello."
    assert asked(servers) == [1, 1, 0]


def test_a_backend_that_falls_silent_before_its_first_word(servers):
    """A backend that sends a first event without a word, and then nothing, is left as well."""
    script = servers[0].stream()
    script.push(ROLE)
    servers[1].answer("openai", "Hello.")
    with client_of(servers[0], timeout=Timeout(idle=0.2)) as first, client_of(servers[1]) as second:
        assert ChatClient.fallback(first, second).ask("Hi").result().text == "Hello."
    script.wait_for_disconnect()


@pytest.mark.parametrize("status", [400, 401, 404])
def test_an_error_of_the_caller(servers, fallback, status):
    """A wrong key, model or request is raised, and no other backend is asked."""
    refuse(servers[0], status)
    with pytest.raises(HTTPStatusError):
        fallback.ask("Hi")
    assert asked(servers) == [1, 0, 0]


def test_after_the_first_word(servers, fallback):
    """An answer that breaks off after its first word is an error with the partial answer."""
    servers[0].cut_after(len(FRAME), FRAME * 2)
    stream = fallback.ask("Hi")
    with pytest.raises(StreamInterrupted) as caught:
        stream.result()
    assert caught.value.answer.text == "Half"
    assert stream.outcome.error is caught.value
    assert asked(servers) == [1, 0, 0]


def test_all_fail(servers, fallback):
    """If every backend fails, the last error is raised, and each was asked once."""
    for server, status in zip(servers, (500, 502, 503), strict=True):
        refuse(server, status)
    with pytest.raises(HTTPStatusError) as caught:
        fallback.ask("Hi")
    assert caught.value.status == 503
    assert asked(servers) == [1, 1, 1]


def test_all_fail_after_the_head(servers, fallback):
    """An error of the last backend after another one's head is the outcome of the stream."""
    fail_in_stream(servers[0], 503)
    refuse(servers[1], 500)
    refuse(servers[2], 502)
    stream = fallback.ask("Hi")
    with pytest.raises(HTTPStatusError) as caught:
        stream.result()
    assert caught.value.status == 502
    assert stream.outcome.error is caught.value
    assert (stream.outcome.reason, stream.answer.text) == ("error", "")


def test_the_clients_own_retry_is_not_used(servers):
    """With another backend to ask, a 429 is not waited for."""
    servers[0].reply(429, json={"error": {"message": "busy"}}, headers=[("Retry-After", "25")])
    servers[1].answer("openai", "Hello.")
    with client_of(servers[0], retry=Retry(attempts=5)) as first, client_of(servers[1]) as second:
        assert ChatClient.fallback(first, second).ask("Hi").result().text == "Hello."
    assert asked(servers) == [1, 1, 0]


def test_when_decides(servers, clients):
    """`when` replaces the rule: it gets the error and decides whether the next one is asked."""
    seen = []

    def when(error):
        seen.append(error)
        return error.status == 404

    fallback = ChatClient.fallback(*clients, when=when)
    refuse(servers[0], 404)
    refuse(servers[1], 500)
    with pytest.raises(HTTPStatusError) as caught:
        fallback.ask("Hi")
    assert [error.status for error in seen] == [404, 500]
    assert caught.value is seen[1]
    assert asked(servers) == [1, 1, 0]


def test_an_exception_of_when_comes_out(servers, clients):
    """Exceptions of `when` are raised unchanged."""
    refuse(servers[0], 500)
    fallback = ChatClient.fallback(*clients, when=lambda error: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        fallback.ask("Hi")


def test_a_prompt_that_cannot_be_sent(servers, fallback):
    """A wrong option is a TypeError, as with one client, and nothing is sent."""
    with pytest.raises(TypeError):
        fallback.ask("Hi", timeout=3)
    assert asked(servers) == [0, 0, 0]


# Rest ---------------------------------------------------------------------------------------


def test_a_broken_backend_rests(servers, fallback):
    """A backend that failed is not asked first again for a while."""
    refuse(servers[0])
    for _ in range(3):
        servers[1].answer("openai", "Hello.")
        fallback.ask("Hi").result()
    assert asked(servers) == [1, 3, 0]


def test_a_backend_without_rest_is_asked_again(servers, clients):
    """With ``rest=0`` the first backend is asked first each time."""
    fallback = ChatClient.fallback(*clients, rest=0)
    for _ in range(2):
        refuse(servers[0])
        servers[1].answer("openai", "Hello.")
        fallback.ask("Hi").result()
    assert asked(servers) == [2, 2, 0]


def test_if_all_rest_they_are_asked_all_the_same(servers, fallback):
    """When every backend failed before, they are asked again, the first that failed first."""
    for server in servers:
        refuse(server)
    with pytest.raises(HTTPStatusError):
        fallback.ask("Hi")
    servers[0].answer("openai", "Hello.")
    assert fallback.ask("Hi").result().text == "Hello."
    assert asked(servers) == [2, 1, 1]
    # It answered, so its rest is over.
    servers[0].answer("openai", "Hello.")
    assert fallback.ask("Hi").result().text == "Hello."


def test_retry_after_makes_the_rest_longer(servers, clients, monkeypatch):
    """A backend that asks for more time than `rest` gets it."""
    from chatsdk.client import fallback as module

    at = [1000.0]
    monkeypatch.setattr(module, "now", lambda: at[0])
    fallback = ChatClient.fallback(*clients, rest=10)
    servers[0].reply(429, json={"error": {"message": "busy"}}, headers=[("Retry-After", "60")])
    for later in (0, 30, 31):
        at[0] += later
        server = servers[1] if later < 31 else servers[0]
        server.answer("openai", "Hello.")
        fallback.ask("Hi").result()
    assert asked(servers) == [2, 2, 0]


# Ending -------------------------------------------------------------------------------------


def test_stop_asks_no_other(servers, fallback):
    """`stop` ends the answer of the current backend, and asks no other."""
    script = servers[0].silent(head=True)
    stream = fallback.ask("Hi")
    reader = threading.Thread(target=list, args=(stream,), daemon=True)
    reader.start()
    stream.stop()
    script.wait_for_disconnect()
    reader.join(WAIT)
    assert not reader.is_alive()
    assert stream.outcome.reason == "stopped"
    assert asked(servers) == [1, 0, 0]


def test_a_stop_while_the_second_is_asked(servers):
    """A `stop` while the next backend has not answered ends that request."""
    fail_in_stream(servers[0], 503)
    script = servers[1].silent(head=False)
    with client_of(servers[0]) as first, client_of(servers[1]) as second:
        stream = ChatClient.fallback(first, second).ask("Hi")
        reader = threading.Thread(target=list, args=(stream,), daemon=True)
        reader.start()
        servers[1].wait_for_request()
        stream.stop()
        script.wait_for_disconnect()
        reader.join(WAIT)
    assert not reader.is_alive()
    assert stream.outcome.reason == "stopped"


def test_cancel(servers, fallback):
    """The caller's `Cancel` works in every phase, and is not set by `stop`."""
    cancel = Cancel()
    servers[0].answer("openai", "Hello.")
    stream = fallback.ask("Hi", cancel=cancel)
    stream.stop()
    assert list(stream) == []
    assert not cancel.is_set()
    script = servers[0].silent(head=False)
    canceller = threading.Thread(
        target=lambda: (servers[0].wait_for_request(), servers[0].wait_for_request(), cancel.set())
    )
    canceller.start()
    stream = fallback.ask("Hi", cancel=cancel)
    script.wait_for_disconnect()
    canceller.join(WAIT)
    assert stream.outcome.reason == "stopped"
    assert fallback.ask("Hi", cancel=cancel).outcome.reason == "stopped"
    assert asked(servers) == [2, 0, 0]


@pytest.mark.parametrize("how", ["close", "drop", "leave"])
@pytest.mark.parametrize("words", [0, 1])
def test_leaving_ends_the_connection(servers, fallback, how, words):
    """A stream that is closed, dropped or left closes the backend's connection at once."""
    script = servers[0].answer("openai")
    stream = fallback.ask("Hi")
    if words:
        script.say("Hello")
        while not next(stream).text:
            pass
    if how == "close":
        stream.close()
        stream.close()
    elif how == "leave":
        with stream:
            pass
    else:
        del stream
    script.wait_for_disconnect()


def test_close_closes_every_client(servers, clients):
    """Leaving a with block closes the clients."""
    with ChatClient.fallback(*clients):
        pass
    for client in clients:
        with pytest.raises(ValueError, match="closed"):
            client.ask("Hi")


# One dialect, or several --------------------------------------------------------------------


def test_send(servers, fallback):
    """`send` posts one body to clients of one dialect."""
    refuse(servers[0])
    servers[1].answer("openai", "Hello.")
    assert fallback.send({"messages": [], "model": "own"}).result().text == "Hello."
    assert [server.requests[0].json["model"] for server in servers[:2]] == ["own", "own"]


SIX = {
    "openai": {"model": "m"},
    "anthropic": {"model": "m", "max_tokens": 10},
    "gemini": {},
    "ollama": {"model": "m"},
    "dify": {"user": "u"},
    "fastgpt": {},
}


@pytest.mark.parametrize("dialect", SIX)
@pytest.mark.parametrize("first", ["openai", "anthropic"])
def test_any_dialect_after_another(servers, dialect, first):
    """The prompt is encoded for the client that is asked, with its defaults."""
    refuse(servers[0])
    servers[1].answer(dialect, "Hello.")
    one = ChatClient(f"{servers[0].url}/chat", dialect=first, defaults=SIX[first])
    two = ChatClient(f"{servers[1].url}/chat", dialect=dialect, defaults=SIX[dialect])
    with ChatClient.fallback(one, two) as fallback:
        stream = fallback.ask("Hi")
        answer = stream.result()
        assert answer.text == "Hello."
        assert stream.dialect.name == dialect
        assert answer.backend == two.url
        if dialect != first:
            with pytest.raises(ValueError, match="use ask"):
                fallback.send({})


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((), {}, "needs clients"),
        (("http://x/",), {}, "takes ChatClients, each as an argument of its own, not str"),
        (None, {"when": 3}, "when is a function"),
        (None, {"rest": "long"}, "rest is a number"),
        (None, {"rest": -1}, "rest must be from 0"),
    ],
)
def test_wrong_arguments(clients, arguments, options, message):
    """A wrong argument is an error at once."""
    with pytest.raises((TypeError, ValueError), match=message):
        ChatClient.fallback(*(clients if arguments is None else arguments), **options)


def test_a_client_given_twice(clients):
    """The same client twice is an error, because no backend is asked twice."""
    with pytest.raises(ValueError, match="given twice"):
        ChatClient.fallback(clients[0], clients[1], clients[0])


# In a session, and in map -------------------------------------------------------------------


def test_in_a_session(servers, fallback):
    """A session passes from one backend to the next, and keeps the conversation."""
    shown = []
    refuse(servers[0])
    servers[1].answer("openai", "One.")
    servers[1].answer("openai", "Two.")
    with use_chat(fallback, on_answer=lambda answer: shown.append(answer.delta)) as chat:
        assert chat.run("Hi").text == "One."
        assert chat.run("And?").text == "Two."
        assert [message.content for message in chat.messages] == ["Hi", "One.", "And?", "Two."]
        assert "".join(shown) == "One.Two."
    assert [len(body.json["messages"]) for body in servers[1].requests] == [1, 3]


def test_tools_in_a_session(servers, fallback):
    """The rounds of a turn may be answered by different backends."""

    def weather(city: str) -> str:
        """Return the weather."""
        return f"It rains in {city}."

    call = {"name": "weather", "arguments": {"city": "Oslo"}}
    servers[0].answer("openai", tool_calls=[call])
    refuse(servers[0])
    servers[1].answer("openai", "Take an umbrella.")
    session = ChatSession(fallback)
    assert session.run("Umbrella?", tools=[weather]).text == "Take an umbrella."
    assert servers[1].requests[0].json["messages"][-1]["content"] == "It rains in Oslo."


def test_a_conversation_stays_with_the_backend_that_keeps_it(servers):
    """A conversation that a backend keeps continues there alone."""
    refuse(servers[0])
    servers[1].answer("dify", "One.", conversation_id="c-1")
    clients = [
        ChatClient(f"{server.url}/chat-messages", dialect="dify", defaults={"user": "u"})
        for server in servers[:2]
    ]
    with ChatClient.fallback(*clients, rest=0) as fallback:
        session = ChatSession(fallback)
        assert session.run("Hi").text == "One."
        refuse(servers[1], 503)
        with pytest.raises(HTTPStatusError):
            session.run("And?")
    assert asked(servers) == [1, 2, 0]
    assert servers[1].requests[1].json["conversation_id"] == "c-1"


def test_an_unknown_conversation_goes_to_one_backend(servers):
    """After a restart, the conversation of one backend is not put to another of its kind."""
    clients = [
        ChatClient(f"{server.url}/chat-messages", dialect="dify", defaults={"user": "u"})
        for server in servers[:2]
    ]
    refuse(servers[0])
    with ChatClient.fallback(*clients) as fallback:
        with pytest.raises(HTTPStatusError):
            fallback.ask("And?", conversation_id="c-1")
        # The first one rests now.
        servers[0].answer("dify", "Two.", conversation_id="c-1")
        assert fallback.ask("And?", conversation_id="c-1").result().text == "Two."
    assert asked(servers) == [2, 0, 0]


def test_a_new_conversation_whose_id_the_client_chooses(servers):
    """If the client chooses the ids, an unknown one may be new, so any backend is asked."""
    clients = [ChatClient(f"{server.url}/webhook/x", dialect="n8n") for server in servers[:2]]
    refuse(servers[0])
    servers[1].answer("n8n", "One.")
    with ChatClient.fallback(*clients) as fallback:
        assert ChatSession(fallback).run("Hi").text == "One."
    assert asked(servers) == [1, 1, 0]


def test_a_history_is_not_cut_to_its_last_question(servers):
    """A backend that keeps conversations is not asked to go on with one that it does not know."""
    first = ChatClient(f"{servers[0].url}/chat", dialect="dify", defaults={"user": "u"})
    second = client_of(servers[1])
    with ChatClient.fallback(first, second) as fallback:
        servers[0].answer("dify", "One.", conversation_id="c-1")
        history = [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "One."},
            {"role": "user", "content": "And?"},
        ]
        servers[1].answer("openai", "Two.")
        assert fallback.ask("Hi").result().text == "One."
        assert fallback.ask(history).result().text == "Two."
        assert fallback.ask_dialect.name == "openai"
    assert len(servers[1].requests[0].json["messages"]) == 3


def test_in_map(servers, fallback):
    """`map` asks many prompts through it, with each backend's answer in its place."""
    refuse(servers[0])
    for _ in range(6):
        servers[1].answer("openai", "Hello.")
    outcomes = list(fallback.map([str(number) for number in range(6)], workers=1))
    assert {item.answer.backend for item in outcomes} == {fallback.clients[1].url}
    assert asked(servers) == [1, 6, 0]


def test_map_pauses_if_all_refuse_for_now(servers, clients):
    """If every backend answers 429, `map` pauses and asks again."""
    fallback = ChatClient.fallback(*clients[:2], rest=0)
    for server in servers[:2]:
        server.reply(429, json={"error": {"message": "busy"}}, headers=[("Retry-After", "0.1")])
    servers[0].answer("openai", "Hello.")
    (outcome,) = fallback.map(["Hi"])
    assert outcome.answer.text == "Hello."
    assert asked(servers) == [2, 1, 0]


def test_in_a_web_service(servers, fallback):
    """A service passes the answer of the second backend on to the browser."""
    refuse(servers[0])
    servers[1].answer("openai", "Hello.")
    body = {"id": "c", "messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}]}
    data = json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    request = WebRequest("POST", "/chat", "/", {}, headers, lambda _: data, None)
    response = ChatService(fallback).respond(request)
    assert b"Hello." in b"".join(response.body)
    assert asked(servers) == [1, 1, 0]


def test_of_fallbacks(servers, clients):
    """A fallback may be one of the clients of another."""
    inner = ChatClient.fallback(clients[0], clients[1])
    refuse(servers[0])
    refuse(servers[1])
    servers[2].answer("openai", "Hello.")
    stream = ChatClient.fallback(inner, clients[2]).ask("Hi")
    assert stream.result().backend == clients[2].url
    assert asked(servers) == [1, 1, 1]


def test_many_threads(servers, fallback):
    """Threads may share it: each answer is whole, from a backend that works."""
    frames = answer_frames("openai", "Hello.")
    for _ in range(24):
        servers[1].stream(frames)
    texts = []

    def ask():
        texts.append(fallback.ask("Hi").result().text)

    fallback.failed(fallback.clients[0], ConnectError("down"))
    threads = [threading.Thread(target=ask) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert texts == ["Hello."] * 24
    assert asked(servers) == [0, 24, 0]


def test_repr_and_properties(clients, fallback):
    """It shows its clients, and is like the first of them."""
    assert repr(fallback) == f"<FallbackClient {', '.join(client.url for client in clients)}>"
    assert fallback.url == clients[0].url
    assert fallback.dialect is clients[0].dialect
    assert fallback.defaults == {"model": "m"}
    assert fallback.clients == tuple(clients)


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (ChatTimeout("", phase="connect"), True),
        (ChatTimeout("", phase="first_event"), True),
        (ChatTimeout("", phase="total"), False),
        (ChatTimeout("", phase="idle"), True),
        (ChatTimeout("", phase="progress"), True),
        (ConnectError(""), True),
        (StreamInterrupted(""), True),
        (BackendError("", code="overloaded_error"), True),
        (BackendError("", code="Throttling.RateQuota"), True),
        (BackendError("", code="RESOURCE_EXHAUSTED"), True),
        (BackendError("", code="529"), True),
        (BackendError("", code="invalid_request_error"), False),
        (BackendError("", code=400), False),
        (BackendError("", code=None), False),
    ],
)
def test_the_rule(error, verdict):
    """Which errors mean that the backend is unavailable."""
    from chatsdk.client.availability import is_unavailable

    assert is_unavailable(error) is verdict


@attrs.define
class Numbered:
    """An answer with a shape."""

    number: int


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini", "ollama"])
def test_an_object(servers, dialect):
    """With `output=` the object comes from whichever backend answers, asked in its own way."""
    pytest.importorskip("cattrs")
    pytest.importorskip("jiter")
    refuse(servers[0])
    servers[1].answer(dialect, '{"number": 7}')
    second = ChatClient(f"{servers[1].url}/chat", dialect=dialect, defaults=SIX[dialect])
    with ChatClient.fallback(client_of(servers[0]), second) as fallback:
        answer = fallback.ask("Which?", output=Numbered).result()
    assert answer.value == Numbered(7)
    assert answer.backend == second.url
