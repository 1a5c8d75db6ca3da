"""The chat view of Qt, on Qt's offscreen platform: what a person sees and does."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from applications import WAIT
from PySide6 import QtCore, QtGui, QtTest, QtWidgets
from qt_window import TextView, Window, pump, until

from chatsdk import Message, Tool, ToolCall, ui, use_chat
from chatsdk.messages import Image
from chatsdk.parts import Citation
from chatsdk.windows import links, words
from chatsdk.windows.printable import LINE_CHARS
from chatsdk.windows.qt import ChatView, turn_rows

PATH = "/v1/chat/completions"
LONG = "unbroken" * 40
CJK = "流式回答会一段一段地到达，窗口始终跟随最后一行。" * 4 + "ストリーミング。한국어도."
KEYS = QtCore.Qt.Key
SHIFT = QtCore.Qt.KeyboardModifier.ShiftModifier


@pytest.fixture(scope="session")
def application() -> QtWidgets.QApplication:
    return QtWidgets.QApplication.instance() or QtWidgets.QApplication([])


@pytest.fixture
def window(application, server) -> Iterator[Window]:
    window = Window(use_chat(server.url + PATH))
    yield window
    window.close()


@pytest.fixture
def show(application) -> Iterator[Any]:
    """Show a conversation without answering."""
    opened: list[Window] = []

    def shown(*messages: Message, size: tuple[int, int] = (700, 600)) -> Window:
        session = use_chat(f"http://127.0.0.1:9{PATH}", messages=messages)
        opened.append(Window(session, size))
        opened[-1].settle()
        return opened[-1]

    yield shown
    for window in opened:
        window.close()


@pytest.fixture
def opened_links(monkeypatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(links.webbrowser, "open", found.append)
    return found


def blocks(view: TextView) -> list[str]:
    block, found = view.document().begin(), []
    while block.isValid():
        found.append(block.text())
        block = block.next()
    return found


# Questions and answers -------------------------------------------------------------------------


def test_an_answer_grows(window, server, monkeypatch) -> None:
    """A typed text is asked, and the answer grows while it streams, on Qt's thread."""
    threads = set()
    show_turn = turn_rows.TurnRows.show

    def noting(self: Any, *args: Any, **options: Any) -> None:
        threads.add(threading.current_thread())
        show_turn(self, *args, **options)

    monkeypatch.setattr(turn_rows.TurnRows, "show", noting)
    script = server.answer("openai")
    assert window.view.focusWidget() is window.entry
    window.ask("Hello there")
    assert script.wait_for_request().json["messages"] == [
        {"role": "user", "content": "Hello there"}
    ]
    window.until(lambda: window.texts()[:1] == ["Hello there"])
    script.say("Hel")
    window.until(lambda: window.texts() == ["Hello there", "Hel"])
    assert words.STOP in window.buttons()
    script.say("lo")
    window.until(lambda: window.texts() == ["Hello there", "Hello"])
    script.finish()
    window.settle()
    assert window.texts() == ["Hello there", "Hello"]
    assert words.STOP not in window.buttons()
    assert threads == {threading.main_thread()}


@pytest.mark.parametrize("dispatch", [None, ui.inline()], ids=["none", "inline"])
def test_whatever_the_sessions_dispatch_is(application, server, dispatch) -> None:
    """A view finds its own way to Qt's thread, and the session's callbacks stay where they were."""
    seen: list[str] = []
    session = use_chat(
        server.url + PATH, dispatch=dispatch, on_answer=lambda answer: seen.append(answer.delta)
    )
    window = Window(session)
    try:
        server.answer("openai", "Hello there.")
        # Asked by the program, not in the window.
        session.start("Hi")
        window.settle()
        assert window.texts() == ["Hi", "Hello there."]
        assert "".join(seen) == "Hello there."
    finally:
        window.close()


def test_any_script(window, server, artefact) -> None:
    """Chinese can be typed, and is shown as it comes, as are words that are longer than a line."""
    script = server.answer("openai")
    # As an input method does it: keys alone write no Chinese.
    typed = QtGui.QInputMethodEvent()
    typed.setCommitString("请解释流式回答。")
    QtCore.QCoreApplication.sendEvent(window.entry, typed)
    window.press(words.SEND)
    assert script.wait_for_request().json["messages"][0]["content"] == "请解释流式回答。"
    said: list[str] = []
    for piece in (CJK, LONG, f"{CJK} 👨‍👩‍👧‍👦🇩🇪", "مرحبا بالعالم"):
        script.say(f"{piece}\n\n")
        said.append(piece)
        window.until(lambda: window.answer() and blocks(window.answer()) == said)
    arabic = window.answer().document().lastBlock()
    assert arabic.textDirection() == QtCore.Qt.LayoutDirection.RightToLeft
    window.save(artefact)
    script.finish()
    window.settle()


