"""The chat page in Chromium, used as a person uses it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import serving
from chromium import Chat, chromium
from redis_server import RedisServer

from chatsdk import ChatClient, StreamInterrupted
from chatsdk.parts import Citation
from chatsdk.testing import ChatServer
from chatsdk.web import ChatService, RedisJournal, wsgi
from chatsdk.web.error_responses import message_of

ANSWER = """# Sorting in Python

The **easiest** way is `sorted()`, which returns a *new* list:

```python
names = ["Zoë", "Ada", "Grace"]
for name in sorted(names, key=str.casefold):
    print(name)
```

1. It is stable
2. It takes a `key`
   - a function
   - called once for each item

> Beware: `list.sort()` returns `None`.

| function | in place | returns |
|---|---|---|
| `sorted(x)` | no | a list |
| `x.sort()` | yes | `None` |

See <https://docs.python.org/3/howto/sorting.html>. 你好 👨‍👩‍👧‍👦
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def site(backend) -> Iterator[str]:
    with ChatClient(backend.url, dialect="openai") as client:
        service = ChatService(client, heartbeat=0.5)
        with serving(wsgi.application(service)) as url:
            yield f"{url}/"


@pytest.fixture
def context(browser) -> Iterator[Any]:
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def chat(site, context) -> Iterator[Chat]:
    chat = Chat(context, site)
    yield chat
    assert chat.complaints == []


def test_an_answer_grows(chat, backend: ChatServer) -> None:
    """Each piece is on the screen before the next one is written."""
    script = backend.answer("openai")
    chat.ask("Hi")
    for text in ("One", " two", " three"):
        script.say(text)
        chat.sees(text.strip())
        assert chat.button("Stop").is_visible()
        assert not chat.page.get_by_role("button", name="Send", exact=True).is_visible()
    script.finish()
    chat.finished()
    assert "One two three" in chat.text()
    assert chat.page.get_by_role("button", name="Send", exact=True).is_visible()
    assert chat.box.input_value() == ""


def test_send_by_the_button(chat, backend: ChatServer) -> None:
    """The button does what Enter does, and Shift+Enter breaks the line."""
    backend.answer("openai", "Done")
    chat.box.fill("One")
    chat.box.press("Shift+Enter")
    chat.box.type("two")
    chat.button("Send").click()
    chat.finished()
    assert backend.requests[0].json["messages"][-1]["content"] == "One\ntwo"


FORMULAS = r"""So $a_1 * b * c_1$ and \(d\,e\), for $5 or **$10**, `$x_1$` &lt; 2 &amp; more.

__proto__ in ${a}/${b}

\[
\int_0^1 x\,dx
\]

| name | price |
|:-:|--:|
| a | 1 |

مرحبا
"""


def test_formulas_tables_and_directions(chat, backend: ChatServer) -> None:
    """TeX keeps its source, columns and paragraphs keep their sides, entities are characters."""
    backend.answer("openai", FORMULAS, pieces=40)
    chat.ask("Hi")
    chat.finished()
    code = chat.log.locator("code").all_inner_texts()
    assert code == ["a_1 * b * c_1", r"d\,e", "$x_1$", r"\int_0^1 x\,dx"]
    assert "for $5 or $10, $x_1$ < 2 & more." in chat.text()
    assert "proto in ${a}/${b}" in chat.text()
    # A name that every object of JavaScript has.
    assert chat.log.locator("strong").all_inner_texts() == ["$10", "proto"]

    def side(text: str) -> str:
        return chat.log.get_by_text(text, exact=True).evaluate(
            "cell => { const range = document.createRange(); range.selectNodeContents(cell);"
            "const words = range.getBoundingClientRect(), box = cell.getBoundingClientRect();"
            "const before = words.left - box.left, after = box.right - words.right;"
            "return Math.abs(before - after) < 2 ? 'center' : before < after ? 'left' : 'right' }"
        )

    assert [side(text) for text in ("a", "1", "مرحبا")] == ["center", "right", "right"]


@pytest.mark.parametrize("way", ["button", "escape"])
def test_stop(chat, backend: ChatServer, way) -> None:
    """Stop ends the answer and the connection to the backend; what came stays."""
    script = backend.answer("openai")
    script.say("Half an")
    chat.ask("Hi")
    chat.sees("Half an")
    if way == "button":
        chat.button("Stop").click()
    else:
        chat.page.keyboard.press("Escape")
    chat.sees("You stopped this answer")
    script.wait_for_disconnect()
    assert "Half an" in chat.text()


