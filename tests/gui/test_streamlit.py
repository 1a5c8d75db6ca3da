"""The chat in Streamlit, run by Streamlit's own harness for tests, against real servers."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import streamlit
from applications import EXAMPLES, WAIT
from streamlit.runtime import Runtime
from streamlit.testing.v1 import AppTest

import chatsdk.testing
from chatsdk import ChatSession, Message, ToolCall, TurnHandle, use_chat
from chatsdk.parts import Citation
from chatsdk.testing import EmbeddedServer
from chatsdk.testing.embedded_replies import speak


@pytest.fixture
def url(server, monkeypatch) -> str:
    url = f"{server.url}/v1/chat/completions"
    # As Streamlit passes it: the arguments after the -- of its command.
    monkeypatch.setattr(sys, "argv", ["streamlit_chat.py", url])
    return url


@pytest.fixture
def page() -> Iterator[Callable[..., AppTest]]:
    """Opens a page of the example; with a session, another run of the page that has it."""
    pages = []

    def page(chat: ChatSession | None = None) -> AppTest:
        page = AppTest.from_file(str(EXAMPLES / "streamlit_chat.py"), default_timeout=WAIT)
        if chat is not None:
            page.session_state["chats"] = [chat]
            page.session_state["errors"] = {}
            page.session_state["chat"] = chat
        pages.append(page)
        return page

    yield page
    for opened in pages:
        assert not opened.exception
        if "chats" in opened.session_state:
            for chat in opened.session_state["chats"]:
                chat.close()


@pytest.fixture
def runtime(monkeypatch) -> None:
    """Leaves to each of two runs the harness's runtime, which goes when the first one ends."""
    seen = []

    def instance() -> Any:
        if Runtime._instance is not None:
            seen.append(Runtime._instance)
        return seen[-1]

    monkeypatch.setattr(Runtime, "instance", staticmethod(instance))


def shown(page: AppTest) -> list[tuple[str, str]]:
    """The roles of the messages on the page."""
    return [
        (message.name, "".join(block.value for block in message.markdown))
        for message in page.chat_message
    ]


def buttons(page: AppTest) -> list[str]:
    """The buttons next to the input."""
    return [button.label for button in page.button if button not in page.sidebar.button]


def ask(page: AppTest, prompt: str) -> None:
    page.chat_input[0].set_value(prompt).run()


def press(page: AppTest, label: str) -> None:
    (button,) = (button for button in page.button if button.label == label)
    button.click().run()


def test_a_conversation(page, server, url) -> None:
    """A question is answered, the next one goes on, and the page shows all of it."""
    server.answer("openai", "Good day to you.")
    server.answer("openai", "Fine.")
    page = page().run()
    assert shown(page) == []
    assert "Ask something" in page.caption[0].value
    assert buttons(page) == []
    ask(page, "Hello")
    assert shown(page) == [("user", "Hello"), ("assistant", "Good day to you.")]
    ask(page, "How are you?")
    assert shown(page)[2:] == [("user", "How are you?"), ("assistant", "Fine.")]
    assert [message["role"] for message in server.requests[1].json["messages"]] == [
        "user",
        "assistant",
        "user",
    ]
    assert buttons(page) == ["Regenerate"]


def test_regenerate(page, server, url) -> None:
    """Another answer takes the place of the last one."""
    server.answer("openai", "Good day.")
    server.answer("openai", "Good evening.")
    page = page().run()
    ask(page, "Hello")
    press(page, "Regenerate")
    assert shown(page) == [("user", "Hello"), ("assistant", "Good evening.")]


def test_stop(page, server, url, runtime) -> None:
    """Anything that runs the page again ends the answer at once, and its text is kept."""
    script = server.answer("openai")
    script.say("Half of")
    half = threading.Event()
    chat = use_chat(url, on_answer=lambda answer: answer.text == "Half of" and half.set())
    reading, pressing = page(chat).run(), page(chat)
    thread = threading.Thread(target=ask, args=(reading, "Hello"))
    thread.start()
    assert half.wait(WAIT)
    # The effect of Stop: Streamlit begins the next run while this one still reads.
    pressing.run()
    script.wait_for_disconnect()
    thread.join(WAIT)
    assert not thread.is_alive()
    assert shown(pressing) == [("user", "Hello"), ("assistant", "Half of")]
    assert [caption.value for caption in pressing.caption] == ["Stopped"]
    server.answer("openai", "The whole.")
    press(pressing, "Regenerate")
    assert shown(pressing) == [("user", "Hello"), ("assistant", "The whole.")]
    assert not pressing.caption