def test_stop_and_regenerate(window, server, artefact) -> None:
    """Stop keeps the text and shows a notice; Regenerate replaces the answer."""
    script = server.answer("openai")
    script.say("Half of")
    window.ask("Hi")
    window.until(lambda: "Half of" in window.text)
    window.press(words.STOP)
    script.wait_for_disconnect()
    window.until(lambda: window.texts() == ["Hi", "Half of", words.STOPPED])
    assert QtWidgets.QApplication.focusWidget() is window.entry
    window.save(artefact)
    server.answer("openai", "The whole.")
    window.press(words.REGENERATE)
    window.until(lambda: window.texts() == ["Hi", "The whole."])


def test_esc_stops(window, server) -> None:
    """Esc stops the answer, and leaves what is typed and the focus alone."""
    script = server.answer("openai")
    script.say("Half of")
    window.ask("Hi")
    window.until(lambda: "Half of" in window.text)
    window.type("next question")
    assert {words.SEND, words.STOP} <= set(window.buttons())
    window.key(KEYS.Key_Escape)
    script.wait_for_disconnect()
    window.until(lambda: words.STOPPED in window.text)
    assert window.entry.toPlainText() == "next question"
    assert QtWidgets.QApplication.focusWidget() is window.entry


def test_a_server_that_dies(window, server, artefact) -> None:
    """An error is shown in its turn, below the partial text, and Retry asks again."""
    script = server.answer("openai")
    script.say("Half of")
    window.ask("Hi")
    window.until(lambda: "Half of" in window.text)
    assert words.RETRY not in window.buttons()
    script.cut()
    window.until(lambda: words.RETRY in window.buttons())
    assert window.texts() == ["Hi", "Half of", str(window.session.error)]
    assert words.REGENERATE not in window.buttons()
    window.save(artefact)
    server.answer("openai", "The whole.")
    window.press(words.RETRY)
    window.until(lambda: window.texts() == ["Hi", "The whole."])
    assert words.RETRY not in window.buttons()


def test_life_while_it_waits(window, server, artefact) -> None:
    """From the question to the first word the turn shows seconds, and no text is lost after."""
    script = server.answer("openai")
    window.ask("Hi")
    window.until(lambda: window.texts()[-1].startswith("Thinking"))
    window.until(lambda: " s" in window.texts()[-1])
    window.save(artefact)
    script.say("Hello")
    window.until(lambda: window.texts() == ["Hi", "Hello"])
    script.finish()


def test_an_empty_answer(window, server) -> None:
    """An answer without text has a notice."""
    server.answer("openai").finish()
    window.ask("Hi")
    window.until(lambda: words.EMPTY in window.text)


def test_idle(window, artefact) -> None:
    """Before the first question there is a line of help; New chat brings it back."""
    assert window.view.help.isVisible()
    assert words.IDLE in window.view.help.text()
    window.save(artefact)


def test_what_is_typed_meanwhile_is_sent_after_the_answer(window, server, artefact) -> None:
    """Enter while an answer streams keeps the question, shows it, and sends it at the end."""
    first = server.answer("openai")
    first.say("Half of")
    window.ask("Hi")
    window.until(lambda: "Half of" in window.text)
    window.ask("And then?")
    note = window.view.composer.queued
    window.until(note.isVisible)
    assert "And then?" in note.text.text()
    assert window.entry.toPlainText() == ""
    window.save(artefact)
    server.answer("openai", "Then this.")
    first.finish()
    window.until(lambda: len(server.requests) == 2)
    window.settle()
    assert window.texts() == ["Hi", "Half of", "And then?", "Then this."]
    assert not note.isVisible()


def test_a_queued_question_comes_back(window, server) -> None:
    """A queued question can be taken back, and comes back if the answer is stopped."""
    server.answer("openai").say("Half of")
    window.ask("Hi")
    window.until(lambda: "Half of" in window.text)
    window.ask("And then?")
    window.until(window.view.composer.queued.isVisible)
    QtTest.QTest.mouseClick(window.view.composer.queued.button, QtCore.Qt.MouseButton.LeftButton)
    assert window.entry.toPlainText() == "And then?"
    window.key(KEYS.Key_Return)
    window.until(window.view.composer.queued.isVisible)
    window.key(KEYS.Key_Escape)
    window.until(lambda: window.entry.toPlainText() == "And then?")
    assert len(server.requests) == 1


def test_new_chat(window, server) -> None:
    """New chat stops what is in flight, and begins again; the system message stays."""
    window.session.set_messages([Message("system", "Be brief.")])
    script = server.answer("openai")
    script.say("Half of")
    window.ask("Hi")
    window.until(lambda: "Half of" in window.text)
    window.press(words.NEW_CHAT)
    script.wait_for_disconnect()
    window.until(window.view.help.isVisible)
    assert window.texts() == []
    assert [message.role for message in window.session.messages] == ["system"]
    assert QtWidgets.QApplication.focusWidget() is window.entry