def test_regenerate(chat, backend: ChatServer) -> None:
    """Regenerate asks the same again, and its answer takes the place of the old one."""
    backend.answer("openai", "First")
    backend.answer("openai", "Second")
    chat.ask("Hi")
    chat.finished()
    chat.button("Regenerate").click()
    chat.sees("Second")
    chat.finished()
    assert "First" not in chat.text()
    assert backend.requests[1].json["messages"] == backend.requests[0].json["messages"]


@pytest.mark.parametrize("way", ["Enter", "button"])
def test_edit(chat, backend: ChatServer, way) -> None:
    """An edited question drops everything after it and is asked again."""
    backend.answer("openai", "First")
    backend.answer("openai", "Second")
    chat.ask("Hello")
    chat.finished()
    chat.log.get_by_text("Hello").hover()
    chat.button("Edit").click()
    area = chat.log.get_by_role("textbox")
    assert area.input_value() == "Hello"
    area.fill("Goodbye")
    if way == "Enter":
        area.press("Enter")
    else:
        chat.log.get_by_role("button", name="Send", exact=True).click()
    chat.sees("Second")
    chat.finished()
    assert "Hello" not in chat.text()
    assert "First" not in chat.text()
    assert backend.requests[1].json["messages"] == [{"role": "user", "content": "Goodbye"}]


