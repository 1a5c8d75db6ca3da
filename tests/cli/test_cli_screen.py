"""The command's output for an answer: on a terminal, in a pipe, as Markdown."""

from __future__ import annotations

import io
import signal
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsdk.answer import Answer, AnswerBuilder, ToolCall
from chatsdk.cli import keyboard
from chatsdk.cli.answer_notes import printable
from chatsdk.cli.conversation import Conversation
from chatsdk.cli.markdown_screen import MarkdownScreen, block_ends, screen_for
from chatsdk.cli.prompt_history import History
from chatsdk.cli.screen import Screen
from chatsdk.client import ChatClient
from chatsdk.outcome import Outcome
from chatsdk.parts import Citation, Part, Reasoning, Text, TextSnapshot
from chatsdk.testing import ChatServer


class Paper(io.StringIO):
    """A stream that is a terminal, or is not."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def shown(*parts: Part, terminal: bool = True, rewrites: bool = False) -> tuple[str, str]:
    """Return the output for these parts, and the notes."""
    out, notes = Paper(terminal=terminal), Paper(terminal=terminal)
    screen = Screen(out, notes, rewrites=rewrites)
    play(screen, *parts)
    return out.getvalue(), notes.getvalue()


def play(screen: Screen, *parts: Part) -> None:
    builder = AnswerBuilder(started=0.0)
    for part in parts:
        screen.step(builder.step([part], payload="{}", at=1.0, received=1))
    screen.end(Outcome("finished", end="marker", answer=builder.answer))


@pytest.fixture(autouse=True)
def no_colours(monkeypatch):
    """The same text on every developer's terminal."""
    monkeypatch.setenv("NO_COLOR", "1")


def test_a_terminal_is_told_more() -> None:
    """A terminal gets the reasoning, the text and the timings; a pipe gets the text."""
    parts = (Reasoning("Hm"), Reasoning("m."), Text("Yes"), Text("."))
    out, notes = shown(*parts)
    assert out == "[reasoning]\nHmm.\n[answer]\nYes.\n"
    assert notes == "[first text 1.000 s, 4 events, 1.000 s]\n"
    assert shown(*parts, terminal=False) == ("Yes.\n", "")


def test_reasoning_is_dimmed(monkeypatch) -> None:
    """Reasoning is grey, or faint on few colours; NO_COLOR and a dumb terminal have neither."""
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b" not in shown(Reasoning("Hm"))[0]
    monkeypatch.delenv("NO_COLOR")
    assert "\x1b[38;5;244mHm\x1b[0m" in shown(Reasoning("Hm"))[0]
    monkeypatch.setenv("TERM", "linux")
    assert "\x1b[2mHm\x1b[0m" in shown(Reasoning("Hm"))[0]
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in shown(Reasoning("Hm"))[0]


def test_a_rewritten_answer_is_shown_again() -> None:
    """Text on the screen cannot be changed, so the complete answer is printed again."""
    out, notes = shown(Text("You had"), TextSnapshot("You have [1]"), Text("."))
    assert out == "You had\nYou have [1].\n"
    assert "changed its answer" in notes


def test_a_pipe_waits_for_what_may_be_rewritten() -> None:
    """A pipe gets an answer that may still change only when it is final."""
    parts = (Text("You had"), TextSnapshot("You have [1]"))
    assert shown(*parts, terminal=False, rewrites=True) == ("You have [1]\n", "")
    assert shown(*parts, rewrites=True)[0] == "You had\nYou have [1]\n"


def test_what_belongs_to_an_answer() -> None:
    """Citations and tool calls follow the text on a terminal."""
    answer = Answer(
        "Yes.",
        tool_calls=(ToolCall("c1", "search", '{"q": 1}'),),
        citations=(
            Citation(title="A page", url="http://x.test/"),
            Citation(document="d7", position=4),
        ),
    )
    out = Paper(terminal=True)
    Screen(out, Paper(terminal=True)).end(Outcome("finished", end="marker", answer=answer))
    assert out.getvalue() == '[calls search({"q": 1})]\n[1] A page http://x.test/\n[4] d7\n'


@pytest.mark.parametrize(
    ("outcome", "note"),
    [
        (Outcome("stopped", answer=Answer("Yes")), "[stopped; the text so far is kept]\n"),
        (Outcome("stopped"), "[stopped]\n"),
        (Outcome("finished", end="marker", answer=Answer(finish_reason="length")), "token limit"),
        (Outcome("finished", end="marker", answer=Answer(finish_reason="content_filter")), "filt"),
        (Outcome("finished", end="unproven"), "without an end marker"),
    ],
)
def test_how_it_ended(outcome, note) -> None:
    """An answer that is or may be incomplete is marked as such, also with a pipe."""
    notes = Paper(terminal=False)
    Screen(Paper(terminal=False), notes).end(outcome)
    assert note in notes.getvalue()


@given(st.text())
def test_printable(text) -> None:
    """Nothing printable obeys; what is harmless stays."""
    clean = printable(text)
    assert all(char in "\n\t" or char.isprintable() or ord(char) >= 0xA0 for char in clean)
    if text.isprintable():
        assert clean == text


# Markdown ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("", ""),
        ("One", ""),
        ("One\n", ""),
        ("One\n\n", ""),
        ("1. One\n\n   more", ""),
        ("1. One\n\n    code\n\n2", "1. One\n\n    code\n\n"),
        ("One\n\nTwo\n", "One\n\n"),
        ("One\n  \nTwo", "One\n  \n"),
        ("One\u2028Two\n\nThree", "One\u2028Two\n\n"),
        ("```\nx\n\ny\n", ""),
        ("```\nx\n\ny\n```\n\nz", "```\nx\n\ny\n```\n\n"),
        ("````\n```\n\n````\n\nz", "````\n```\n\n````\n\n"),
        ("~~~\n```\n\n~~~\n\nz", "~~~\n```\n\n~~~\n\n"),
        ("```\n``` not the end\n\n", ""),
    ],
)
def test_blocks(text, whole) -> None:
    """A block is settled once a line at the margin follows a blank line outside a fence."""
    assert text[: (block_ends(text) or [0])[-1]] == whole


