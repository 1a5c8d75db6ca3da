"""Behind nginx with its default buffering, and with `gzip on`."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from browser import WAIT_SECONDS, Page, frames, read_until, text_of, user
from chromium import Chat, chromium
from nginx import HOST, proxied
from servers import now, once_within, running


@pytest.fixture(params=["gthread", "waitress", "uwsgi", "starlette", "django-5.2-uvicorn"])
def site(request, backend, djangos, tmp_path) -> Iterator[str]:
    with running(request.param, backend.url, djangos, HEARTBEAT=0.2) as url:
        with proxied(url, tmp_path) as proxy:
            yield proxy


def test_events_arrive_as_they_are_written(site, backend) -> None:
    """Each piece is with the browser before the backend writes the next one."""
    for path, method, body in (("/answer", "GET", None), ("/api/chat", "POST", user("Hi"))):
        script = backend.answer("openai")
        with Page(site) as page:
            response = page.ask(method, path, body, Accept_Encoding="gzip")
            for word in ("One", "two", "three"):
                script.say(word)
                read_until(response, word.encode())
            script.finish()
            rest = response.read()
        assert rest.endswith(b"data: [DONE]\n\n")
        assert response.headers["Content-Encoding"] is None


def test_leaving_through_nginx(site, backend) -> None:
    """The browser leaves nginx, nginx leaves the site, and the site the backend."""

    def leave() -> float:
        script = backend.answer("openai")
        script.say("One")
        with Page(site) as page:
            response = page.ask("GET", "/answer")
            read_until(response, b"One")
            left = now()
            page.leave(response)
        return script.wait_for_disconnect(WAIT_SECONDS) - left

    once_within(1.5, leave)


def test_a_silent_model(backend, djangos, tmp_path) -> None:
    """Heartbeats keep nginx from ending an answer that it takes for dead."""
    short = HOST + "            proxy_read_timeout 3s;\n"
    with running("gthread", backend.url, djangos, HEARTBEAT=0.3) as url:
        with proxied(url, tmp_path, short) as proxy, Page(proxy) as page, Page(url) as direct:
            # The server has started once it answers.
            direct.ask("GET", "/pid").read()
            script = backend.answer("openai")
            script.say("One")
            response = page.ask("POST", "/api/chat", user("Hi"))
            body = read_until(response, b"One")
            # Longer than nginx waits.
            for _ in range(12):
                body += read_until(response, b": ping")
            script.say(" two")
            script.finish()
            assert text_of(body.replace(b": ping\n", b"") + response.read()) == "One two"


def test_a_backend_that_has_not_answered(backend, djangos, tmp_path) -> None:
    """The response begins without the backend, before a proxy gives up; an error is a frame."""
    short = HOST + "            proxy_read_timeout 4s;\n"
    with running("gthread", backend.url, djangos, HEARTBEAT=0.3) as url:
        with proxied(url, tmp_path, short) as proxy, Page(proxy) as page, Page(url) as direct:
            direct.ask("GET", "/pid").read()
            script = backend.stream(hold_head=True)
            response = page.ask("POST", "/api/chat", user("Hi"))
            assert response.status == 200
            script.cut()
            *_, failed, ended = frames(response.read())
    assert (json.loads(failed[1])["type"], ended[1]) == ("error", "[DONE]")


def test_tls_ends_at_the_proxy(backend, djangos, tmp_path) -> None:
    """The page's own origin is recognised by its host, whatever the scheme."""
    with running("gthread", backend.url, djangos) as url, proxied(url, tmp_path) as proxy:
        backend.answer("openai", "Hello")
        host = proxy.partition("//")[2]
        with Page(f"{proxy}/api/chat") as page:
            response = page.ask(body=user("Hi"), Origin=f"https://{host}")
            assert (response.status, text_of(response.read())) == (200, "Hello")
            assert page.ask(body=user("Hi"), Origin="https://example.com").status == 403


def test_the_page_behind_nginx(backend, djangos, tmp_path) -> None:
    """The page asks below the path at which it is mounted."""
    with running("gthread", backend.url, djangos) as url, proxied(url, tmp_path) as proxy:
        with chromium() as browser:
            context = browser.new_context()
            chat = Chat(context, f"{proxy}/api/chat/")
            script = backend.answer("openai")
            chat.ask("Hi")
            script.say("One")
            chat.sees("One")
            chat.page.reload()
            chat.sees("One")
            script.finish()
            chat.finished()
            assert chat.complaints == []
