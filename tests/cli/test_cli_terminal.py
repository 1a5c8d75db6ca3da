"""`chatsdk chat` as a person has it: on a terminal, with a keyboard."""

from __future__ import annotations

import pytest
from terminal import CTRL_C, CTRL_D, Terminal

from chatsdk.parts import Citation, Citations, Reasoning
from chatsdk.testing import AnswerScript, ChatServer

# A dumb terminal gets neither rich nor prompt_toolkit, whether they are installed or not.
TERMS = ["dumb", "xterm-256color"]


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


@pytest.fixture(autouse=True)
def state(monkeypatch, tmp_path):
    """A folder for the history that is not the user's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def chat(
    server: ChatServer, term: str = "dumb", options: tuple[str, ...] = (), **environ: str
) -> Terminal:
    url = f"{server.url}/v1/chat/completions"
    return Terminal("-m", "chatsdk", "chat", url, *options, term=term, NO_COLOR="", **environ)


def asked(terminal: Terminal, server: ChatServer, prompt: str) -> AnswerScript:
    """Type a prompt, and give the answer to it, which the test drives."""
    script = server.answer("openai")
    terminal.expect(">")
    terminal.type(f"{prompt}\r")
    server.wait_for_request()
    return script


@pytest.mark.parametrize("term", TERMS)
def test_ctrl_c_stops_the_answer_and_keeps_it(server, term) -> None:
    """Ctrl-C ends only the answer; its text stays, and is part of the conversation."""
    with chat(server, term) as terminal:
        script = asked(terminal, server, "Hi")
        script.say("Well, I think")
        terminal.expect("Well, I think")
        terminal.type(CTRL_C)
        terminal.expect("[stopped; the text so far is kept]")
        script = asked(terminal, server, "Go on")
        script.say(" that it works")
        script.finish()
        terminal.expect("that it works")
        terminal.expect("events")
        terminal.expect(">")
        terminal.type(CTRL_D)
        assert terminal.wait() == 0
        assert "Traceback" not in terminal.seen
    assert [
        (message["role"], message["content"]) for message in server.requests[1].json["messages"]
    ] == [("user", "Hi"), ("assistant", "Well, I think"), ("user", "Go on")]


@pytest.mark.parametrize("term", TERMS)
def test_ctrl_c_at_the_prompt_leaves(server, term) -> None:
    """A second Ctrl-C, without an answer under way, exits with the code of an interruption."""
    with chat(server, term) as terminal:
        script = asked(terminal, server, "Hi")
        script.say("Well")
        terminal.expect("Well")
        terminal.type(CTRL_C)
        terminal.expect("[stopped")
        terminal.expect(">")
        assert terminal.leave() == 130
        assert "Traceback" not in terminal.seen
        assert terminal.seen.endswith("\n")


def test_ctrl_c_before_the_first_word(server) -> None:
    """Ctrl-C also ends the wait for a backend that sends nothing, not even a status."""
    with chat(server) as terminal:
        server.silent(head=False)
        terminal.expect(">")
        terminal.type("Hi\r")
        server.wait_for_request()
        terminal.type(CTRL_C)
        terminal.expect("[stopped]")
        terminal.expect(">")
        assert terminal.running


@pytest.mark.parametrize("term", TERMS)
def test_typing_meanwhile_is_not_shown(server, term) -> None:
    """Keys typed while an answer streams are not echoed into it, and wait for the prompt."""
    with chat(server, term) as terminal:
        script = asked(terminal, server, "Hi")
        script.say("One")
        terminal.expect("One")
        assert not terminal.echoes
        terminal.type("later")
        script.say(" two")
        terminal.expect("One two" if term != "dumb" else " two")
        assert "later" not in terminal.seen
        script.finish()
        terminal.expect("events")
        terminal.expect(">")
        server.answer("openai", "Done.")
        terminal.type("\r")
        assert server.wait_for_request().json["messages"][-1]["content"] == "later"
        terminal.expect("Done.")
        terminal.expect(">")
        terminal.type(CTRL_D)
        assert terminal.wait() == 0
        assert terminal.echoes


@pytest.mark.parametrize("term", TERMS)
def test_an_error_is_one_line_and_no_end(server, term) -> None:
    """An error is shown with its remedy, its question is dropped, and the next one is asked."""
    with chat(server, term) as terminal:
        server.reply(401, json={"error": {"message": "wrong key"}})
        terminal.expect(">")
        terminal.type("Hi\r")
        shown = terminal.expect("--token-env")
        assert "error: HTTP 401: wrong key" in shown
        server.answer("openai", "Fine.")
        terminal.expect(">")
        terminal.type("Again\r")
        terminal.expect("Fine.")
    contents = [message["content"] for message in server.requests[1].json["messages"]]
    assert contents == ["Again"]


@pytest.mark.parametrize("term", TERMS)
def test_a_cut_answer_is_an_error(server, term) -> None:
    """The partial text of a broken answer stays on the screen and in the conversation."""
    with chat(server, term) as terminal:
        script = asked(terminal, server, "Hi")
        script.say("Half of")
        script.cut()
        terminal.expect("Half of")
        terminal.expect("error: ")
        terminal.expect("incomplete")
        server.answer("openai", "Fine.")
        terminal.expect(">")
        terminal.type("Again\r")
        terminal.expect("Fine.")
    contents = [message["content"] for message in server.requests[1].json["messages"]]
    assert contents == ["Hi", "Half of", "Again"]


@pytest.mark.parametrize("term", TERMS)
def test_a_terminal_obeys_no_backend(server, term) -> None:
    """Control characters of an answer or an error are shown, not obeyed."""
    hostile = "a\x1b]0;title\x07b\x9bc\rd &#27;[35m <http://x/%1b%5b2J>"
    with chat(server, term) as terminal:
        script = asked(terminal, server, "Hi")
        script.think(hostile)
        script.say(hostile)
        script.put(Citations((Citation(title="\x1b]0;t", url="http://x/\x1b[2J"),)))
        script.finish()
        terminal.expect("events")
        server.reply(500, json={"error": {"message": "\x1b]0;owned\x07"}})
        terminal.expect(">")
        terminal.type("Hi\r")
        terminal.expect("owned")
        terminal.expect(">")
        terminal.type(CTRL_D)
        terminal.wait()
    assert b"\x1b]0;" not in terminal.raw
    assert b"\x1b[2J" not in terminal.raw
    assert b"\x1b[35m" not in terminal.raw
    assert "\x9b" not in terminal.raw.decode()


def test_reasoning_comes_before_the_answer(server) -> None:
    """Reasoning is shown as such, and then the answer as such."""
    with chat(server) as terminal:
        script = asked(terminal, server, "Hi")
        script.put(Reasoning("Let me"))
        script.put(Reasoning(" think."))
        script.say("Yes.")
        script.finish()
        shown = terminal.expect("Yes.")
    assert "[reasoning]\nLet me think.\n[answer]\nYes." in shown


def test_markdown_is_rendered(server) -> None:
    """With rich an answer is rendered as Markdown, each finished block once."""
    pytest.importorskip("rich")
    with chat(server, "xterm-256color") as terminal:
        script = asked(terminal, server, "Hi")
        script.say("Some **bold** words.\n\n```python\nx =")
        terminal.expect("x =")
        script.say(" 1\n\ny = 2\n```\n\nA [link](http://example.test/page) and the ")
        terminal.expect("and the")
        script.say("end")
        script.finish()
        terminal.expect("events")
    assert "**bold**" not in terminal.seen
    assert "```" not in terminal.seen
    assert terminal.seen.count("Some bold words.") == 1
    assert "link (http://example.test/page)" in terminal.seen


def test_a_long_block_follows_its_end(server) -> None:
    """A growing block that is taller than the terminal shows its last lines."""
    pytest.importorskip("rich")
    with chat(server, "xterm-256color") as terminal:
        script = asked(terminal, server, "Hi")
        script.say("".join(f"- item {number} of it\n" for number in range(60)))
        shown = terminal.expect("item 59 of it")
        assert "item 0 of it" not in shown
        script.finish()
        assert "item 0 of it" in terminal.expect("events")
