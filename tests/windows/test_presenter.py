"""The logic of a chat window, with a list of calls in place of a toolkit."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

import pytest

from chatsdk import ChatClient, ChatSession, Message, Tool
from chatsdk.parts import ToolCallDelta
from chatsdk.testing import ChatServer
from chatsdk.windows.presenter import Presenter
from chatsdk.windows.transcript import Transcript

WAIT = 20.0


class Desk:
    """Replaces a toolkit: its thread is the test's, and it runs dispatched functions."""

    def __init__(
        self, url: str, session: dict[str, object] | None = None, **options: object
    ) -> None:
        self.calls: list[tuple[float, Callable[[], None]]] = []
        self.came = threading.Event()
        self.drawn: list[Transcript] = []
        self.client = ChatClient(url)
        self.session = ChatSession(self.client, **(session or {}))
        self.presenter = Presenter(self.session, self.draw, self.dispatch, options=options)

    def dispatch(self, function: Callable[[], None], delay: float = 0.0, /) -> None:
        self.calls.append((delay, function))
        self.came.set()

    def draw(self, now: Transcript, before: Transcript) -> None:
        assert before is (self.drawn[-1] if self.drawn else before)
        self.drawn.append(now)

    def until(self, fact: Callable[[], object]) -> None:
        for _ in range(4000):
            if fact():
                return
            self.came.wait(0.005)
            self.came.clear()
            while self.calls:
                self.calls.pop(0)[1]()
        raise AssertionError(f"it did not happen: {self.drawn[-1]}")

    def wait_until_done(self) -> None:
        """Wait for the end of the turn without running what is dispatched."""
        pause = threading.Event()
        for _ in range(4000):
            if self.session.done:
                return
            pause.wait(0.005)
        raise AssertionError("the turn has not ended")

    @property
    def texts(self) -> list[str]:
        return [turn.text for turn in self.drawn[-1].turns]

    @property
    def notice(self) -> str | None:
        notice = self.drawn[-1].turns[-1].notice
        return None if notice is None else notice.kind

    def close(self) -> None:
        self.presenter.close()
        self.session.close()
        self.client.close()


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


@pytest.fixture
def desk(server):
    desk = Desk(f"{server.url}/v1/chat/completions")
    yield desk
    desk.close()


def test_a_question_is_sent_and_drawn(server, desk) -> None:
    """A submitted text is asked, drawn at once, and again as the answer grows and ends."""
    script = server.answer("openai")
    assert desk.presenter.submit(" Hi \n")
    assert desk.drawn[-1].turns[0].question.text == "Hi"
    assert desk.notice == "waiting"
    script.say("Hel")
    desk.until(lambda: desk.texts == ["Hel"])
    script.say("lo")
    script.finish()
    desk.until(lambda: desk.texts == ["Hello"] and not desk.drawn[-1].in_flight)
    assert desk.presenter.sent.older("") == "Hi"


def test_a_blank_text_is_not_sent(desk) -> None:
    """White space alone is not a question."""
    assert not desk.presenter.submit(" \n")
    assert desk.drawn[-1].turns == ()


def test_many_events_make_one_drawing(server, desk) -> None:
    """While a drawing is due, no other one is asked for."""
    server.answer("openai", "word " * 500)
    desk.presenter.submit("Hi")
    desk.calls.clear()
    desk.presenter._waiting = desk.presenter._ticking = False
    desk.wait_until_done()
    assert len(desk.calls) <= 2
    desk.until(lambda: desk.texts == ["word " * 500])


def test_what_is_typed_during_an_answer_is_sent_after_it(server, desk) -> None:
    """A second question waits for the end of the first answer."""
    first = server.answer("openai")
    desk.presenter.submit("One")
    assert desk.presenter.submit("Two")
    assert desk.presenter.submit("Three")
    assert desk.presenter.queued == "Two\n\nThree"
    server.answer("openai", "Second")
    first.say("First")
    first.finish()
    desk.until(lambda: desk.texts == ["First", "Second"])
    assert desk.drawn[-1].turns[1].question.text == "Two\n\nThree"
    assert desk.presenter.queued == ""


def test_a_queued_text_can_be_taken_back(server, desk) -> None:
    """It returns to the entry, on demand or because the answer was stopped."""
    script = server.answer("openai")
    desk.presenter.submit("One")
    desk.presenter.submit("Two")
    assert desk.presenter.take_queued() == "Two"
    desk.presenter.submit("Three")
    script.say("Hal")
    desk.until(lambda: desk.texts == ["Hal"])
    desk.presenter.stop()
    desk.until(lambda: desk.presenter.returned)
    assert desk.presenter.take_returned() == "Three"
    assert (desk.presenter.returned, desk.presenter.queued, desk.notice) == ("", "", "stopped")