def test_edit_a_question(window, server, artefact) -> None:
    """Edit takes a question into the entry; Enter asks it in place of what followed."""
    server.answer("openai", "One.")
    window.ask("First")
    window.settle()
    window.type("draft")
    window.press(words.EDIT)
    assert window.entry.toPlainText() == "First"
    assert window.view.composer.editing.isVisible()
    window.save(artefact)
    window.key(KEYS.Key_Escape)
    assert window.entry.toPlainText() == "draft"
    window.press(words.EDIT)
    script = server.answer("openai", "Two.")
    window.ask(", better")
    assert script.wait_for_request().json["messages"] == [
        {"role": "user", "content": "First, better"}
    ]
    window.settle()
    assert window.texts() == ["First, better", "Two."]
    assert window.entry.toPlainText() == "draft"
    assert not window.view.composer.editing.isVisible()


def test_a_queued_question_stays_out_of_an_edit(window, server) -> None:
    """A queued question that returns during an edit waits for its end, before what was typed."""
    first = server.answer("openai")
    first.say("Half of")
    window.ask("First")
    window.until(lambda: "Half of" in window.text)
    window.ask("Second")
    window.until(window.view.composer.queued.isVisible)
    window.type("draft")
    # The other button with this label takes the queued question back.
    buttons = window.view.scroller.findChildren(QtWidgets.QPushButton)
    (edit,) = (one for one in buttons if one.isVisible() and one.text() == words.EDIT)
    QtTest.QTest.mouseClick(edit, QtCore.Qt.MouseButton.LeftButton)
    assert window.view.composer.editing.isVisible()
    assert window.entry.toPlainText() == "First"
    first.cut()
    window.until(lambda: words.RETRY in window.buttons())
    window.until(lambda: not window.view.composer.queued.isVisible())
    assert window.entry.toPlainText() == "First"
    window.key(KEYS.Key_Escape)
    assert window.entry.toPlainText() == "Second\ndraft"


def conversation(question: str) -> tuple[Message, ...]:
    return (Message("user", question, id="m1"), Message("assistant", "Yes.", id="m2"))


def test_open_ends_an_edit(show, tmp_path) -> None:
    """Open leaves the question that is edited, because it is not in the opened conversation."""
    file = tmp_path / "chat.json"
    show(*conversation("Other")).view.save_conversation(str(file))
    window = show(*conversation("First"))
    window.type("draft")
    window.press(words.EDIT)
    assert window.entry.toPlainText() == "First"
    window.view.open_conversation(str(tmp_path / "missing.json"))
    assert window.view.composer.editing.isVisible()
    assert window.entry.toPlainText() == "First"
    window.view.open_conversation(str(file))
    assert not window.view.composer.editing.isVisible()
    assert window.entry.toPlainText() == "draft"
    window.until(lambda: window.texts() == ["Other", "Yes."])


def test_a_very_long_line_is_pasted(window, server) -> None:
    """A pasted line of 1 MB is broken for Qt, which would take minutes for it, and sent whole."""
    pasted = "x" * 1_000_000 + "\n" + "word " * 1000 + "end"
    window.type("Explain: this")
    cursor = window.entry.textCursor()
    cursor.movePosition(cursor.MoveOperation.PreviousWord, cursor.MoveMode.KeepAnchor)
    window.entry.setTextCursor(cursor)
    QtWidgets.QApplication.clipboard().setText(pasted)
    window.entry.paste()
    window.type("?")
    text = f"Explain: {pasted}?"
    assert window.entry.text == text
    assert max(map(len, window.entry.toPlainText().split("\n"))) <= LINE_CHARS + 20
    server.answer("openai", "Fine.")
    window.key(QtCore.Qt.Key.Key_Return)
    window.until(lambda: window.session.done and window.texts()[-1] == "Fine.")
    assert server.requests[-1].json["messages"][0]["content"] == text
    window.key(QtCore.Qt.Key.Key_Up)
    assert window.entry.text == text
    window.entry.put("Short.")
    assert window.entry.text == "Short."


def test_a_long_line_that_was_pasted_is_edited(window) -> None:
    """A line break made in it is in the text, and undo and redo bring back no other."""
    line = "word " * 600 + "end"
    QtWidgets.QApplication.clipboard().setText(f"{line}\r\nnext")
    window.entry.paste()
    assert window.entry.text == f"{line}\nnext"
    cursor = window.entry.textCursor()
    cursor.setPosition(10)
    cursor.insertBlock()
    text = f"{line[:10]}\n{line[10:]}\nnext"
    assert window.entry.text == text
    window.entry.put("Short.")
    assert window.entry.text == "Short."
    window.entry.undo()
    assert window.entry.text == text


def test_another_conversation_ends_an_edit(show) -> None:
    """An edit ends when the program puts another conversation into the session, ids or not."""
    window = show(*conversation("First"))
    window.type("draft")
    window.press(words.EDIT)
    assert window.entry.toPlainText() == "First"
    window.session.set_messages(conversation("Other"))
    window.until(lambda: window.texts() == ["Other", "Yes."])
    assert not window.view.composer.editing.isVisible()
    assert window.entry.toPlainText() == "draft"