@given(st.text("a\n`~ ", max_size=60))
def test_a_block_stays_complete(text) -> None:
    """A block that was complete once is so whatever follows."""
    ends: list[int] = []
    for end in range(len(text) + 1):
        now = block_ends(text[:end])
        assert now[: len(ends)] == ends
        ends = now


def rendered(*parts: Part) -> str:
    """The text that rich leaves on a terminal after all its cursor movements."""
    rich = pytest.importorskip("rich.console")
    from chatsdk.cli.markdown_renderer import Renderer

    out = Paper(terminal=True)
    console = rich.Console(file=out, force_terminal=True, width=60, height=20, color_system=None)
    play(MarkdownScreen(out, Paper(terminal=True), Renderer(out, console=console)), *parts)
    return out.getvalue()


def test_markdown_rewritten() -> None:
    """A rewritten answer is rendered again from its first block."""
    text = rendered(Text("One\n\nTwo"), TextSnapshot("**Three**\n\nFour"))
    assert text.rindex("One") < text.index("Three") < text.rindex("Four")
    assert "**" not in text


def test_markdown_reasoning() -> None:
    """Reasoning that comes together with text, or between it, is all shown."""
    text = rendered(Reasoning("First "), Reasoning("this."), Text("Yes"), Reasoning("Hm."))
    assert "First this." in text
    assert text.index("Yes") < text.index("Hm.")


def test_markdown_only_on_a_terminal(monkeypatch) -> None:
    """Rich is used where it is installed and there is a terminal that understands it."""
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm")
    terminal, pipe = Paper(terminal=True), Paper(terminal=False)
    assert isinstance(screen_for(terminal, terminal), MarkdownScreen)
    assert type(screen_for(pipe, pipe)) is Screen
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert type(screen_for(terminal, terminal)) is Screen


# Keyboard and signals ----------------------------------------------------------------------


def test_a_prompt_beside_a_pipe(monkeypatch, capsys) -> None:
    """If the answers go into a pipe, the prompt does not."""
    monkeypatch.setattr("sys.stdin", io.StringIO("Hi\n"))
    prompt = keyboard.prompts(Paper(terminal=False), History(None))
    assert prompt("") == "Hi\n"
    with pytest.raises(EOFError):
        prompt("")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "> > ")


def test_line_editing_without_the_extra(monkeypatch) -> None:
    """Without prompt_toolkit the standard library reads the prompt."""
    monkeypatch.setenv("TERM", "xterm")
    find_spec = keyboard.importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name: None if name == "prompt_toolkit" else find_spec(name),
    )
    monkeypatch.setattr("builtins.input", lambda prompt: f"{prompt}typed")
    assert keyboard.prompts(Paper(terminal=True), History(None))("") == "> typed"


def ask_one(handler: object = None) -> tuple[Outcome, object]:
    """Ask with this handler of Ctrl-C in place; give the outcome and the handler in mid-answer."""
    seen: list[object] = []

    class Watching(Screen):
        def step(self, answer: Answer) -> None:
            seen.append(signal.getsignal(signal.SIGINT))
            super().step(answer)

    with ChatServer() as server:
        server.answer("openai", "Yes.")
        screen = Watching(Paper(terminal=False), Paper(terminal=False))
        client = ChatClient(f"{server.url}/v1/chat/completions", dialect="openai")
        with client, Conversation(client, screen) as conversation:
            outcome = conversation.ask("Hi")
    return outcome, seen[0]


def test_ctrl_c_is_given_back() -> None:
    """Ctrl-C is an answer's only while it streams."""
    before = signal.getsignal(signal.SIGINT)
    outcome, meanwhile = ask_one()
    assert outcome.reason == "finished"
    assert meanwhile is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_that_is_ignored_stays_ignored() -> None:
    """In a background job, whose Ctrl-C a shell has switched off, it stays off."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert ask_one()[1] is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_conversation_off_the_main_thread() -> None:
    """A conversation also works on another thread, which gets no signals."""
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(ask_one()[0]))
    thread.start()
    thread.join()
    assert [outcome.reason for outcome in outcomes] == ["finished"]


def test_a_slow_terminal_skips_steps() -> None:
    """Steps that come while the terminal is drawing are shown together, and none is lost."""
    steps: list[str] = []
    drawing, ended, more = threading.Event(), threading.Event(), threading.Event()

    class Slow(Screen):
        def step(self, answer: Answer) -> None:
            steps.append(answer.delta)
            drawing.set()
            more.wait(20)

    with ChatServer() as server:
        script = server.answer("openai")
        screen = Slow(Paper(terminal=False), Paper(terminal=False))
        client = ChatClient(f"{server.url}/v1/chat/completions", dialect="openai")
        with client, Conversation(client, screen) as conversation:
            session = conversation.session
            session.subscribe(lambda: ended.set() if session.status == "finished" else None)
            asked = threading.Thread(target=conversation.ask, args=("Hi",))
            asked.start()
            script.say("One")
            assert drawing.wait(20)
            for word in (" two", " three", " four"):
                script.say(word)
            script.finish()
            assert ended.wait(20)
            more.set()
            asked.join()
    assert "".join(steps) == "One two three four"
    assert len(steps) < 4