def test_an_error_stays_in_its_turn(server, desk) -> None:
    """After the next question its text is still there, without an offer to retry."""
    server.reply(500, json={"error": {"message": "out of order"}})
    server.reply(500, json={"error": {"message": "still so"}})
    desk.presenter.submit("One")
    desk.until(lambda: desk.notice == "error")
    notice = desk.drawn[-1].turns[0].notice
    assert "out of order" in notice.text
    assert notice.retry
    desk.presenter.regenerate()
    desk.until(lambda: desk.notice == "error" and "still so" in desk.drawn[-1].turns[0].notice.text)
    server.answer("openai", "Fine")
    desk.presenter.submit("Two")
    desk.until(lambda: desk.texts == ["", "Fine"])
    assert desk.drawn[-1].turns[0].notice == notice._replace(
        text=desk.drawn[-1].turns[0].notice.text, retry=False
    )


def test_a_conversation_that_the_program_loads(server, desk) -> None:
    """A notice stays with its answer, and is not shown at another one that has the same id."""
    for _ in range(2):
        server.reply(500, json={"error": {"message": "out of order"}})
    desk.presenter.submit("One")
    desk.until(lambda: desk.notice == "error" and desk.session.done)
    asked, answered = desk.session.messages
    desk.session.set_messages(
        [asked, answered, Message("user", "Two"), Message("assistant", "Fine")]
    )
    desk.until(lambda: desk.texts == ["", "Fine"])
    assert "out of order" in desk.drawn[-1].turns[0].notice.text
    others = [
        Message("user", "Hi", id=asked.id),
        Message("assistant", "Hello", id=answered.id),
    ]
    desk.session.set_messages(others)
    desk.until(lambda: desk.texts == ["Hello"])
    assert desk.notice is None
    desk.presenter.regenerate()
    desk.until(lambda: desk.notice == "error" and desk.session.done)
    ids = [message.id for message in desk.session.messages]
    others = [message._replace(id=id) for message, id in zip(others, ids, strict=True)]
    with ChatSession(desk.client, messages=others) as other:
        desk.session.load(other.to_dict())
    desk.until(lambda: desk.texts == ["Hello"])
    assert desk.notice is None


@pytest.mark.parametrize("name", ["title", "url", "document", "snippet"])
def test_a_file_with_a_source_that_is_not_text(desk, tmp_path, name) -> None:
    """A conversation that was changed by hand is refused with the name of the field."""
    saved = desk.session.to_dict()
    saved["messages"] = [{"role": "assistant", "content": "Hi", "citations": [{name: 1}]}]
    (tmp_path / "chat.json").write_text(json.dumps(saved))
    assert not desk.presenter.open(tmp_path / "chat.json")
    assert f"a citation's {name} is text or None, not int" in desk.presenter.trouble


def test_regenerate_and_edit(server, desk) -> None:
    """The last question can be asked again, or changed."""
    server.answer("openai", "One")
    server.answer("openai", "Two")
    server.answer("openai", "Three")
    desk.presenter.submit("Hi")
    desk.until(lambda: desk.texts == ["One"] and desk.session.done)
    assert desk.presenter.regenerate()
    desk.until(lambda: desk.texts == ["Two"] and desk.session.done)
    assert desk.presenter.edit(desk.drawn[-1].turns[0].question.id, "Hello")
    desk.until(lambda: desk.texts == ["Three"])
    assert desk.drawn[-1].turns[0].question.text == "Hello"


def test_an_edit_in_mid_answer(server, desk) -> None:
    """A question may be edited while its answer streams; that answer is stopped and replaced."""
    first = server.answer("openai")
    desk.presenter.submit("Hi")
    first.say("Half of")
    desk.until(lambda: desk.texts == ["Half of"])
    server.answer("openai", "Hello.")
    assert desk.presenter.edit(desk.drawn[-1].turns[0].question.id, "Hello")
    first.wait_for_disconnect()
    desk.until(lambda: desk.texts == ["Hello."])
    assert desk.drawn[-1].turns[0].question.text == "Hello"
    assert not desk.presenter.edit(None, "  ")