def test_a_server_that_dies(page, server, url) -> None:
    """An error is shown in its turn, below what came before it, and Retry asks again."""
    script = server.answer("openai")
    script.say("Half of")
    script.cut()
    page = page().run()
    ask(page, "Hello")
    assert shown(page) == [("user", "Hello"), ("assistant", "Half of")]
    (error,) = page.chat_message[1].error
    assert error.value == str(page.session_state["chat"].error) != ""
    server.answer("openai", "The whole.")
    press(page, "Retry")
    assert shown(page) == [("user", "Hello"), ("assistant", "The whole.")]
    assert not page.error


def test_a_server_that_refuses(page, server, url) -> None:
    """A refusal, before anything streams, is shown as well, and stays with its turn."""
    server.reply(401, json={"error": {"message": "who are you?"}})
    page = page().run()
    ask(page, "Hello")
    assert shown(page) == [("user", "Hello"), ("assistant", "")]
    assert "who are you?" in page.chat_message[1].error[0].value
    server.answer("openai", "Good day.")
    ask(page, "Again")
    assert shown(page)[2:] == [("user", "Again"), ("assistant", "Good day.")]
    assert "who are you?" in page.chat_message[1].error[0].value


def test_several_chats(page, server, url) -> None:
    """The sidebar has a button for each chat, named after its first question."""
    server.answer("openai", "Good day.")
    server.answer("openai", "Four.")
    page = page().run()
    assert [button.label for button in page.sidebar.button] == ["New chat", "New chat"]
    ask(page, "Hello")
    page.sidebar.button[0].click().run()
    assert shown(page) == []
    ask(page, "What is 2 + 2, and why is it so? Explain it.")
    assert [button.label for button in page.sidebar.button] == [
        "New chat",
        "What is 2 + 2, and why is it …",
        "Hello",
    ]
    page.sidebar.button[2].click().run()
    assert shown(page) == [("user", "Hello"), ("assistant", "Good day.")]
    assert [message["role"] for message in server.requests[1].json["messages"]] == ["user"]


def test_while_it_streams(page, server, url, runtime, monkeypatch) -> None:
    """Reasoning streams into a fold, then the text; a Stop button is there in that time."""
    # The page stays as the run has drawn it.
    monkeypatch.setattr(streamlit, "rerun", lambda: None)
    drawn = threading.Semaphore(0)
    wait = TurnHandle.wait

    def counted(handle: TurnHandle, timeout: float | None = None) -> bool:
        drawn.release()
        return wait(handle, timeout)

    script = server.answer("openai")
    chat = use_chat(url)
    reading = page(chat).run()
    monkeypatch.setattr(TurnHandle, "wait", counted)
    thread = threading.Thread(target=ask, args=(reading, "Hello"))
    thread.start()
    script.think("First I think.")
    script.say("Half of")
    there = threading.Event()
    chat.subscribe(lambda: chat.answer.text == "Half of" and there.set())
    assert chat.answer.text == "Half of" or there.wait(WAIT)
    while drawn.acquire(blocking=False):
        pass
    # The second time it waits, it has drawn what was there the first time.
    assert drawn.acquire(timeout=WAIT)
    assert drawn.acquire(timeout=WAIT)
    chat.stop()
    thread.join(WAIT)
    assert not thread.is_alive()
    assert shown(reading) == [("user", "Hello"), ("assistant", "Half of")]
    (fold,) = reading.chat_message[1].expander
    assert (fold.label, fold.proto.expanded) == ("Reasoning", False)
    assert [text.value for text in fold.text] == ["First I think."]
    assert buttons(reading) == ["Stop"]


def test_tool_calls(page, server, url) -> None:
    """A tool call is shown with its arguments."""
    server.answer("openai", tool_calls=[ToolCall("c1", "weather", '{"city": "Oslo"}')])
    page = page().run()
    ask(page, "Hello")
    (fold,) = page.chat_message[1].expander
    assert fold.label == "Tool call: weather"
    assert [code.value for code in fold.code] == ['{"city": "Oslo"}']


