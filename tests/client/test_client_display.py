"""`stream.display()` with a replacement for IPython, and a clock that a test moves."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from chatsdk import Answer, ChatClient, ChatSession, Citation, StreamInterrupted, ToolCall
from chatsdk.answer import AnswerBuilder
from chatsdk.client import notebook as displaying
from chatsdk.parts import Citations, Reasoning, Text, TextSnapshot
from chatsdk.testing import ChatServer


class Notebook:
    """Replaces IPython in a notebook: an output that is displayed once, and then updated.

    Attributes:
        shown: each state of the output, as Markdown.
        plain: the newest one as plain text.
        threads: those on which it was displayed.
    """

    def __init__(self) -> None:
        self.kernel: object | None = object()
        self.shown: list[str] = []
        self.plain = ""
        self.threads: set[threading.Thread] = set()

    def display(self, data: dict[str, str], *, raw: bool, display_id: bool) -> Any:
        assert self.shown == [], "one output for an answer"
        assert raw
        assert display_id
        self.update(data, raw=True)
        return self

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.shown.append(data["text/markdown"])
        self.plain = data["text/plain"]
        self.threads.add(threading.current_thread())


class Clock:
    """A clock that only a test moves, and the timers that wait for it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[tuple[float, Callable[..., None], tuple[Any, ...]]] = []

    def monotonic(self) -> float:
        return self.now

    def timer(self, delay: float, function: Callable[..., None], args: tuple[Any, ...]) -> Any:
        entry = (self.now + delay, function, args)
        return SimpleNamespace(
            start=lambda: self.timers.append(entry), cancel=self.timers.clear, join=lambda: None
        )

    def move(self, seconds: float) -> None:
        self.now += seconds
        due = [timer for timer in self.timers if timer[0] <= self.now]
        self.timers = [timer for timer in self.timers if timer[0] > self.now]
        for _, function, args in due:
            function(*args)


@pytest.fixture
def notebook(monkeypatch) -> Notebook:
    notebook = Notebook()
    package, module = ModuleType("IPython"), ModuleType("IPython.display")
    package.get_ipython = lambda: notebook  # type: ignore[attr-defined]
    module.display = notebook.display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return notebook


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(displaying, "time", clock)
    monkeypatch.setattr(
        displaying, "threading", SimpleNamespace(Lock=threading.Lock, Timer=clock.timer)
    )
    return clock


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


@pytest.fixture
def client(server) -> Iterator[ChatClient]:
    with ChatClient(f"{server.url}/v1/chat/completions", dialect="openai") as client:
        yield client


def answers(*parts: Any) -> Iterator[Answer]:
    """The steps of an answer, one for each part."""
    builder = AnswerBuilder()
    for part in parts:
        yield builder.apply(part)


def test_the_final_answer(client, server, notebook) -> None:
    """It returns what `result` does, and the output ends with all of the text."""
    server.answer("openai", "Good day to you.")
    answer = client.ask("Hello").display()
    assert (answer.text, answer.finish_reason) == ("Good day to you.", "stop")
    assert notebook.shown[-1] == notebook.plain == "Good day to you."


def test_a_sessions_stream(client, server, notebook) -> None:
    """A session's stream has it too, and moves the session on."""
    server.answer("openai", "Good day to you.")
    with ChatSession(client) as session:
        answer = session.ask("Hello").display()
        assert answer is session.answer
        assert [message.content for message in session.messages] == ["Hello", answer.text]
        assert session.outcome.reason == "finished"
    assert notebook.shown[-1] == "Good day to you."


def test_the_first_state_at_once(notebook, clock) -> None:
    """The first step is shown without delay, and the next one not until its time has come."""
    steps = answers(Text("a"), Text("b"), Text("c"))
    output = displaying.Output(notebook.display)
    output.put(next(steps))
    assert notebook.shown == ["a"]
    output.put(next(steps))
    clock.move(displaying.UPDATE_SECONDS / 2)
    output.put(next(steps))
    assert notebook.shown == ["a"]
    assert len(clock.timers) == 1


