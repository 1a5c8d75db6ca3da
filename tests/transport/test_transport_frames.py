"""No variable of a frame of chatsdk, or of the wire, shows a secret to a crash reporter."""

from __future__ import annotations

import base64
import dataclasses
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Set

import attrs
import pytest
import requests
from provoking import CHUNK, HELLO

from chatsdk import ChatClient, ChatError, Retry, Timeout, use_chat
from chatsdk.testing import ChatServer, RefusingPort

ONCE = Retry(attempts=1)


def secret(name):
    """A value that is in no source line, only in the program's input."""
    return "-".join([name, "SECRET", str(4711)])


TOKEN, HEADER, COOKIE, QUERY = map(secret, ("token", "header", "cookie", "query"))
USER, PASSWORD, SIGNED, PROXY = map(secret, ("user", "password", "signed", "proxy"))
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
SECRETS = (TOKEN, HEADER, COOKIE, QUERY, PASSWORD, SIGNED, PROXY, BASIC)

# Modules whose variables must show none; a program's own are its own.
MODULES = ("chatsdk", "requests", "urllib3", "http")


def written(value, depth=0) -> Iterator[str]:
    """How a crash reporter writes a value: containers by their items, all else by its repr."""
    if depth > 6:
        return
    if isinstance(value, Mapping):
        parts = [*value.keys(), *value.values()]
    elif isinstance(value, (list, tuple, Set)):
        parts = list(value)
    elif attrs.has(type(value)):
        fields = attrs.fields(type(value))
        parts = [getattr(value, field.name, None) for field in fields if field.repr]
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = [getattr(value, field.name) for field in dataclasses.fields(value) if field.repr]
    else:
        yield repr(value)
        return
    yield repr(value)
    for part in parts:
        yield from written(part, depth + 1)


def shown_in(frame) -> list[str]:
    """The variables of a frame that show a secret."""
    name = frame.f_globals.get("__name__", "")
    if name.startswith("chatsdk.testing") or name.partition(".")[0] not in MODULES:
        return []
    return [
        f"{name}.{frame.f_code.co_name}: {variable}"
        for variable, value in frame.f_locals.items()
        if any(item in text for text in written(value) for item in SECRETS)
    ]


def shown_by(error) -> list[str]:
    """The variables that show a secret, in the frames of an exception and of all beneath it."""
    found, seen, waiting = [], [], [error]
    while waiting:
        item = waiting.pop()
        if item is None or any(item is known for known in seen):
            continue
        seen.append(item)
        waiting += [item.__cause__, item.__context__]
        entry = item.__traceback__
        while entry is not None:
            found += shown_in(entry.tb_frame)
            entry = entry.tb_next
        found += [f"{type(item).__name__}" for text in SECRETS if text in f"{item} {item!r}"]
    return found


def shown_now() -> list[str]:
    """The variables that show a secret, in the frames that run now."""
    found, frame = [], sys._getframe(1)
    while frame is not None:
        found += shown_in(frame)
        frame = frame.f_back
    return found


def client_of(url, **options):
    """A client that has a secret in every place that may have one."""
    with_password = url.replace("//", f"//{USER}:{PASSWORD}@")
    given = {"token": TOKEN, "dialect": "openai", "retry": ONCE, "timeout": Timeout(2, 0.3, 0.3)}
    headers = {"X-Api-Key": HEADER, "Cookie": f"s={COOKIE}"}
    return ChatClient(f"{with_password}/chat?key={QUERY}", headers=headers, **(given | options))


def session():
    """The caller's session, with its own secrets."""
    http = requests.Session()
    http.auth = (USER, SIGNED)
    http.headers["X-Token"] = HEADER
    http.cookies.set("id", COOKIE)
    return http


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


FAILURES = {
    "no answer": lambda server: server.drop(),
    "silence": lambda server: server.silent(),
    "silence in the body": lambda server: server.silent(head=True, body=CHUNK % b"Hi"),
    "a reset in the body": lambda server: server.cut_after(
        60, CHUNK * 2 % (b"a", b"b"), how="reset"
    ),
    "a refusal": lambda server: server.reply(401, json={"error": {"message": f"bad key {TOKEN}"}}),
    "a redirect": lambda server: server.redirect(f"http://other.test/?key={QUERY}"),
    "no stream": lambda server: server.reply(body=f"<p>{TOKEN}", content_type="text/html"),
    "no HTTP": lambda server: server.raw(b"hello\r\n"),
    "a broken chunk": lambda server: server.bad_chunk_size(),
    "an error in the stream": lambda server: server.stream(
        [b'data: {"error": {"message": "%s"}}\n\n' % TOKEN.encode()]
    ),
}


