"""The commands and keys of `chatsdk chat` besides prompts, and the history of the next run."""

from __future__ import annotations

import json
import stat
import sys

import pytest
from terminal import CTRL_C, CTRL_D, Terminal

from chatsdk.cli.prompt_history import KEPT, History, history_file
from chatsdk.cli.slash_commands import is_command
from chatsdk.testing import ChatServer

ESCAPE, CTRL_J, ALT_ENTER, UP = "\x1b", "\n", "\x1b\r", "\x1b[A"
PASTE = "\x1b[200~{}\x1b[201~"

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


def chat(server: ChatServer, *options: str, term: str = "xterm-256color") -> Terminal:
    if term != "dumb":
        pytest.importorskip("prompt_toolkit")
    url = f"{server.url}/v1/chat/completions"
    return Terminal("-m", "chatsdk", "chat", url, *options, term=term)


def ask(terminal: Terminal, server: ChatServer, prompt: str, answer: str) -> None:
    """Type a prompt and wait for all of its answer."""
    server.answer("openai", answer)
    terminal.expect(">")
    terminal.type(f"{prompt}\r")
    terminal.expect(answer)
    terminal.expect("events")


def run(terminal: Terminal, command: str, said: str) -> None:
    """Type a command and wait for its output."""
    terminal.expect(">")
    terminal.type(f"{command}\r")
    terminal.expect(said)


def leave(terminal: Terminal) -> None:
    terminal.expect(">")
    terminal.type(CTRL_D)
    assert terminal.wait() == 0
    assert "Traceback" not in terminal.seen


def asked(server: ChatServer, number: int = -1) -> list[tuple[str, str]]:
    """The conversation as a request had it."""
    messages = server.requests[number].json["messages"]
    return [(message["role"], message["content"]) for message in messages]


# Keys --------------------------------------------------------------------------------------


@pytest.mark.parametrize("term", TERMS)
def test_escape_stops_the_answer(server, term) -> None:
    """Esc ends an answer like Ctrl-C, and its text is kept."""
    with chat(server, term=term) as terminal:
        script = server.answer("openai")
        terminal.expect(">")
        terminal.type("Hi\r")
        server.wait_for_request()
        script.say("Well, I think")
        terminal.expect("Well, I think")
        terminal.type(ESCAPE)
        terminal.expect("[stopped; the text so far is kept]")
        script.wait_for_disconnect()
        ask(terminal, server, "Go on", "Fine.")
        leave(terminal)
    assert asked(server) == [("user", "Hi"), ("assistant", "Well, I think"), ("user", "Go on")]


def test_an_arrow_key_stops_nothing(server) -> None:
    """A key that begins with Esc, such as an arrow, is left for the next prompt."""
    with chat(server) as terminal:
        script = server.answer("openai")
        terminal.expect(">")
        terminal.type("Hi\r")
        server.wait_for_request()
        script.say("One")
        terminal.expect("One")
        terminal.type(UP)
        script.say(" two")
        terminal.expect(" two")
        script.finish()
        terminal.expect("events")
        assert "stopped" not in terminal.seen


@pytest.mark.parametrize("term", TERMS)
def test_enter_during_an_answer(server, term) -> None:
    """A prompt that was typed and sent during an answer is asked after it."""
    with chat(server, term=term) as terminal:
        script = server.answer("openai")
        terminal.expect(">")
        terminal.type("Hi\r")
        server.wait_for_request()
        script.say("One")
        terminal.expect("One")
        server.answer("openai", "Later.")
        terminal.type("second\r")
        script.say(" two")
        terminal.expect(" two")
        script.finish()
        terminal.expect("Later.")
        leave(terminal)
    assert asked(server)[-1] == ("user", "second")


@pytest.mark.parametrize("key", [CTRL_J, ALT_ENTER])
def test_several_lines(server, key) -> None:
    """Ctrl+J and Alt+Enter begin a new line; Enter sends them all."""
    with chat(server) as terminal:
        ask(terminal, server, f"one{key}two", "Fine.")
    assert asked(server) == [("user", "one\ntwo")]


def test_pasted_lines(server) -> None:
    """Lines that are pasted are one prompt."""
    with chat(server) as terminal:
        ask(terminal, server, PASTE.format("one\rtwo\r\rthree"), "Fine.")
    assert asked(server) == [("user", "one\ntwo\n\nthree")]