def test_what_was_suppressed_is_shown(notebook, clock) -> None:
    """A suppressed state is shown when its time has come, also if nothing follows."""
    steps = answers(Text("a"), Text("b"), Text("c"))
    output = displaying.Output(notebook.display)
    for step in steps:
        output.put(step)
    clock.move(displaying.UPDATE_SECONDS)
    assert notebook.shown == ["a", "abc"]


def test_how_often(notebook, clock) -> None:
    """A thousand steps in one second are ten updates, and the last state."""
    output = displaying.Output(notebook.display)
    for step in answers(*[Text("x")] * 1000):
        output.put(step)
        clock.move(0.001)
    output.end()
    assert 10 <= len(notebook.shown) <= 12
    assert notebook.shown[-1] == "x" * 1000
    assert clock.timers == []


def test_nothing_after_the_end(notebook, clock) -> None:
    """A timer that fires after the end shows nothing any more."""
    steps = answers(Text("a"), Text("b"))
    output = displaying.Output(notebook.display)
    output.put(next(steps))
    output.put(next(steps))
    ((_, function, args),) = clock.timers
    output.end()
    output._newest = Answer()
    function(*args)
    assert notebook.shown == ["a", "ab"]


def test_nothing_new_is_not_shown(notebook, clock) -> None:
    """A step that changes nothing to be seen is no update."""
    output = displaying.Output(notebook.display)
    for step in answers(Text("a"), Text("")):
        output.put(step)
        clock.move(1)
    output.end()
    assert notebook.shown == ["a"]


def test_a_silent_backend(client, server, notebook) -> None:
    """If the backend is silent, a background thread shows the suppressed update."""
    script = server.answer("openai")
    updated = threading.Condition()
    update = notebook.update

    def note(data: dict[str, str], *, raw: bool) -> None:
        with updated:
            update(data, raw=raw)
            updated.notify_all()

    notebook.update = note  # type: ignore[method-assign]
    stream = client.ask("Hello")
    thread = threading.Thread(target=stream.display)
    thread.start()
    script.say("Half")
    script.say(" of it")
    with updated:
        assert updated.wait_for(lambda: notebook.plain == "Half of it", 20)
    assert not stream.outcome
    script.finish()
    thread.join(20)
    assert not [one for one in threading.enumerate() if one.name == "chatsdk-display"]
    assert notebook.shown[-1] == "Half of it"


def test_an_error(client, server, notebook) -> None:
    """An error is raised, and shown below the text that had arrived."""
    script = server.answer("openai")
    script.say("Half")
    script.say(" of")
    script.cut()
    with pytest.raises(StreamInterrupted) as caught:
        client.ask("Hello").display()
    assert caught.value.answer.text == notebook.plain == "Half of"
    shown, _, notice = notebook.shown[-1].partition("\n\n")
    assert shown == "Half of"
    assert notice == f"**Error:** {caught.value}".replace("_", r"\_")


def test_an_interrupt(client, server, notebook, monkeypatch) -> None:
    """The kernel's interrupt leaves the text and ends the request."""
    script = server.answer("openai")
    script.say("Half of")
    put = displaying.Output.put

    def interrupted(output: Any, answer: Answer) -> None:
        put(output, answer)
        if answer.text:
            raise KeyboardInterrupt

    monkeypatch.setattr(displaying.Output, "put", interrupted)
    stream = client.ask("Hello")
    with pytest.raises(KeyboardInterrupt):
        stream.display()
    script.wait_for_disconnect()
    assert stream.outcome.reason == "stopped"
    assert notebook.shown[-1] == "Half of\n\n*You stopped this answer.*"


def test_reasoning(notebook) -> None:
    """Reasoning is open until there is text, and then folded; it is text, not HTML."""
    output = displaying.Output(notebook.display)
    thought, *_, last = answers(Reasoning("if a < b:\n\nstop"), Text("Yes."))
    output.put(thought)
    output.put(last)
    output.end()
    body = "<summary>Reasoning</summary>if a &lt; b:<br><br>stop</details>\n\n"
    assert notebook.shown == [f"<details open>{body}", f"<details>{body}Yes."]
    assert notebook.plain == "Yes."


