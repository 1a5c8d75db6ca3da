"""A browser that leaves, in each server that people deploy with."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from browser import WAIT_SECONDS, Page, read_until, text_of, user
from servers import ASGI, SERVERS, now, once_within, running

from chatsdk.testing import ChatServer, Script

# Seconds from the browser's leaving until the connection to the backend is closed.
CLOSED_WITHIN = 1.0

everywhere = pytest.mark.parametrize("server", SERVERS)


def leave_after(words: bytes, url: str, answer: Callable[[], Script]) -> None:
    """Leave the page once it has the words; the connection to the backend closes in time."""

    def leave() -> float:
        script = answer()
        with Page(f"{url}/answer") as page:
            response = page.ask("GET")
            read_until(response, words)
            left = now()
            page.leave(response)
        return script.wait_for_disconnect(WAIT_SECONDS) - left

    once_within(CLOSED_WITHIN, leave)


def one(backend: ChatServer) -> Script:
    """Answer with a word, and then stay silent."""
    script = backend.answer("openai")
    script.say("One")
    return script


@everywhere
def test_leaving_a_silent_answer(server, backend, djangos) -> None:
    """The connection to the backend is closed soon after; a heartbeat notices it."""
    with running(server, backend.url, djangos, HEARTBEAT=0.2) as url:
        leave_after(b"One", url, lambda: one(backend))


@everywhere
def test_leaving_an_answer_that_grows(server, backend, djangos) -> None:
    """The same without heartbeats, because something is written all the time."""
    with running(server, backend.url, djangos, HEARTBEAT=60) as url:
        words = "word " * 2000
        leave_after(b"word", url, lambda: backend.answer("openai", words, pace=0.05, pieces=2000))


@pytest.mark.parametrize("server", ASGI)
def test_an_event_loop_needs_no_heartbeat(server, backend, djangos) -> None:
    """An ASGI server informs the application that the browser has left."""
    with running(server, backend.url, djangos, HEARTBEAT=60) as url:
        leave_after(b"One", url, lambda: one(backend))


@pytest.mark.parametrize("server", ["starlette", "django-4.2-gevent", "django-5.2-uvicorn"])
def test_middleware(server, backend, djangos) -> None:
    """Middleware that compresses does not hold events back, and a slow browser may leave."""
    with running(server, backend.url, djangos, HEARTBEAT=0.2, MIDDLEWARE=1) as url:
        script = one(backend)
        with Page(f"{url}/answer") as page:
            response = page.ask("GET", Accept_Encoding="gzip")
            assert response.headers["Content-Encoding"] is None
            read_until(response, b"One")
            page.leave(response)
        script.wait_for_disconnect(WAIT_SECONDS)
        # More than fits between the backend and a browser that does not read.
        script = backend.answer("openai", ["word " * 1000] * 10_000)
        with Page(f"{url}/answer") as page:
            page.leave(page.ask("GET"))
        script.wait_for_disconnect(WAIT_SECONDS)


@pytest.mark.parametrize("server", ["gthread", "starlette", "django-4.2-gthread"])
def test_head(server, backend, djangos) -> None:
    """A HEAD request does not leave the backend writing."""
    with running(server, backend.url, djangos, HEARTBEAT=0.2) as url:
        script = one(backend)
        with Page(f"{url}/answer") as page:
            response = page.ask("HEAD")
            assert (response.status, response.read()) == (200, b"")
            script.wait_for_disconnect(WAIT_SECONDS)


@everywhere
def test_a_turn_goes_on_without_its_browser(server, backend, djangos) -> None:
    """With a journal, the turn is read to its end, and another browser gets all of it."""
    with running(server, backend.url, djangos, HEARTBEAT=0.2) as url:
        script = backend.answer("openai")
        script.say("One")
        with Page(f"{url}/api/chat") as page, Page(f"{url}/api/chat") as other:
            response = page.ask(body=user("Hi"))
            read_until(response, b"One")
            page.leave(response)
            script.say(" two")
            script.finish()
            found = other.ask("GET", "/chat-1/stream")
            assert text_of(found.read()) == "One two"