def test_an_edit_outlasts_the_answer(window, server) -> None:
    """A question can be edited while it is answered; the end of the answer leaves the edit."""
    script = server.answer("openai")
    script.say("Half of")
    window.ask("First")
    window.until(lambda: "Half of" in window.text)
    window.press(words.EDIT)
    window.until(window.view.composer.editing.isVisible)
    script.say(" it.")
    script.finish()
    window.settle()
    assert window.view.composer.editing.isVisible()
    assert window.entry.toPlainText() == "First"


def test_copy_an_answer(window, server) -> None:
    """Copy takes the answer as the model wrote it, and shows that it has."""
    server.answer("openai", "It is **42**.")
    window.ask("Hi")
    window.settle()
    window.press(words.COPY)
    assert QtWidgets.QApplication.clipboard().text() == "It is **42**."
    assert words.COPIED in window.buttons()
    window.until(lambda: words.COPIED not in window.buttons())


def test_save_and_open(window, server, tmp_path) -> None:
    """A saved conversation can be opened again; for any other file the view shows the reason."""
    server.answer("openai", "It is **42**.")
    window.ask("Hi")
    window.settle()
    file = tmp_path / "chat.json"
    window.view.save_conversation(str(file))
    assert json.loads(file.read_text())["messages"][1]["content"] == "It is **42**."
    window.press(words.NEW_CHAT)
    window.until(window.view.help.isVisible)
    window.view.open_conversation(str(file))
    window.until(lambda: window.texts() == ["Hi", "It is 42."])
    broken = tmp_path / "broken.json"
    broken.write_text("[]")
    window.view.open_conversation(str(broken))
    window.until(window.view.composer.trouble.isVisible)
    assert "broken.json" in window.view.composer.trouble.text.text()
    assert window.texts() == ["Hi", "It is 42."]
    window.press(words.DISMISS)
    assert not window.view.composer.trouble.isVisible()


def test_the_menu_and_its_keys(window, server, tmp_path, monkeypatch) -> None:
    """The menu saves and opens by a dialog, and so do the keys; a dialog may be left."""
    server.answer("openai", "Yes.")
    window.ask("Hi")
    window.settle()
    file = tmp_path / "chat.json"
    answers = [(str(file), ""), ("", ""), (str(file), "")]
    dialog = QtWidgets.QFileDialog
    monkeypatch.setattr(dialog, "getSaveFileName", lambda *_: answers.pop(0))
    monkeypatch.setattr(dialog, "getOpenFileName", lambda *_: answers.pop(0))
    window.press(words.MORE)
    menu = window.view.findChild(QtWidgets.QMenu)
    assert [action.text() for action in menu.actions()] == [words.NEW_CHAT, words.OPEN, words.SAVE]
    menu.actions()[2].trigger()
    menu.close()
    assert file.exists()
    control = QtCore.Qt.KeyboardModifier.ControlModifier
    window.key(KEYS.Key_S, control)
    assert len(answers) == 1
    window.key(KEYS.Key_N, control)
    window.until(window.view.help.isVisible)
    window.key(KEYS.Key_O, control)
    window.until(lambda: window.texts() == ["Hi", "Yes."])
    assert answers == []
    assert QtWidgets.QApplication.focusWidget() is window.entry


def test_copy_a_selection(window, server) -> None:
    """A selection in the transcript is copied as usual."""
    server.answer("openai", "Some **bold** text.")
    window.ask("Hi")
    window.settle()
    view = window.answer()
    view.setFocus()
    view.setTextCursor(view.document().find("bold"))
    window.key(KEYS.Key_C, QtCore.Qt.KeyboardModifier.ControlModifier)
    assert QtWidgets.QApplication.clipboard().text() == "bold"
    assert QtWidgets.QApplication.focusWidget() is view


def test_closed_in_mid_answer(application, server, caplog) -> None:
    """Deleted while an answer streams, a view leaves the session alone, and nothing is logged."""
    script = server.answer("openai")
    script.say("Half of")
    session = use_chat(server.url + PATH)
    window = Window(session)
    window.ask("Hi")
    window.until(lambda: "Half of" in window.text)
    window.view.close()
    window.view.deleteLater()
    pump()
    script.say(" it")
    until(lambda: session.answer.text == "Half of it")
    pump()
    session.close()
    script.wait_for_disconnect()
    pump()
    assert session.outcome.reason == "stopped"
    assert caplog.records == []


def test_a_deleted_view_leaves_nothing_on_the_application(application) -> None:
    """A deleted view leaves no object on the application."""
    before = len(application.children())
    for _ in range(3):
        Window(use_chat(f"http://127.0.0.1:9{PATH}")).close()
    until(lambda: len(application.children()) <= before)


# The entry --------------------------------------------------------------------------------------


def test_the_entry_grows(window, server) -> None:
    """Shift+Enter breaks the line and the entry grows with it, up to a limit."""
    low = window.entry.height()
    window.type("one")
    window.key(KEYS.Key_Return, SHIFT)
    window.type("two")
    assert window.entry.toPlainText() == "one\ntwo"
    window.until(lambda: window.entry.height() > low)
    window.entry.setPlainText("line\n" * 50)
    window.until(lambda: window.entry.verticalScrollBar().maximum() > 0)
    assert window.entry.height() < window.view.height() / 2
    script = server.answer("openai", "Yes.")
    window.entry.setPlainText("one\ntwo")
    window.press(words.SEND)
    assert script.wait_for_request().json["messages"][0]["content"] == "one\ntwo"
    window.until(lambda: window.entry.height() == low)


