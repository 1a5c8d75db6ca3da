"""Tools that ask: Allow and Deny on the page in Chromium, and the approvals of `useChat`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from browser import serving
from chromium import Chat, chromium
from node import Node

from chatsdk import ChatClient, Tool
from chatsdk.testing import ChatServer
from chatsdk.web import ChatService, wsgi

# A browser writes 1.0 as 1, and large numbers as its own.
ARGUMENTS = {"path": "/a", "times": 1.0, "size": 2**53 + 1, "name": "Zoë"}


class Files:
    """A tool that asks, and what it did."""

    def __init__(self) -> None:
        self.deleted: list[str] = []

    def delete(self, path: str, times: float = 1, size: int = 0, name: str = "") -> str:
        """Delete a file."""
        self.deleted.append(path)
        return f"deleted {path}"


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
def site(backend, files) -> Iterator[str]:
    with ChatClient(backend.url, dialect="openai") as client:
        service = ChatService(client, heartbeat=0.5, tools=[Tool(files.delete, approve=True)])
        with serving(wsgi.application(service)) as url:
            yield f"{url}/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def chat(browser, site) -> Iterator[Chat]:
    context = browser.new_context()
    chat = Chat(context, site)
    yield chat
    context.close()
    assert chat.complaints == []


def asks(backend: ChatServer, *paths: str) -> None:
    """Let the model call the tool with these paths."""
    calls = [
        {"id": f"call-{number}", "name": "delete", "arguments": ARGUMENTS | {"path": path}}
        for number, path in enumerate(paths)
    ]
    backend.answer("openai", "Let me. ", tool_calls=calls)


def results(backend: ChatServer) -> list[str]:
    """The calls and results that the model received."""
    messages = backend.requests[-1].json["messages"]
    return [message["content"] for message in messages if message["role"] == "tool"]


def test_allow(chat, backend: ChatServer, files) -> None:
    """Allow runs the tool, and the answer goes on where it was."""
    asks(backend, "/a")
    backend.answer("openai", "Done.")
    chat.ask("Delete it")
    chat.button("Allow").click()
    chat.sees("Done.")
    chat.finished()
    assert files.deleted == ["/a"]
    assert results(backend) == ["deleted /a"]
    assert chat.log.locator(".turn.assistant").count() == 1
    assert chat.log.locator("details.call summary").inner_text() == "Tool delete (done)"
    assert not chat.button("Allow").is_visible()
    # The next question has the call and its result.
    backend.answer("openai", "Bye.")
    chat.ask("Thanks")
    chat.sees("Bye.")
    assert results(backend) == ["deleted /a"]


def test_deny(chat, backend: ChatServer, files) -> None:
    """Deny runs nothing, and the model hears of it."""
    asks(backend, "/a")
    backend.answer("openai", "As you like.")
    chat.ask("Delete it")
    chat.button("Deny").click()
    chat.sees("As you like.")
    chat.finished()
    assert files.deleted == []
    assert results(backend) == ["error: the user rejected this call"]
    assert chat.log.locator("details.call summary").inner_text() == "Tool delete (denied)"


def test_several_questions_by_the_keyboard(chat, backend: ChatServer, files) -> None:
    """Tab reaches the buttons; after a decision the focus is on the next question."""
    asks(backend, "/a", "/b")
    backend.answer("openai", "Done.")
    page = chat.page
    page.keyboard.type("Delete them")
    page.keyboard.press("Enter")
    chat.button("Allow").wait_for()
    # The focus stays in the box, where Enter allows nothing.
    page.keyboard.press("Enter")
    assert len(backend.requests) == 1

    def focused() -> str:
        return str(page.evaluate("document.activeElement.textContent")).strip()

    for _ in range(20):
        page.keyboard.press("Shift+Tab")
        if focused() == "Deny":
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    assert focused() == "Allow"
    page.keyboard.press("Space")
    chat.sees("Done.")
    chat.finished()
    assert files.deleted == ["/a"]
    assert results(backend) == ["deleted /a", "error: the user rejected this call"]
    page.keyboard.type("next")
    assert chat.box.input_value() == "next"


def test_what_a_screen_reader_is_told(chat, backend: ChatServer) -> None:
    """The question is said, and its buttons are in a group with its name."""
    asks(backend, "/a")
    chat.ask("Delete it")
    status = chat.page.get_by_role("status")
    status.get_by_text("Allow delete? The assistant waits for you.").wait_for(state="attached")
    group = chat.page.get_by_role("group", name="Allow delete?")
    assert group.get_by_role("button").all_inner_texts() == ["Allow", "Deny"]
    # Two questions about the same tool differ by their arguments.
    described = chat.page.locator(f"[id='{group.get_attribute('aria-describedby')}']")
    assert '"path": "/a"' in described.inner_text()
    assert chat.log.get_attribute("aria-busy") == "false"


def test_a_reload_at_the_question(chat, backend: ChatServer, files) -> None:
    """The question is still there after a reload, and can be answered."""
    asks(backend, "/a")
    backend.answer("openai", "Done.")
    chat.ask("Delete it")
    chat.button("Allow").wait_for()
    chat.page.reload()
    chat.button("Allow").click()
    chat.sees("Done.")
    chat.finished()
    assert files.deleted == ["/a"]
    assert "Let me." in chat.text()


def test_a_reload_after_the_decision(chat, backend: ChatServer) -> None:
    """A reload while the answer goes on shows all of it, the part before the question too."""
    asks(backend, "/a")
    script = backend.answer("openai")
    chat.ask("Delete it")
    chat.button("Allow").click()
    script.say("Half")
    chat.sees("Half")
    chat.page.reload()
    chat.sees("Half")
    script.say(" and whole")
    script.finish()
    chat.sees("Half and whole")
    chat.finished()
    assert chat.text().count("Let me.") == chat.text().count("Half") == 1
    assert chat.log.locator("details.call summary").inner_text() == "Tool delete (done)"


def test_another_question_instead(chat, backend: ChatServer, files) -> None:
    """Asking something else denies the call, and the model hears of it."""
    asks(backend, "/a")
    backend.answer("openai", "Fine.")
    chat.ask("Delete it")
    chat.button("Allow").wait_for()
    chat.ask("Or not")
    chat.sees("Fine.")
    chat.finished()
    assert files.deleted == []
    assert results(backend) == ["error: the user rejected this call"]
    assert not chat.button("Allow").is_visible()


@pytest.mark.parametrize("step", ["allow", "deny too risky"])
def test_use_chat(site, backend: ChatServer, files, node: Node, step) -> None:
    """`useChat` asks, posts the decision by itself, and goes on in the same message."""
    asks(backend, "/a")
    backend.answer("openai", "Done.")
    found = node.run("use_chat.cjs", site, json.dumps(["send Delete it", step]))
    assert (found["errors"], found["status"]) == ([], "ready")
    _question, answer = found["messages"]
    (call,) = [part for part in answer["parts"] if "toolCallId" in part]
    texts = [part["text"] for part in answer["parts"] if part["type"] == "text"]
    assert texts == ["Let me. ", "Done."]
    if step == "allow":
        assert (call["state"], call["output"]) == ("output-available", "deleted /a")
        assert (files.deleted, results(backend)) == (["/a"], ["deleted /a"])
    else:
        assert (call["state"], call["approval"]["reason"]) == ("output-denied", "too risky")
        told = "error: the user rejected this call: too risky"
        assert (files.deleted, results(backend)) == ([], [told])


def test_use_chat_with_two_questions(site, backend: ChatServer, files, node: Node) -> None:
    """The request goes out after the last decision; the next question has the whole story."""
    asks(backend, "/a", "/b")
    backend.answer("openai", "Done.")
    backend.answer("openai", "Bye.")
    steps = ["send Delete them", "deny", "allow", "send Thanks"]
    found = node.run("use_chat.cjs", site, json.dumps(steps))
    assert (found["errors"], found["status"], len(backend.requests)) == ([], "ready", 3)
    assert files.deleted == ["/b"]
    assert results(backend) == ["error: the user rejected this call", "deleted /b"]