def test_sources(notebook) -> None:
    """Sources are a numbered list of links; other schemes are not links, titles not Markdown."""
    sources = (
        Citation(title="A [page]\nof it", url="https://example.com/a b>"),
        Citation(title="A script", url="javascript:alert(1)"),
        Citation(document="report.pdf", position=7),
        Citation(url="https://example.com/x_y_z"),
    )
    (*_, last) = answers(Text("Yes."), Citations(sources))
    output = displaying.Output(notebook.display)
    output.put(last)
    assert notebook.shown == [
        "Yes.\n\nSources:\n"
        r"- \[1\] [A \[page\] of it](<https://example.com/a%20b%3E>)"
        "\n- \\[2\\] A script\n- \\[7\\] report.pdf\n"
        r"- \[4\] [https://example.com/x\_y\_z](<https://example.com/x_y_z>)"
    ]


def test_tool_calls(client, server, notebook) -> None:
    """A tool call is shown with its arguments while the tool runs, and then with its result."""
    call = (
        "<summary>Tool call: <code>weather</code>{}</summary>{{&quot;city&quot;: &quot;Oslo&quot;}}"
    )
    before = f"<details>{call.format('')}</details>\n\n"
    is_shown = threading.Event()
    update = notebook.update

    def note(data: dict[str, str], *, raw: bool) -> None:
        update(data, raw=raw)
        if data["text/markdown"] == before:
            is_shown.set()

    def weather(city: str) -> str:
        """The weather of a city."""
        assert is_shown.wait(20)
        return "<sun>"

    notebook.update = note  # type: ignore[method-assign]
    server.answer("openai", tool_calls=[ToolCall("c1", "weather", '{"city": "Oslo"}')])
    server.answer("openai", "Sunny.")
    with ChatSession(client) as session:
        session.ask("Hello", tools=[weather]).display()
    done = call.format(" (done)")
    assert notebook.shown[-1] == f"<details>{done}<br>→ &lt;sun&gt;</details>\n\nSunny."


def test_an_empty_answer(client, server, notebook) -> None:
    """An answer without text is shown as empty."""
    server.answer("openai").finish()
    client.ask("Hello").display()
    assert notebook.shown[-1].strip() == "*The answer was empty.*"


def test_nothing_is_fetched(notebook) -> None:
    """Images are links and HTML is text, also while they are being received."""
    output = displaying.Output(notebook.display)
    for step in answers(Text('![a](http://127.0.0.1/a) <img src="b'), Text('"> `![c](d)`')):
        output.put(step)
    output.end()
    assert notebook.shown == [
        r'\![a](http://127.0.0.1/a) &lt;img src="b',
        r'\![a](http://127.0.0.1/a) &lt;img src="b"> `![c](d)`',
    ]


def test_in_a_terminal(client, server, notebook, capsys) -> None:
    """If an output cannot be changed, the text is printed as it arrives."""
    notebook.kernel = None
    server.answer("openai", "Good day to you.")
    assert client.ask("Hello").display().text == "Good day to you."
    assert capsys.readouterr().out == "Good day to you.\n"
    assert notebook.shown == []


def test_a_rewrite_in_a_terminal(notebook, capsys) -> None:
    """Printed text that the backend changes is printed again."""
    notebook.kernel = None
    displaying.show(answers(Text("Good night"), TextSnapshot("Good day"), Text(" to you.")))
    assert capsys.readouterr().out == "Good night\nGood day to you.\n"


def test_without_ipython(client, server, monkeypatch) -> None:
    """Without IPython the error names the remedy, and the stream can still be read."""
    monkeypatch.setitem(sys.modules, "IPython", None)
    server.answer("openai", "Good day to you.")
    stream = client.ask("Hello")
    with pytest.raises(ImportError, match="pip install ipython"):
        stream.display()
    assert stream.result().text == "Good day to you."