def test_up_brings_back(window, server) -> None:
    """Up brings back what was asked, Down the draft."""
    for prompt in ("First", "Second"):
        server.answer("openai", "Yes.")
        window.ask(prompt)
        window.settle()
    window.type("draft")
    shown = []
    for key in (KEYS.Key_Up, KEYS.Key_Up, KEYS.Key_Up, KEYS.Key_Down, KEYS.Key_Down):
        window.key(key)
        shown.append(window.entry.toPlainText())
    assert shown == ["Second", "First", "First", "Second", "draft"]


def test_up_moves_in_a_text_of_several_lines(window, server) -> None:
    """In the second line of a text Up goes to the first one."""
    server.answer("openai", "Yes.")
    window.ask("First")
    window.settle()
    window.type("one")
    window.key(KEYS.Key_Return, SHIFT)
    window.type("two")
    window.key(KEYS.Key_Up)
    assert window.entry.toPlainText() == "one\ntwo"
    window.key(KEYS.Key_Up)
    assert window.entry.toPlainText() == "First"


def test_enter_of_an_input_method(window, server) -> None:
    """Enter and Esc while an input method composes belong to it."""
    window.type("a")
    composing = QtGui.QInputMethodEvent("ni", [])
    QtCore.QCoreApplication.sendEvent(window.entry, composing)
    window.key(KEYS.Key_Return)
    pump()
    assert server.requests == []
    committed = QtGui.QInputMethodEvent()
    committed.setCommitString("你")
    QtCore.QCoreApplication.sendEvent(window.entry, committed)
    assert "你" in window.entry.toPlainText()


def test_typing_goes_to_the_entry(window, server) -> None:
    """A key pressed where nothing can be typed goes on in the entry."""
    server.answer("openai", "Some text.")
    window.ask("Hi")
    window.settle()
    window.click("Some")
    assert QtWidgets.QApplication.focusWidget() is window.answer()
    window.key(KEYS.Key_N)
    assert QtWidgets.QApplication.focusWidget() is window.entry
    window.type("ext")
    assert window.entry.toPlainText() == "next"


def test_tab_goes_through_everything(window, server) -> None:
    """Tab and Shift+Tab reach every button and text from top to bottom, and each has a name."""
    server.answer("openai", "```python\nx = 1\n```")
    window.ask("Hi")
    window.settle()
    seen = []
    for _ in range(20):
        widget = QtWidgets.QApplication.focusWidget()
        seen.append(widget.accessibleName())
        window.key(KEYS.Key_Tab)
        if QtWidgets.QApplication.focusWidget() is window.entry:
            break
    assert "" not in seen
    order = [words.NEW_CHAT, words.MORE, words.YOU, words.EDIT, words.ASSISTANT]
    order += [f"{words.COPY} {words.CODE}", words.COPY, words.REGENERATE]
    assert seen == [words.PLACEHOLDER, *order]


def test_tab_leaves_a_view_inside_a_program(application, server) -> None:
    """In a program's own window Tab goes on to what follows the view, and comes back."""
    session = use_chat(server.url + PATH)
    whole = QtWidgets.QWidget()
    layout = QtWidgets.QVBoxLayout(whole)
    before, after = QtWidgets.QLineEdit(), QtWidgets.QLineEdit()
    view = ChatView(session)
    for widget in (before, view, after):
        layout.addWidget(widget)
    whole.show()
    whole.activateWindow()
    until(whole.isActiveWindow)
    view.entry.setFocus()
    seen = []
    for key in (KEYS.Key_Tab, KEYS.Key_Backtab, KEYS.Key_Backtab, KEYS.Key_Backtab):
        QtTest.QTest.keyClick(QtWidgets.QApplication.focusWidget(), key)
        seen.append(QtWidgets.QApplication.focusWidget())
    assert seen[0] is after
    assert all(view.isAncestorOf(widget) for widget in seen[1:])
    session.close()
    whole.close()
    whole.deleteLater()
    pump()


def test_screen_readers(window, server) -> None:
    """A screen reader finds texts, buttons and the entry with their names and roles."""
    server.answer("openai", "Some text.")
    window.ask("Hi")
    window.settle()
    role = QtGui.QAccessible.Role
    for widget, name, kind in (
        (window.entry, words.PLACEHOLDER, role.EditableText),
        (window.answer(), words.ASSISTANT, role.StaticText),
        (window.button(words.REGENERATE), words.REGENERATE, role.Button),
        (window.view.more, words.MORE, role.Button),
    ):
        found = QtGui.QAccessible.queryAccessibleInterface(widget)
        assert found.text(QtGui.QAccessible.Text.Name) == name
        assert found.role() == kind


# The transcript ---------------------------------------------------------------------------------


