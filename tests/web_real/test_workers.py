"""gunicorn with four workers that share a Redis."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator

import pytest
from browser import Page, chunks, read_until, text_of, user
from redis_server import RedisServer
from servers import GUNICORN, SERVERS, WAIT_SECONDS, Server, now, running


@pytest.fixture
def redis_server(tmp_path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture(params=["gthread", "gevent"])
def site(request, backend, djangos, redis_server, monkeypatch) -> Iterator[str]:
    kind = ["-k", request.param, *(["--threads", "8"] if request.param == "gthread" else [])]
    command = [*GUNICORN, "--workers", "4", "--keep-alive", "60", *kind, "sites:app_flask"]
    monkeypatch.setitem(SERVERS, "four", Server(command))
    with running("four", backend.url, djangos, HEARTBEAT=0.5, REDIS=redis_server.url) as url:
        yield url


@pytest.fixture
def pages(site) -> Iterator[dict[int, Page]]:
    """Connections to three different workers, by the process id of the worker."""
    with contextlib.ExitStack() as stack:
        found: dict[int, Page] = {}
        # The first worker may answer for all until the others have started.
        until = now() + WAIT_SECONDS
        while len(found) < 3 and now() < until:
            page = stack.enter_context(Page(site))
            # The worker keeps the connection, and answers what comes on it next.
            worker = int(page.ask("GET", "/pid").read())
            if found.setdefault(worker, page) is not page:
                page.connection.close()
        assert len(found) == 3, "the workers do not share the connections"
        yield found


@pytest.mark.parametrize("kind", ["gthread", "gevent"])
def test_loaded_before_the_fork(backend, djangos, redis_server, monkeypatch, kind) -> None:
    """With --preload, the journal was made before gevent's patches and before the fork."""
    command = [*GUNICORN, "--preload", "-k", kind, "--threads", "8", "sites:app_flask"]
    monkeypatch.setitem(SERVERS, "preloaded", Server(command))
    with running("preloaded", backend.url, djangos, REDIS=redis_server.url) as url:
        for number in range(3):
            backend.answer("openai", "Hello there")
            with Page(f"{url}/api/chat") as page:
                response = page.ask(body=user("Hi", f"chat-{number}"))
                assert text_of(response.read()) == "Hello there"


def test_begun_followed_and_stopped_by_three_workers(backend, pages) -> None:
    """Each of three workers does its part of one turn."""
    begin, follow, stop = pages.values()
    script = backend.answer("openai")
    script.say("One")
    began = begin.ask("POST", "/api/chat", user("Hi"))
    read_until(began, b"One")
    followed = follow.ask("GET", "/api/chat/chat-1/stream")
    seen = read_until(followed, b"One")
    script.say(" two")
    seen += read_until(followed, b"two")
    assert stop.ask("POST", "/api/chat/chat-1/stop").status == 204
    script.wait_for_disconnect(WAIT_SECONDS)
    for response in (began, followed):
        assert b'data: {"type": "abort"}' in response.read()
    assert text_of(seen) == "One two"


def test_the_reading_worker_is_killed(backend, pages, site) -> None:
    """Followers get an error frame within the lease, and the chat goes on with the next turn."""
    (reader, begin), (_, follow), _ = pages.items()
    script = backend.answer("openai")
    script.say("One")
    began = begin.ask("POST", "/api/chat", user("Hi"))
    read_until(began, b"One")
    followed = follow.ask("GET", "/api/chat/chat-1/stream")
    seen = read_until(followed, b"One")
    os.kill(reader, signal.SIGKILL)
    # It ends when the lease does; nothing else would end it.
    seen += followed.read()
    assert text_of(seen) == "One"
    assert [chunk["type"] for chunk in chunks(seen)][-1] == "error"
    backend.answer("openai", "Again")
    with Page(site) as page:
        assert text_of(page.ask("POST", "/api/chat", user("Hi")).read()) == "Again"


def test_post_here_and_event_source_there(backend, pages) -> None:
    """The 202 way: the address that one worker gives can be followed at another one."""
    begin, follow, _ = pages.values()
    backend.answer("openai", "Hello there")
    response = begin.ask("POST", "/api/chat", user("Hi"), Accept="application/json")
    where = json.loads(response.read())
    assert (response.status, where["id"]) == (202, "chat-1")
    assert text_of(follow.ask("GET", where["stream"]).read()) == "Hello there"