def test_ctrl_c_discards_what_was_typed(server) -> None:
    """Ctrl-C at a prompt with text empties it; only at an empty one it leaves."""
    with chat(server) as terminal:
        terminal.expect(">")
        terminal.type("wrong")
        terminal.expect("wrong")
        terminal.type(CTRL_C)
        terminal.type("right\r")
        server.answer("openai", "Fine.")
        terminal.expect("Fine.")
        terminal.expect(">")
        terminal.type(CTRL_C)
        assert terminal.wait() == 130
    assert asked(server) == [("user", "right")]


# Arguments ---------------------------------------------------------------------------------


@pytest.mark.parametrize("term", TERMS)
def test_a_prompt_as_an_argument(server, term) -> None:
    """A prompt on the command line is asked first, and the conversation goes on."""
    server.answer("openai", "Hello.")
    with chat(server, "Hi there", "--system", "Be brief.", term=term) as terminal:
        terminal.expect("> Hi there")
        terminal.expect("Hello.")
        ask(terminal, server, "More", "Fine.")
        leave(terminal)
    assert asked(server, 0) == [("system", "Be brief."), ("user", "Hi there")]
    assert len(asked(server, 1)) == 4


def test_a_token_typed_at_a_prompt(server) -> None:
    """`--token-prompt` asks for the token and does not show it."""
    server.answer("openai", "Hello.")
    with chat(server, "Hi", "--token-prompt") as terminal:
        terminal.expect("Token: ")
        assert not terminal.echoes
        terminal.type("sk-secret\r")
        terminal.expect("Hello.")
        leave(terminal)
        assert "sk-secret" not in terminal.seen
    assert server.requests[0].headers["authorization"] == "Bearer sk-secret"


def test_ask_shows_no_control_characters(server) -> None:
    """On a terminal `chatsdk ask` prints the text alone, and nothing that a terminal obeys."""
    server.answer("openai", "a\x1b]0;title\x07b", reasoning="Hm")
    url = f"{server.url}/v1/chat/completions"
    with Terminal("-m", "chatsdk", "ask", url, "Hi") as terminal:
        assert terminal.wait() == 0
    assert terminal.raw.decode() == "a\ufffd]0;title\ufffdb\r\n"


# Commands ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/help", True),
        ("/x", True),
        ("/save a/b.md", True),
        ("/", True),
        ("//x", False),
        ("/usr/bin/ls fails", False),
        ("a /b", False),
    ],
)
def test_what_is_a_command(text, command) -> None:
    """A word after one slash is a command; a path is not, nor what a second slash escapes."""
    assert is_command(text) is command


@pytest.mark.parametrize("term", TERMS)
def test_help(server, term) -> None:
    """`/help` lists the commands and the keys, and is not sent."""
    with chat(server, term=term) as terminal:
        run(terminal, "/help", "/retry")
        terminal.expect("Esc, Ctrl-C")
        run(terminal, "/helo", "there is no command /helo")
        leave(terminal)
    assert server.requests == []


def test_a_slash_that_is_escaped(server) -> None:
    """`//x` asks `/x`."""
    with chat(server) as terminal:
        ask(terminal, server, "//help me", "Fine.")
        leave(terminal)
    assert asked(server) == [("user", "/help me")]


def test_retry(server) -> None:
    """`/retry` asks the last question again, in place of its answer."""
    with chat(server, "--system", "Be brief.") as terminal:
        run(terminal, "/retry", "no question to ask again")
        ask(terminal, server, "Hi", "First.")
        ask(terminal, server, "/retry", "Second.")
        ask(terminal, server, "More", "Third.")
        leave(terminal)
    assert asked(server, 1) == [("system", "Be brief."), ("user", "Hi")]
    assert [text for _, text in asked(server, 2)] == ["Be brief.", "Hi", "Second.", "More"]


def test_retry_after_an_error(server) -> None:
    """`/retry` repeats a question without an answer."""
    with chat(server) as terminal:
        server.reply(500, json={"error": {"message": "oh"}})
        run(terminal, "Hi", "error: HTTP 500")
        ask(terminal, server, "/retry", "Now.")
        leave(terminal)
    assert asked(server) == [("user", "Hi")]