def test_the_dispatch_of_the_session_does_not_matter(server) -> None:
    """A session whose own callbacks run elsewhere is drawn all the same, on the view's thread."""
    elsewhere: list[Callable[[], None]] = []

    def dispatch(function: Callable[[], None], delay: float = 0.0, /) -> None:
        elsewhere.append(function)
        # Later, and on another thread.
        threading.Thread(target=function).start()

    threads: set[int] = set()
    desk = Desk(f"{server.url}/v1/chat/completions", session={"dispatch": dispatch})
    draw = desk.presenter._draw
    desk.presenter._draw = lambda *shown: (threads.add(threading.get_ident()), draw(*shown))
    try:
        server.answer("openai", "Hello.")
        desk.presenter.submit("Hi")
        desk.until(lambda: desk.texts == ["Hello."] and not desk.drawn[-1].in_flight)
        assert elsewhere
        assert threads == {threading.get_ident()}
    finally:
        desk.close()


def test_what_cannot_be_done_is_said(desk) -> None:
    """A refused action does nothing but leave its reason."""
    assert not desk.presenter.regenerate()
    assert "there is no question" in desk.presenter.trouble
    assert not desk.presenter.open("/missing/file.json")
    assert desk.presenter.trouble.endswith("file.json: No such file or directory")


def test_a_new_chat_keeps_the_system_message(server, desk) -> None:
    """Everything else is forgotten, and an answer in flight is stopped."""
    desk.session.set_messages([Message("system", "Be brief.")])
    script = server.answer("openai")
    desk.presenter.submit("Hi")
    script.say("Hal")
    desk.until(lambda: desk.texts == ["Hal"])
    desk.presenter.new_chat()
    assert desk.drawn[-1].turns == ()
    assert [message.role for message in desk.session.messages] == ["system"]
    script.wait_for_disconnect()


def delete() -> str:
    """Delete everything."""
    return "deleted"


def test_a_call_is_allowed_or_denied(server, tmp_path) -> None:
    """A person decides in the window; a turn that was saved while it waited goes on then."""
    desk = Desk(f"{server.url}/v1/chat/completions", tools=[Tool(delete, approve=True)])
    try:
        for _ in range(2):
            script = server.answer("openai")
            script.put(ToolCallDelta(0, id="c1", name="delete", arguments="{}"))
            script.finish("tool_calls")
        desk.presenter.submit("Go")
        desk.until(lambda: desk.session.pending)
        server.answer("openai", "Done.")
        # The second answer of the server asks for the tool again.
        desk.presenter.allow("c1")
        desk.until(lambda: desk.session.pending and desk.session.status == "waiting")
        assert desk.presenter.save(tmp_path / "chat.json")
        assert desk.presenter.open(tmp_path / "chat.json")
        assert desk.session.done
        desk.until(lambda: desk.drawn[-1].turns[0].parts[-1].state == "waiting")
        assert desk.presenter.deny("c1")
        desk.until(lambda: desk.texts == ["Done."])
        results = [m.content for m in desk.session.messages if m.role == "tool"]
        assert results[0] == "deleted"
        assert results[1].startswith("error")
    finally:
        desk.close()


def test_save_and_open(server, desk, tmp_path) -> None:
    """A saved conversation is shown again when it is opened."""
    server.answer("openai", "Hello")
    desk.presenter.submit("Hi")
    desk.until(lambda: desk.texts == ["Hello"] and desk.session.done)
    assert desk.presenter.save(tmp_path / "chat.json")
    desk.presenter.new_chat()
    assert desk.presenter.open(tmp_path / "chat.json")
    assert desk.texts == ["Hello"]


def test_the_seconds_are_drawn(server, desk, monkeypatch) -> None:
    """While nothing comes, one call a second is asked for, to show how long it has been."""
    server.answer("openai")
    desk.presenter.submit("Hi")
    ticks = [(delay, call) for delay, call in desk.calls if call == desk.presenter._tick]
    assert len(ticks) == 1
    assert 0 < ticks[0][0] <= 1.02
    desk.presenter._submitted -= 5
    desk.presenter._ticking = False
    desk.presenter._tick()
    assert desk.drawn[-1].turns[0].notice.text == "Thinking · 5 s"


def test_after_the_end_nothing_is_drawn(server, desk) -> None:
    """A view that was closed draws nothing, and the session goes on."""
    script = server.answer("openai")
    desk.presenter.submit("Hi")
    desk.presenter.close()
    count = len(desk.drawn)
    script.say("Hello")
    script.finish()
    desk.wait_until_done()
    while desk.calls:
        desk.calls.pop(0)[1]()
    assert (len(desk.drawn), desk.session.answer.text) == (count, "Hello")


@pytest.mark.parametrize("given", ["http://127.0.0.1:9/v1/chat/completions", None])
def test_no_session(given) -> None:
    """A view that is given a URL instead of a session shows how to make one."""
    with pytest.raises(TypeError, match=r"give a session, such as use_chat\(url\)"):
        Presenter(given, lambda now, before: None, lambda function, delay=0.0: None)