def test_copy(browser, site, backend: ChatServer) -> None:
    """Copy gives the answer as it was written, with its Markdown."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    chat = Chat(context, site)
    backend.answer("openai", ANSWER)
    chat.ask("How?")
    chat.finished()
    chat.log.locator(".assistant > div > .tools").get_by_role("button", name="Copy").click()
    chat.page.get_by_role("button", name="Copied").wait_for()
    assert chat.page.evaluate("navigator.clipboard.readText()") == ANSWER
    context.close()


def test_reload_in_mid_answer(chat, backend: ChatServer) -> None:
    """The reloaded page shows the conversation and goes on with the answer."""
    script = backend.answer("openai")
    script.say("One")
    chat.ask("Count")
    chat.sees("One")
    chat.page.reload()
    chat.sees("Count")
    chat.sees("One")
    assert chat.button("Stop").is_visible()
    script.say(" two")
    script.finish()
    chat.sees("One two")
    chat.finished()
    assert chat.text().count("One") == 1
    backend.answer("openai", "Three")
    chat.ask("More")
    chat.sees("Three")
    roles = [message["role"] for message in backend.requests[1].json["messages"]]
    assert roles == ["user", "assistant", "user"]


def test_two_tabs(chat, context, site, backend: ChatServer) -> None:
    """A second tab of the chat shows the same answer as it grows, and may stop it."""
    script = backend.answer("openai")
    script.say("One")
    chat.ask("Count")
    chat.sees("One")
    other = Chat(context, chat.page.url)
    other.sees("One")
    script.say(" two")
    chat.sees("One two")
    other.sees("One two")
    other.button("Stop").click()
    other.sees("You stopped this answer")
    chat.sees("You stopped this answer")
    script.wait_for_disconnect()
    # The next question of one tab is in the other one, too.
    script = backend.answer("openai")
    script.say("Fine")
    other.ask("Again")
    chat.sees("Fine")
    script.finish()
    chat.finished()
    other.finished()
    assert chat.text() == other.text()
    assert other.complaints == []


def test_the_backend_fails_before_the_first_word(chat, backend: ChatServer) -> None:
    """The error is ours and can be retried; a retry asks the same again."""
    backend.reply(500, json={"error": {"message": "secret of the backend"}})
    backend.answer("openai", "Better")
    chat.ask("Hi")
    chat.page.get_by_role("alert").wait_for()
    assert "refused" in chat.page.get_by_role("alert").inner_text()
    assert "secret" not in chat.text()
    chat.button("Retry").click()
    chat.sees("Better")
    chat.finished()
    assert backend.requests[1].json["messages"] == [{"role": "user", "content": "Hi"}]


def test_the_backend_fails_after_the_first_word(chat, backend: ChatServer) -> None:
    """The partial answer stays, with the error below it; a retry starts over."""
    script = backend.answer("openai")
    script.say("Half an")
    chat.ask("Hi")
    chat.sees("Half an")
    script.cut()
    chat.page.get_by_role("alert").wait_for()
    assert "Half an" in chat.text()
    assert message_of(StreamInterrupted("cut")) in chat.text()
    backend.answer("openai", "A whole one")
    chat.button("Retry").click()
    chat.sees("A whole one")
    chat.finished()
    assert "Half an" not in chat.text()


@pytest.mark.parametrize("offline", [False, True])
def test_a_connection_that_is_lost(context, backend: ChatServer, offline) -> None:
    """The answer goes on when the connection is back, without a word twice."""
    lost = threading.Event()
    with ChatClient(backend.url, dialect="openai") as client:
        application = wsgi.application(ChatService(client, heartbeat=0.1))
        bodies: list[Any] = []

        def breaking(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
            body = application(environ, start_response)
            if environ["REQUEST_METHOD"] == "POST":
                bodies.append(body)
            try:
                for frame in body:
                    yield frame
                    if bodies == [body] and lost.is_set():
                        return
            finally:
                getattr(body, "close", lambda: None)()

        with serving(breaking) as url:
            script = backend.answer("openai")
            script.say("One")
            chat = Chat(context, f"{url}/")
            chat.ask("Count")
            chat.sees("One")
            context.set_offline(offline)
            lost.set()
            status = chat.page.get_by_role("status")
            status.get_by_text("Trying again").wait_for(state="attached")
            script.say(" two")
            script.finish()
            context.set_offline(False)
            chat.sees("One two")
            chat.finished()
    assert chat.text().count("One") == 1
    assert chat.complaints == []


def test_redis_restarted(context, backend: ChatServer, tmp_path) -> None:
    """A Redis that is restarted in mid-answer is not noticed."""
    server = RedisServer(tmp_path)
    server.start()
    try:
        with ChatClient(backend.url, dialect="openai") as client:
            journal = RedisJournal(server.url, lease=20)
            with serving(wsgi.application(ChatService(client, journal=journal))) as url:
                script = backend.answer("openai")
                script.say("One")
                chat = Chat(context, f"{url}/")
                chat.ask("Count")
                chat.sees("One")
                server.kill()
                script.say(" two")
                server.start()
                script.say(" three")
                script.finish()
                chat.sees("One two three")
                chat.finished()
            journal.close()
    finally:
        server.kill()
    assert chat.text().count("One") == 1


def test_reasoning_sources_and_tools(chat, backend: ChatServer) -> None:
    """Reasoning is folded, sources are links, a tool call has its name."""
    backend.answer(
        "openai",
        "Sunny",
        reasoning="Let me think",
        tool_calls=[{"name": "weather", "arguments": '{"city": "Paris"}'}],
        citations=[Citation("The weather", "https://example.com/w")],
    )
    chat.ask("Weather?")
    chat.finished()
    reasoning = chat.log.locator("details.reasoning")
    assert reasoning.get_attribute("open") is None
    reasoning.locator("summary").click()
    assert "Let me think" in reasoning.inner_text()
    link = chat.log.get_by_role("link", name="The weather")
    assert link.get_attribute("href") == "https://example.com/w"
    assert "noopener" in (link.get_attribute("rel") or "")
    assert "weather" in chat.log.locator("details.call summary").inner_text()


def test_enter_that_ends_a_composition(chat, backend: ChatServer) -> None:
    """Enter that chooses a word of an input method does not send, in both boxes."""
    backend.answer("openai", "好")
    devices = chat.page.context.new_cdp_session(chat.page)

    def compose(word: str) -> None:
        devices.send(
            "Input.imeSetComposition", {"text": word, "selectionStart": 2, "selectionEnd": 2}
        )
        for kind in ("rawKeyDown", "keyUp"):
            devices.send(
                "Input.dispatchKeyEvent",
                {"type": kind, "key": "Process", "code": "Enter", "windowsVirtualKeyCode": 229},
            )
        # Safari reports the end of the composition first, and then the key with this code.
        chat.page.evaluate(
            """() => document.activeElement.dispatchEvent(new KeyboardEvent("keydown",
                 { key: "Enter", keyCode: 229, bubbles: true, cancelable: true }))"""
        )
        chat.page.evaluate(
            """() => document.activeElement.dispatchEvent(new KeyboardEvent("keydown",
                 { key: "Enter", isComposing: true, bubbles: true, cancelable: true }))"""
        )
        devices.send("Input.insertText", {"text": word})

    chat.box.focus()
    compose("你好")
    assert chat.box.input_value() == "你好"
    assert backend.requests == []
    chat.box.press("Enter")
    chat.sees("好")
    chat.finished()
    chat.log.get_by_text("你好").hover()
    chat.button("Edit").click()
    area = chat.log.get_by_role("textbox")
    area.fill("")
    compose("再见")
    assert area.input_value() == "再见"
    assert len(backend.requests) == 1


def test_by_the_keyboard_alone(chat, backend: ChatServer) -> None:
    """Every control is reached by Tab, has a focus ring, and works by the keyboard."""
    backend.answer("openai", "First", reasoning="Hm")
    backend.answer("openai", "Second")
    backend.answer("openai", "Third")
    page = chat.page

    def tab_to(name: str, key: str = "Tab") -> None:
        for _ in range(20):
            page.keyboard.press(key)
            found = page.evaluate("document.activeElement.textContent")
            if found.strip() == name:
                outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline != "none"
                return
        raise AssertionError(f"{name} is not reached by {key}")

    page.keyboard.type("Hello")  # The box has the focus from the start.
    page.keyboard.press("Enter")
    chat.finished()
    tab_to("Reasoning", "Shift+Tab")
    page.keyboard.press("Enter")
    assert chat.log.locator("details.reasoning").get_attribute("open") is not None
    tab_to("Regenerate")
    page.keyboard.press("Enter")
    chat.sees("Second")
    chat.finished()
    tab_to("Edit", "Shift+Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Control+A")
    page.keyboard.type("Other")
    page.keyboard.press("Enter")
    chat.sees("Third")
    chat.finished()
    # The focus is not lost: one can type at once.
    page.keyboard.type("next")
    assert chat.box.input_value() == "next"
    tab_to("New chat", "Shift+Tab")
    page.keyboard.press("Enter")
    assert chat.text() == ""


def test_what_a_screen_reader_is_told(chat, backend: ChatServer) -> None:
    """The transcript is a log, and a live region announces the begin and end of an answer."""
    script = backend.answer("openai")
    chat.ask("Hi")
    status = chat.page.get_by_role("status")
    status.get_by_text("The answer is on its way.").wait_for(state="attached")
    script.say("Hello")
    script.finish()
    chat.finished()
    status.get_by_text("The answer is complete.").wait_for(state="attached")
    tree = chat.page.get_by_role("log").aria_snapshot()
    assert "You said:" in tree
    assert 'button "Copy"' in tree


def test_a_browser_without_storage(browser, site, backend: ChatServer) -> None:
    """If storage is forbidden, the page works without remembering anything."""
    context = browser.new_context()
    context.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('no'); } })"
    )
    chat = Chat(context, site)
    backend.answer("openai", "Hello")
    chat.ask("Hi")
    chat.sees("Hello")
    chat.finished()
    assert chat.complaints == []
    context.close()


def test_a_long_answer_follows_the_end(chat, backend: ChatServer) -> None:
    """The end stays in view while it grows, unless the reader scrolls up."""
    script = backend.answer("openai")
    chat.ask("Hi")
    for number in range(60):
        script.say(f"Paragraph {number}\n\n")
    chat.sees("Paragraph 59")
    at_end = """() => {
        const main = document.getElementById("main");
        return main.scrollHeight - main.scrollTop - main.clientHeight < 60;
    }"""
    chat.page.wait_for_function(at_end)
    chat.page.mouse.move(300, 300)
    chat.page.mouse.wheel(0, -2000)
    chat.page.get_by_role("button", name="Jump to the latest message").wait_for()
    script.say("Paragraph 60\n\n")
    chat.log.get_by_text("Paragraph 60").wait_for(state="attached")
    assert not chat.page.evaluate(at_end)
    chat.page.get_by_role("button", name="Jump to the latest message").click()
    chat.page.wait_for_function(at_end)
    script.finish()
    chat.finished()


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures(browser, site, backend: ChatServer, tmp_path, scheme, width) -> None:
    """Nothing is wider than the window; pictures are left in CHATSDK_ARTEFACTS."""
    folder = Path(os.environ.get("CHATSDK_ARTEFACTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    size = {"width": width, "height": 900 if width > 1000 else 740}
    context = browser.new_context(viewport=size, color_scheme=scheme)
    chat = Chat(context, site)

    def picture(name: str) -> None:
        chat.page.screenshot(path=folder / f"page-{scheme}-{width}-{name}.png")
        wide = chat.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width

    picture("idle")
    backend.answer(
        "openai",
        ANSWER,
        reasoning="They want sorting.",
        citations=[Citation("Sorting HOWTO", "https://docs.python.org/3/howto/sorting.html")],
    )
    chat.ask("How do I sort a list of names?")
    chat.finished()
    picture("answer")
    script = backend.answer("openai")
    script.say("One moment")
    chat.ask("And in Rust?")
    chat.sees("One moment")
    picture("growing")
    chat.page.keyboard.press("Escape")
    chat.sees("You stopped this answer")
    backend.reply(500, json={})
    chat.ask("x" * 300)
    chat.button("Retry").wait_for()
    picture("error")
    assert chat.complaints == []
    context.close()
