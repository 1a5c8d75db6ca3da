"""`useChat` as a hook of React, bundled with esbuild, in Chromium against real servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import WAIT_MILLISECONDS, chromium
from node import Node
from playwright.sync_api import Page, expect
from servers import running

from chatsdk import StreamInterrupted
from chatsdk.parts import Citation
from chatsdk.testing import ChatServer
from chatsdk.web.error_responses import message_of

HERE = Path(__file__).parent

SITES = ["gthread", "django-5.2-uvicorn", "django-5.2-gthread"]

PAGE = '<!doctype html><meta charset="utf-8"><div id="root"></div><script src="/hook.js"></script>'

expect.set_options(timeout=WAIT_MILLISECONDS)


@pytest.fixture(scope="module")
def bundle(node: Node) -> str:
    script: str = node.run("bundle.cjs", str(HERE / "use_chat_hook.jsx"))["script"]
    return script


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module", params=SITES)
def site(request, djangos) -> Iterator[tuple[str, ChatServer]]:
    """A site and its backend, for all tests: a server takes seconds to start."""
    with ChatServer() as backend:
        with running(request.param, backend.url, djangos, HEARTBEAT=0.2) as url:
            yield url, backend


@pytest.fixture
def backend(site) -> ChatServer:
    server: ChatServer = site[1]
    return server


@pytest.fixture
def asked(backend) -> Callable[[], list[Any]]:
    """A function that returns the conversations that the backend was asked in this test."""
    before = len(backend.requests)
    return lambda: [request.json["messages"] for request in backend.requests[before:]]


@pytest.fixture
def page(site, backend, browser, bundle) -> Iterator[Page]:
    """The page, of the same origin as the site's `/api/chat`."""
    url, _ = site
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(WAIT_MILLISECONDS)
    page.route(f"{url}/", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
    page.route(
        f"{url}/hook.js",
        lambda route: route.fulfill(body=bundle, content_type="text/javascript"),
    )
    page.goto(f"{url}/")
    yield page
    context.close()


def ask(page: Page, text: str) -> None:
    page.get_by_label("Message").fill(text)
    page.get_by_role("button", name="Send").click()


def ready(page: Page) -> None:
    expect(page.get_by_role("status")).to_have_text("ready")


def test_reasoning_sources_and_the_next_question(page, backend: ChatServer, asked) -> None:
    """An answer shows its reasoning, text and source; the next question has the history."""
    backend.answer(
        "openai",
        "It is sunny",
        reasoning="Let me see",
        citations=[Citation("Weather", "https://example.com/w")],
    )
    backend.answer("openai", "Yes")
    ask(page, "Weather?")
    expect(page.locator("details")).to_have_text("Let me see")
    expect(page.get_by_text("It is sunny")).to_be_visible()
    assert page.get_by_role("link", name="Weather").get_attribute("href") == "https://example.com/w"
    ready(page)
    ask(page, "Sure?")
    expect(page.get_by_text("Yes")).to_be_visible()
    ready(page)
    assert page.get_by_role("alert").count() == 0
    assert [(one["role"], one["content"]) for one in asked()[1]] == [
        ("user", "Weather?"),
        ("assistant", "It is sunny"),
        ("user", "Sure?"),
    ]


def test_each_piece_is_shown_at_once(page, backend: ChatServer) -> None:
    """Each piece is on the screen before the backend writes the next one."""
    script = backend.answer("openai")
    ask(page, "Hi")
    for text in ("One", " two", " three"):
        script.say(text)
        expect(page.get_by_role("log")).to_contain_text(text.strip())
        expect(page.get_by_role("status")).to_have_text("streaming")
    script.finish()
    ready(page)
    expect(page.get_by_text("One two three")).to_be_visible()


def test_reload_in_mid_answer(page, backend: ChatServer, asked) -> None:
    """After a reload the hook resumes: what came before and what comes after, asked once."""
    script = backend.answer("openai")
    script.say("One")
    ask(page, "Count")
    expect(page.get_by_text("One")).to_be_visible()
    page.reload()
    expect(page.get_by_text("One")).to_be_visible()
    script.say(" two")
    expect(page.get_by_text("One two")).to_be_visible()
    script.finish()
    ready(page)
    assert [one.get_attribute("aria-label") for one in page.get_by_role("article").all()] == [
        "user",
        "assistant",
    ]
    assert len(asked()) == 1


def test_tool_call(page, backend: ChatServer) -> None:
    """A tool call comes with its name and its arguments."""
    backend.answer("openai", tool_calls=[{"name": "weather", "arguments": '{"city": "Paris"}'}])
    ask(page, "Weather?")
    shown = page.locator("pre")
    expect(shown).to_contain_text('tool-weather input-available {"city":"Paris"}')
    ready(page)


def test_regenerate(page, backend: ChatServer) -> None:
    """`regenerate` puts the new answer in the place of the old one."""
    backend.answer("openai", "One")
    backend.answer("openai", "Two")
    ask(page, "Hi")
    expect(page.get_by_text("One")).to_be_visible()
    ready(page)
    page.get_by_role("button", name="Regenerate").click()
    expect(page.get_by_text("Two")).to_be_visible()
    expect(page.get_by_text("One")).to_have_count(0)


def test_broken_answer(page, backend: ChatServer) -> None:
    """An answer that breaks off shows our words; what came stays."""
    script = backend.answer("openai")
    script.say("Half")
    script.cut()
    ask(page, "Hi")
    expect(page.get_by_role("alert")).to_have_text(message_of(StreamInterrupted("cut")))
    expect(page.get_by_text("Half")).to_be_visible()
