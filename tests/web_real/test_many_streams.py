"""Many answers at once in one worker: the next one starts at once."""

from __future__ import annotations

import contextlib

import pytest
from browser import Page, read_until, text_of, user
from servers import ASGI, GUNICORN, SERVERS, Server, running

# More than the threads of an event loop's pool, and than Django's one.
STREAMS = 50


@pytest.mark.parametrize("server", ASGI)
def test_silent_answers(server, backend, djangos) -> None:
    """Answers that have begun and are silent hold none of the loop's threads."""
    with running(server, backend.url, djangos) as url, contextlib.ExitStack() as pages:
        for _ in range(STREAMS):
            backend.answer("openai").say("One")
            page = pages.enter_context(Page(f"{url}/answer"))
            read_until(page.ask("GET"), b"One")
        backend.answer("openai", "Two")
        page = pages.enter_context(Page(f"{url}/answer"))
        # The silent ones last as long as the test: a thread of theirs would never be free.
        read_until(page.ask("GET"), b"Two")


@pytest.mark.parametrize("server", ASGI)
def test_a_backend_that_has_not_answered(server, backend, djangos) -> None:
    """Turns whose backend has not even sent a header keep no other chat waiting."""
    with running(server, backend.url, djangos) as url, contextlib.ExitStack() as pages:
        for number in range(STREAMS):
            silent = backend.silent()
            page = pages.enter_context(Page(f"{url}/api/chat"))
            page.send(user("Hi", f"silent-{number}"))
            silent.wait_for_request()
        backend.answer("openai", "Two")
        page = pages.enter_context(Page(f"{url}/api/chat"))
        # The silent ones last as long as the test: a thread of theirs would never be free.
        read_until(page.ask(body=user("Hi", "chat-2")), b"Two")


@pytest.mark.parametrize("server", ["django-4.2-gthread", "django-5.2-uvicorn"])
def test_a_path_with_variables(server, backend, djangos) -> None:
    """Django may mount the service below a path with variables."""
    backend.answer("openai", "One")
    with running(server, backend.url, djangos) as url, Page(f"{url}/red/chat") as page:
        assert text_of(page.ask(body=user("Hi")).read()) == "One"
        assert text_of(page.ask("GET", "/chat-1/stream").read()) == "One"


def test_two_hundred_in_one_worker(backend, djangos, monkeypatch) -> None:
    """One worker of gunicorn with 220 threads carries 200 answers that all grow."""
    command = [*GUNICORN, "-k", "gthread", "--threads", "220", "sites:app_flask"]
    monkeypatch.setitem(SERVERS, "wide", Server(command))
    with running("wide", backend.url, djangos) as url, contextlib.ExitStack() as pages:
        scripts, responses = [], []
        for _ in range(200):
            script = backend.answer("openai")
            script.say("One")
            page = pages.enter_context(Page(f"{url}/answer"))
            response = page.ask("GET")
            read_until(response, b"One")
            scripts.append(script)
            responses.append(response)
        for script in scripts:
            script.say("Two")
        for response in responses:
            read_until(response, b"Two")
        for script in scripts:
            script.finish()
        for response in responses:
            assert response.read().endswith(b"data: [DONE]\n\n")