@pytest.mark.parametrize("whose", ["ours", "the caller's"])
@pytest.mark.parametrize("what", FAILURES)
def test_failures(server, what, whose):
    """However a request fails, through a client and through a session."""
    http = session() if whose == "the caller's" else None
    for ask in (
        lambda client: list(client.ask("Hi", model="m").deltas()),
        lambda client: client.send({}).result(),
        lambda client: use_chat(client).run("Hi", model="m"),
        lambda client: use_chat(client).start("Hi", model="m").result(),
    ):
        FAILURES[what](server)
        with client_of(server.url, http=http) as client, pytest.raises(ChatError) as caught:
            ask(client)
        assert shown_by(caught.value) == []
    if http is not None:
        http.close()


def test_a_refused_connection():
    """The port is closed, behind a proxy and without one."""
    with RefusingPort() as port:
        proxy = port.url.replace("//", f"//{USER}:{PROXY}@")
        for options in ({}, {"proxies": {"http": proxy}}):
            with client_of(port.url, **options) as client, pytest.raises(ChatError) as caught:
                client.send({})
            assert shown_by(caught.value) == []


class Over(Exception):
    """The time limit of a task queue."""


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals here")
@pytest.mark.parametrize("error", [Over, TimeoutError, KeyboardInterrupt])
@pytest.mark.parametrize("phase", ["head", "body", "again"])
def test_a_signal(server, error, phase):
    """An exception of a signal handler shows the handler's variables alone."""

    def handler(number, frame):
        raise error

    script = {
        "head": lambda: server.silent(),
        "body": lambda: server.silent(head=True, body=CHUNK % b"Hi"),
        "again": lambda: server.busy(retry_after=20),
    }[phase]()
    this = threading.get_ident()

    def interrupt():
        script.wait_for_request()
        if phase != "head":
            threading.Event().wait(0.1)
        signal.pthread_kill(this, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, handler)
    thread = threading.Thread(target=interrupt)
    thread.start()
    options = {"timeout": Timeout(5, 5, 5), "retry": Retry(attempts=3, max_wait=30)}
    try:
        with client_of(server.url, **options) as client, pytest.raises(error) as caught:
            client.send({}).result()
    finally:
        thread.join(10)
        signal.signal(signal.SIGUSR1, before)
    assert shown_by(caught.value) == []


@pytest.mark.parametrize("which", ["tap", "token", "auth"])
def test_a_function_of_the_user(server, which):
    """An exception of a tap, a token or an auth shows the variables of that alone."""

    def fail(*_):
        raise Over

    server.stream(HELLO)
    http = session()
    if which == "auth":
        http.auth, options = fail, {"token": None}
    else:
        options = {which: fail}
    with client_of(server.url, http=http, **options) as client, pytest.raises(Over) as caught:
        client.send({}).result()
    http.close()
    assert shown_by(caught.value) == []


def test_frames_that_run(server):
    """Nor do the frames beneath a function of the user that reports something."""
    found = []

    def look(*_):
        found.append(shown_now())

    def token():
        look()
        return TOKEN

    server.reply(401)
    server.stream(HELLO)
    with client_of(server.url, token=token, tap=look) as client:
        use_chat(client, on_answer=look, on_finish=look).run({})
    assert len(found) > 4
    assert [names for names in found if names] == []


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": "soon"},
        {"dialect": "no such"},
        {"token": f"{TOKEN}\n"},
        {"headers": {"X-Key": f"{HEADER}\n"}},
        {"tokn": TOKEN},
        {"proxies": {"http": f"ftp://{USER}:{PROXY}@host"}},
        {"http": "no session"},
    ],
    ids=lambda options: next(iter(options)),
)
@pytest.mark.parametrize("make", [ChatClient, use_chat])
def test_arguments(make, options):
    """Nor does an argument that cannot work show the others."""
    headers = {"Cookie": f"s={COOKIE}"}
    url = f"http://{USER}:{PASSWORD}@host/v1?key={QUERY}"
    with pytest.raises((TypeError, ValueError)) as caught:
        make(url, **({"token": TOKEN, "headers": headers} | options))
    assert shown_by(caught.value) == []


def test_a_body_that_is_not_json(server):
    """A body that cannot be sent is refused without showing a token."""
    with client_of(server.url) as client:
        for body in ({"x": {1, 2}}, "text", {"x": float("nan")}):
            with pytest.raises((TypeError, ValueError)) as caught:
                client.send(body)
            assert shown_by(caught.value) == []