def test_clear(server) -> None:
    """`/clear` forgets the conversation, but not the system message."""
    with chat(server, "--system", "Be brief.") as terminal:
        ask(terminal, server, "Hi", "First.")
        run(terminal, "/clear", "[a new conversation]")
        ask(terminal, server, "More", "Second.")
        leave(terminal)
    assert asked(server) == [("system", "Be brief."), ("user", "More")]


def test_model(server) -> None:
    """`/model NAME` asks for another model from now on."""
    with chat(server, "--model", "small") as terminal:
        run(terminal, "/model", "[the model is small]")
        ask(terminal, server, "Hi", "First.")
        run(terminal, "/model large", "[the model is large]")
        ask(terminal, server, "More", "Second.")
        leave(terminal)
    assert [request.json["model"] for request in server.requests] == ["small", "large"]


def test_save(server, tmp_path) -> None:
    """`/save` writes Markdown or JSON, and never over another file."""
    page, data = tmp_path / "chat.md", tmp_path / "chat.json"
    with chat(server) as terminal:
        run(terminal, f"/save {page}", "nothing to save yet")
        ask(terminal, server, "Hi", "Hello **you**.".replace("**", ""))
        run(terminal, f"/save {page}", "[saved as")
        run(terminal, f"/save {data}", "[saved as")
        run(terminal, f"/save {page}", "already;")
        run(terminal, f"/save {tmp_path / 'no' / 'chat.md'}", "cannot write")
        leave(terminal)
    assert page.read_text() == "## User\n\nHi\n\n## Assistant\n\nHello you.\n"
    assert [message["content"] for message in json.loads(data.read_text())["messages"]] == [
        "Hi",
        "Hello you.",
    ]


@pytest.mark.parametrize("command", ["/exit", "/quit"])
def test_exit(server, command) -> None:
    """`/exit` leaves."""
    with chat(server) as terminal:
        terminal.expect(">")
        terminal.type(f"{command}\r")
        assert terminal.wait() == 0


# History -----------------------------------------------------------------------------------


@pytest.mark.parametrize("term", TERMS)
def test_history_over_runs(server, state, term) -> None:
    """The Up key brings back a prompt of an earlier run; only its owner can read the file."""
    with chat(server, term=term) as terminal:
        ask(terminal, server, "remember me", "Fine.")
        leave(terminal)
    file = state / "chatsdk" / "history"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    server.answer("openai", "Again.")
    with chat(server, term=term) as terminal:
        terminal.expect(">")
        terminal.type(UP)
        terminal.expect("remember me")
        terminal.type("\r")
        terminal.expect("Again.")
        leave(terminal)
    assert asked(server) == [("user", "remember me")]


def test_no_history(server, state) -> None:
    """`--no-history` keeps nothing."""
    with chat(server, "--no-history") as terminal:
        ask(terminal, server, "forget me", "Fine.")
        leave(terminal)
    assert not state.exists()


def test_prompts_of_several_lines_are_kept(tmp_path) -> None:
    """A prompt comes back as it was, whatever characters it has."""
    path = tmp_path / "deep" / "history"
    for prompt in ("one\ntwo", "é\ud83d", "é\ud83d", "three"):
        History(path).add(prompt)
    assert History(path).prompts == ["one\ntwo", "é\ud83d", "three"]


def test_an_old_file_is_cut_and_closed_to_others(tmp_path) -> None:
    """A long file is cut to its newest prompts; one that others could read no longer is."""
    path = tmp_path / "history"
    path.write_text("not JSON\n" + "".join(f'"p{n}"\n' for n in range(3 * KEPT)))
    path.chmod(0o644)
    assert History(path).prompts[-1] == f"p{3 * KEPT - 1}"
    assert len(path.read_text().splitlines()) == KEPT
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_history_that_cannot_be_kept(tmp_path) -> None:
    """A file that cannot be written is not an error: the prompts are those of this run."""
    (tmp_path / "file").write_text("")
    history = History(tmp_path / "file" / "history")
    history.add("one")
    assert history.prompts == ["one"]


@pytest.mark.skipif(sys.platform == "win32", reason="XDG folders")
def test_where_the_history_is(monkeypatch, tmp_path) -> None:
    """The file is in XDG_STATE_HOME, or in ~/.local/state if that is no absolute path."""
    assert history_file() == tmp_path / "state" / "chatsdk" / "history"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/me")
    assert str(history_file()) == "/home/me/.local/state/chatsdk/history"