def test_reasoning_and_sources(window, server, opened_links, artefact) -> None:
    """Reasoning is folded until it is clicked, sources are numbered, and only safe URLs open."""
    server.answer(
        "openai",
        "The last line.",
        reasoning="First I think.",
        citations=[
            Citation(title="A page", url="https://example.com/page"),
            Citation(title="A file", url="file:///etc/hostname"),
        ],
    )
    window.ask("Tell me everything about streaming")
    window.settle()
    assert "1.  A page\n2.  A file" in window.text
    assert "First I think." not in window.text
    window.click("A file")
    window.click("A page")
    window.press(words.REASONING)
    window.until(lambda: "First I think." in window.text)
    assert window.button(words.REASONING).accessibleDescription() == words.UNFOLDED
    window.save(artefact)
    window.press(words.REASONING)
    window.until(lambda: "First I think." not in window.text)
    assert opened_links == ["https://example.com/page"]


MARKUP = "<b>bold</b> <img src='file:///nowhere.png'> &amp; x < y"


def test_tips_show_markup_as_it_is(show) -> None:
    """A tip shows the source's text and the link's URL as they are, and loads nothing."""
    url = "https://example.com/?a=1&b=2"
    source = Citation(title="A page", url="https://example.com/page", snippet=MARKUP)
    window = show(
        Message("user", "Hi"),
        Message("assistant", f"[Here]({url}).", citations=(source,)),
    )
    tips = {}
    for view in window.view.scroller.findChildren(TextView):
        for word in ("A page", "Here"):
            cursor = view.document().find(word)
            if not cursor.isNull():
                tips[word] = cursor.charFormat().toolTip()
    shown = QtGui.QTextDocument()
    # Qt decides in the same way whether a tip is HTML.
    assert all(QtGui.Qt.mightBeRichText(tip) for tip in tips.values())
    shown.setHtml(tips["A page"])
    assert shown.toPlainText() == f"https://example.com/page\n{MARKUP}"
    shown.setHtml(tips["Here"])
    assert shown.toPlainText() == url


def test_a_link_with_encoded_characters_opens(show, opened_links) -> None:
    """A link opens with the URL that the model wrote, %20 and %2F included."""
    url = "https://example.com/a%20page?q=caf%C3%A9%2Fx&b=%3C#top"
    window = show(Message("user", "Hi"), Message("assistant", f"See [the page]({url})."))
    window.click("the page")
    assert opened_links == [url]


def test_reasoning_grows_while_it_streams(window, server) -> None:
    """Unfolded, the reasoning grows with what comes."""
    script = server.answer("openai")
    script.think("First ")
    window.ask("Hi")
    window.press(words.REASONING)
    window.until(lambda: "First" in window.text)
    script.think("I think.")
    window.until(lambda: "First I think." in window.text)
    script.say("Done.")
    window.until(lambda: window.texts()[-1] == "Done.")
    script.finish()
    window.settle()


def test_tool_calls(show, artefact) -> None:
    """A tool call shows its name and state, and unfolded its arguments and result."""
    window = show(
        Message("user", "Weather?"),
        Message("assistant", tool_calls=(ToolCall("1", "get_weather", '{"city": "Paris"}'),)),
        Message("tool", "sunny", tool_call_id="1", name="get_weather", status="finished"),
        Message("assistant", "It is sunny."),
    )
    line = words.call_line("get_weather", "finished")
    assert line in window.buttons()
    assert "Paris" not in window.text
    window.press(line)
    window.until(lambda: "Paris" in window.text)
    assert "sunny" in window.text
    window.save(artefact)
    window.press(line)
    window.until(lambda: "Paris" not in window.text)


@pytest.mark.parametrize("allowed", [True, False])
def test_a_tool_that_asks(application, server, artefact, allowed) -> None:
    """A call that a person must allow shows its arguments, Allow and Deny, and then goes on."""
    ran = []

    def delete(path: str) -> str:
        """Delete a file."""
        ran.append(path)
        return "deleted"

    session = use_chat(server.url + PATH)
    window = Window(session, options={"tools": [Tool(delete, approve=True)]})
    try:
        call = {"name": "delete", "arguments": {"path": "notes.txt"}}
        server.answer("openai", tool_calls=[call])
        server.answer("openai", "Done with it.")
        window.ask("Clean up")
        window.until(lambda: words.DENY in window.buttons())
        assert "notes.txt" in window.text
        assert ran == []
        window.save(artefact)
        window.press(words.ALLOW if allowed else words.DENY)
        window.until(lambda: "Done with it." in window.text)
        window.settle()
        assert ran == (["notes.txt"] if allowed else [])
        assert words.DENY not in window.buttons()
        assert QtWidgets.QApplication.focusWidget() is window.entry
    finally:
        window.close()