def test_nothing_is_fetched(page, server, url) -> None:
    """An image that the model names is a link."""
    server.answer("openai", "![a](http://127.0.0.1/a)")
    page = page().run()
    ask(page, "Hello")
    assert shown(page)[1] == ("assistant", r"\![a](http://127.0.0.1/a)")


def test_no_label_fetches(page, url) -> None:
    """An image in a tool's name, a source's title, a question or an error is a link, too."""
    image = "![a](http://127.0.0.1/a)"
    safe = "\\" + image
    chat = use_chat(
        url,
        messages=[
            Message("user", image),
            Message("assistant", "", tool_calls=(ToolCall("c1", image, "{}"),)),
            Message("tool", "Fine.", name=image, tool_call_id="c1"),
            Message(
                "assistant",
                "Yes.",
                citations=(Citation(title=image, url="https://example.com/page"),),
                status="error",
            ),
        ],
    )
    page = page(chat)
    page.session_state["errors"] = {(id(chat), chat.messages[-1].id): image}
    page.run()
    assert [fold.label for fold in page.expander] == [f"Tool call: {safe}", f"Result of {safe}"]
    assert [link.proto.label for link in page.get("link_button")] == [f"1. {safe}"]
    assert [error.value for error in page.error] == [safe]
    assert safe in [button.label for button in page.sidebar.button]


def test_reasoning_and_sources(page, server, url) -> None:
    """Reasoning is folded, and of the sources those on the web are links."""
    server.answer(
        "openai",
        "流式回答会一段一段地到达。",
        reasoning="First I think.",
        citations=[
            Citation(title="A page", url="https://example.com/page"),
            Citation(title="A file", url="file:///etc/hostname"),
        ],
    )
    page = page().run()
    ask(page, "Hello")
    answer = page.chat_message[1]
    assert [block.value for block in answer.markdown] == ["流式回答会一段一段地到达。"]
    (fold,) = answer.expander
    assert (fold.label, fold.proto.expanded) == ("Reasoning", False)
    assert [text.value for text in fold.text] == ["First I think."]
    (link,) = answer.get("link_button")
    assert (link.proto.label, link.proto.url) == ("1. A page", "https://example.com/page")
    assert "2. A file" in [text.value for text in answer.text]


def test_without_a_url(page, monkeypatch) -> None:
    """Without a URL the page starts its own server, one for all pages."""
    monkeypatch.setattr(sys, "argv", ["streamlit_chat.py"])
    made = []
    with EmbeddedServer(pace=0) as server:
        monkeypatch.setattr(
            chatsdk.testing, "EmbeddedServer", lambda: (made.append(True), server)[1]
        )
        for opened in (page(), page()):
            ask(opened.run(), "Hello!")
            assert shown(opened)[1] == ("assistant", speak({"prompt": "Hello!"}))
    assert made == [True]


def test_the_page_of_the_documentation(server) -> None:
    """The snippet of docs/windows.md shows a conversation, and stops an answer when it reruns."""
    page = (EXAMPLES.parent / "docs" / "windows.md").read_text(encoding="utf-8")
    (source,) = re.findall(r"^<!-- streamlit -->\n```python\n(.*?)^```", page, re.M | re.S)
    opened: Any = AppTest.from_string(
        source.replace("http://127.0.0.1:8765", server.url), default_timeout=WAIT
    ).run()
    server.answer("openai", "Good day to you.")
    ask(opened, "Hello")
    said = [("user", "Hello"), ("assistant", "Good day to you.")]
    assert shown(opened) == said
    script = server.answer("openai")
    chat = opened.session_state["chat"]
    handle = chat.start("Again")
    script.wait_for_request()
    opened.run()
    assert handle.wait(WAIT)
    assert chat.outcome.reason == "stopped"
    assert shown(opened)[:3] == [*said, ("user", "Again")]
    chat.close()


def test_write_stream(server, url) -> None:
    """`st.write_stream` takes the deltas of a stream, and returns the whole text."""

    def application(url: str) -> None:
        import streamlit

        from chatsdk import ChatClient

        with ChatClient(url) as client:
            text = streamlit.write_stream(client.ask("Hello").deltas())
        streamlit.session_state.text = text

    server.answer("openai", "Good day to you.")
    page: Any = AppTest.from_function(application, args=(url,), default_timeout=WAIT).run()
    assert not page.exception
    assert page.session_state["text"] == page.markdown[0].value == "Good day to you."