def test_a_call_that_failed_is_red(show) -> None:
    """The state of a failed tool call has the colour of errors, that of another one has not."""
    call = ToolCall("c1", "search", "{}")
    red = []
    for status in ("error", "finished"):
        result = Message("tool", "no route", tool_call_id="c1", name="search", status=status)
        window = show(Message("user", "Hi"), Message("assistant", tool_calls=(call,)), result)
        picture = window.view.turns[0].rows[1].widget.button.grab().toImage()
        colours = [
            picture.pixelColor(x, y)
            for x in range(picture.width())
            for y in range(picture.height())
        ]
        red.append(any(colour.red() > colour.blue() + 60 for colour in colours))
    assert red == [True, False]


SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40">
<rect width="40" height="40" fill="blue"/></svg>"""


@pytest.mark.parametrize("media_type", ["image/svg+xml", "image/png"])
def test_an_svg_is_never_drawn(show, media_type) -> None:
    """An SVG is shown by its name, whatever it is called, because it can name files to load."""
    image = Image(data=base64.b64encode(SVG).decode(), media_type=media_type)
    window = show(Message("user", "Look", images=(image,)))
    (label,) = (
        label
        for label in window.view.scroller.findChildren(QtWidgets.QLabel)
        if label.accessibleName().startswith(words.IMAGE)
    )
    assert label.pixmap().isNull()
    assert media_type in label.text()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "WEBP"])
def test_images_in_usual_formats_are_drawn(show, kind) -> None:
    """PNG, JPEG, BMP, GIF and WebP are shown small."""
    if kind == "GIF":
        # Qt writes none.
        data = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw==")
    else:
        picture = QtGui.QImage(40, 40, QtGui.QImage.Format.Format_RGB32)
        picture.fill(QtGui.QColor("seagreen"))
        buffer = QtCore.QBuffer()
        buffer.open(QtCore.QIODevice.OpenModeFlag.WriteOnly)
        assert picture.save(buffer, kind)
        data = buffer.data().data()
    image = Image(data=base64.b64encode(data).decode(), media_type=f"image/{kind.lower()}")
    window = show(Message("user", "Look", images=(image,)))
    (label,) = (
        label
        for label in window.view.scroller.findChildren(QtWidgets.QLabel)
        if label.accessibleName().startswith(words.IMAGE)
    )
    assert not label.pixmap().isNull()


def test_images_are_shown_small(show, artefact) -> None:
    """An image that was sent is shown small; one that is elsewhere by its URL alone."""
    picture = QtGui.QImage(1200, 800, QtGui.QImage.Format.Format_RGB32)
    picture.fill(QtGui.QColor("seagreen"))
    buffer = QtCore.QBuffer()
    buffer.open(QtCore.QIODevice.OpenModeFlag.WriteOnly)
    picture.save(buffer, "PNG")
    sent = Image(
        data=base64.b64encode(buffer.data().data()).decode(),
        media_type="image/png",
    )
    elsewhere = Image("https://example.com/cat.png")
    broken = Image(data="AAAA", media_type="image/png")
    window = show(Message("user", "Look", images=(sent, elsewhere, broken)))
    labels = [
        label
        for label in window.view.scroller.findChildren(QtWidgets.QLabel)
        if label.accessibleName().startswith(words.IMAGE)
    ]
    assert [label.pixmap().isNull() for label in labels] == [False, True, True]
    assert labels[0].width() <= 200
    assert "https://example.com/cat.png" in labels[1].text()
    window.save(artefact)


def test_the_view_works_while_a_picture_is_made(window, server, monkeypatch) -> None:
    """A large image does not keep the view from answering; its picture comes later."""
    go = threading.Event()

    def make(image: Image) -> QtGui.QImage:
        assert go.wait(WAIT)
        return QtGui.QImage(40, 20, QtGui.QImage.Format.Format_RGB32)

    monkeypatch.setattr(window.view.thumbnails, "_make", make)
    images = (Image(data="AAAA", media_type="image/png"),)
    window.session.set_messages([Message("user", "Look", images=images), Message("assistant", "A")])
    window.until(lambda: window.texts() == ["Look", "A"])
    (label,) = window.view.scroller.rows[0].widget.pictures
    assert label.pixmap().isNull()
    server.answer("openai", "An answer.")
    window.ask("Hi")
    window.until(lambda: "An answer." in window.text)
    assert window.view.busy
    go.set()
    window.settle()
    assert (label.width(), label.height()) == (40, 20)
    assert not label.pixmap().isNull()


def test_the_view_stays_where_one_reads(window, server, artefact) -> None:
    """The view follows the end; scrolled up it stays, and shows a way back down."""
    script = server.answer("openai")
    script.say("A line.\n\n" * 60)
    window.ask("Hi")
    bar = window.view.scroller.verticalScrollBar()
    window.until(lambda: bar.value() == bar.maximum() > 0)
    assert words.TO_END not in window.buttons()
    bar.setValue(0)
    top = window.texts()[0]
    script.say("More of it.\n\n" * 30)
    window.until(lambda: window.session.answer.text.endswith("it.\n\n"))
    window.until(lambda: "More" in window.view.turns[0].shown.text)
    assert bar.value() == 0
    assert window.texts()[0] == top
    window.save(artefact)
    window.press(words.TO_END)
    window.until(lambda: bar.value() == bar.maximum())
    assert words.TO_END not in window.buttons()
    script.say("The end.")
    window.until(lambda: "The end." in window.text)
    assert bar.value() == bar.maximum()
    script.finish()
    window.settle()


def test_a_turn_of_the_program_leaves_the_reader_alone(show) -> None:
    """A question that the program adds does not scroll the view while one reads further up."""
    messages = (Message("user", "Hi"), Message("assistant", "A line.\n\n" * 200))
    window = show(*messages)
    bar = window.view.scroller.verticalScrollBar()
    bar.setValue(bar.maximum() // 2)
    pump()
    before = window.places()
    window.session.set_messages([*messages, Message("user", "More"), Message("assistant", "Yes.")])
    window.until(lambda: len(window.view.turns) == 2)
    window.settle()
    after = window.places()
    common = before.keys() & after.keys()
    assert common
    assert all(before[key] == after[key] for key in common)
    assert words.TO_END in window.buttons()
    window.press(words.TO_END)
    window.until(lambda: "More" in window.texts())


def test_the_view_follows_a_window_that_shrinks(window, server) -> None:
    """The last line stays in view when the window shrinks, an error takes room, or one asks."""
    bar = window.view.scroller.verticalScrollBar()
    script = server.answer("openai")
    script.say("A line.\n\n" * 60)
    window.ask("Hi")
    window.until(lambda: bar.value() == bar.maximum() > 0)
    window.view.resize(500, 300)
    window.until(lambda: window.view.width() == 500 and bar.value() == bar.maximum())
    script.cut()
    window.until(lambda: words.RETRY in window.buttons())
    assert bar.value() == bar.maximum()
    bar.setValue(0)
    server.answer("openai").say("The whole.")
    window.view.retry()
    window.until(lambda: "The whole." in window.text)
    assert bar.value() == bar.maximum()


def test_page_keys_scroll_the_transcript(window, server) -> None:
    """Page Up and Page Down in the entry scroll what one reads."""
    server.answer("openai", "A line.\n\n" * 100)
    window.ask("Hi")
    window.settle()
    bar = window.view.scroller.verticalScrollBar()
    assert bar.value() == bar.maximum() > 0
    window.key(KEYS.Key_PageUp)
    assert bar.value() < bar.maximum()
    assert QtWidgets.QApplication.focusWidget() is window.entry
    window.key(KEYS.Key_PageDown)
    assert bar.value() == bar.maximum()


def test_the_wheel_over_a_text(window, server) -> None:
    """The wheel scrolls the transcript wherever the mouse is, and never enlarges the text."""
    server.answer("openai", "A line.\n\n" * 100)
    window.ask("Hi")
    window.settle()
    bar = window.view.scroller.verticalScrollBar()
    view = window.answer()
    place = view.mapTo(window.view, QtCore.QPoint(9, view.height() - 20))
    handle = window.view.windowHandle()
    held = QtCore.Qt.KeyboardModifier
    for keys in (held.NoModifier, held.ControlModifier):
        before, font = bar.value(), view.font().pointSizeF()
        up, none = QtCore.QPoint(0, 120), QtCore.QPoint()
        QtTest.QTest.wheelEvent(handle, QtCore.QPointF(place), up, none, keys)
        window.until(partial(lower, bar, before))
        assert view.font().pointSizeF() == font


def lower(bar: Any, before: int) -> bool:
    return bar.value() < before


def test_only_what_is_in_view_has_widgets(show) -> None:
    """Only those of 500 turns that are near the view have widgets, and each can be scrolled to."""
    messages = []
    for number in range(500):
        messages += [Message("user", f"Question {number}"), Message("assistant", f"**{number}**")]
    window = show(*messages)
    scroller = window.view.scroller
    bar = scroller.verticalScrollBar()
    assert "Question 499" in window.text
    assert len(scroller.findChildren(TextView)) < 80
    bar.setValue(0)
    window.until(lambda: "Question 0" in window.texts())
    window.until(partial(fewer, scroller, 80))
    bar.setValue(bar.maximum() // 2)
    window.until(lambda: window.texts() and "Question 0" not in window.texts())
    numbers = [int(text.split()[1]) for text in window.texts() if text.startswith("Question")]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    window.until(partial(fewer, scroller, 80))


def fewer(scroller: Any, count: int) -> bool:
    return len(scroller.findChildren(TextView)) < count


def test_a_long_conversation_does_not_jump(show) -> None:
    """The visible rows stay in place when other rows get their real height."""
    text = "A paragraph of some words that are long enough to fill more than one line. " * 6
    messages = []
    for number in range(60):
        messages += [Message("user", f"Question {number}"), Message("assistant", text)]
    window = show(*messages)
    bar = window.view.scroller.verticalScrollBar()
    step = bar.singleStep()
    for _ in range(200):
        bar.setValue(bar.value() - step)
        before = window.places()
        pump()
        after = window.places()
        common = before.keys() & after.keys()
        assert common
        assert all(before[key] == after[key] for key in common)
        if bar.value() == 0:
            break
