"""Answers in Markdown in the Qt view: what is drawn while they stream, and what never happens."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6 import QtCore, QtGui, QtTest, QtWidgets
from qt_window import TextView, Window, pump

from chatsdk import Message, use_chat
from chatsdk.windows import links, words
from chatsdk.windows.qt.text_rows import TextRows
from chatsdk.windows.qt.theme import Theme

PATH = "/v1/chat/completions"

EVERYTHING = '''# Sorting in Python

Use **`sorted`** for a new list, or *`list.sort`* ~~instead~~ in place,
as [the docs](https://docs.python.org) say.

1. `key=` takes a function

2. `reverse=True` turns it round

   ```bash
   pip install x
   ```
3. it is *stable*
   - nested
   - [x] done

```python
def by_length(words: list[str]) -> list[str]:
    """Shortest first."""

    return sorted(words, key=len)
```

| method | returns | cost |
|---|:-:|--:|
| `sorted(x)` | a new list | O(n log n) |
| x.sort() | None | O(n log n) |

> Timsort is adaptive.
>
> See [the docs](https://docs.python.org/3/howto/sorting.html).

---

مرحبا بالعالم، هذا نص عربي طويل قليلا.

流式回答会一段一段地到达 👍🏽 [as said][1]

[1]: https://example.com/said
'''


@pytest.fixture(scope="session")
def application() -> QtWidgets.QApplication:
    return QtWidgets.QApplication.instance() or QtWidgets.QApplication([])


@pytest.fixture
def theme(application) -> Theme:
    return Theme(application.palette(), application.font())


@pytest.fixture
def window(application, server) -> Iterator[Window]:
    window = Window(use_chat(server.url + PATH))
    yield window
    window.close()


def described(document: Any) -> list[Any]:
    """Return a document's blocks with their formats, numbers and pieces of text."""
    found, block = [], document.begin()
    while block.isValid():
        form, items = block.blockFormat(), block.textList()
        pieces, place = [], block.begin()
        while not place.atEnd():
            style = place.fragment().charFormat()
            href = style.anchorHref()
            pieces.append((place.fragment().text(), style.font().toString(), href))
            place += 1
        number = "" if items is None else items.itemText(block)
        margins = (form.topMargin(), form.leftMargin(), form.bottomMargin(), form.indent())
        cell = QtGui.QTextCursor(block).currentTable() is not None
        found.append((number, cell, margins, form.headingLevel(), form.alignment(), pieces))
        block = block.next()
    return found


def drawn(theme: Theme, steps: list[str]) -> list[tuple[list[Any], list[Any]]]:
    """Return the rows of a text that arrived in these steps."""
    text = TextRows("answer")
    parent = QtWidgets.QWidget()
    rows = []
    for step in steps:
        text.show_text(step, live=True)
        for row in text.rows:
            if row.widget is None:
                row.widget = row.make(parent, theme)
    text.show_text(steps[-1], live=False)
    while text.behind:
        text.advance()
    for row in text.rows:
        if row.widget is None:
            row.widget = row.make(parent, theme)
        rows.append((described(row.widget.document_), row.widget.document_.runs))
    parent.deleteLater()
    return rows


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.integers(0, len(EVERYTHING)), max_size=12).map(sorted))
def test_cut_anywhere(theme, cuts) -> None:
    """However the text was cut, what is drawn at the end is the same."""
    assert drawn(theme, [EVERYTHING[:cut] for cut in [*cuts, len(EVERYTHING)]]) == drawn(
        theme, [EVERYTHING]
    )


def test_each_character(theme) -> None:
    """The text may come character by character, and a row may be made at any time."""
    steps = [EVERYTHING[: end + 1] for end in range(len(EVERYTHING))]
    assert drawn(theme, steps) == drawn(theme, [EVERYTHING])


def test_every_kind_of_block(window, server, artefact) -> None:
    """No mark of Markdown is left; lists, tables, quotes, code, links and rules are drawn."""
    server.answer("openai", EVERYTHING, pieces=60)
    window.ask("How do I sort?")
    window.settle()
    answer = window.answer()
    said = answer.toPlainText()
    for mark in ("**", "```", "|--", "# ", "\n> ", "~~", "](", "- ["):
        assert mark not in said
    kinds = [(run.kind, run.label) for run in answer.document_.runs]
    assert kinds == [("code", "bash"), ("code", "python"), ("quote", ""), ("rule", "")]
    document = answer.document()
    item = document.find("turns it").block()
    assert item.textList().itemText(item) == "2."
    assert document.find("Sorting").charFormat().fontWeight() == QtGui.QFont.Weight.Bold
    assert document.find("stable").charFormat().fontItalic()
    assert document.find("instead").charFormat().fontStrikeOut()
    assert document.find("by_length").charFormat().fontFixedPitch()
    assert document.find("returns").currentTable().rows() == 3
    window.save(artefact)


def test_a_footnote_is_shown_once(window, server) -> None:
    """A footnote, which looks like the target of a link up to its first word, stays in place."""
    server.answer("openai", "One[^1].\n\nTwo [three].\n\n[^1]: The note is long.")
    window.ask("Hi")
    window.settle()
    assert window.texts()[-1].split("\n") == ["One[^1].", "Two [three].", "[^1]: The note is long."]


def test_long_words_beside_a_table(window, server) -> None:
    """A long word is broken, though a table of the same answer is not, and nothing is cut off."""
    table = "| a | b |\n|---|---|\n| c | d |"
    server.answer("openai", f"{'long' * 60}\n\n{table}\n\n{'more' * 60}")
    window.ask("Hi")
    window.settle()
    views = window.view.scroller.findChildren(TextView)
    off = QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff
    assert all(view.horizontalScrollBarPolicy() == off for view in views)
    # A table by itself, as wide as it likes, between the two.
    assert [text.strip()[:4] for text in window.texts()[1:]] == ["long", "a\nb\n", "more"]


@pytest.mark.parametrize("pieces", [1, 40])
def test_code_below_code(window, server, pieces) -> None:
    """Two blocks of code in the same language have two grounds and two buttons."""
    server.answer("openai", "```py\none\n```\n```py\ntwo\n```\n\nEnd.", pieces=pieces)
    window.ask("Hi")
    window.settle()
    answer = window.answer()
    assert [answer.code(number) for number in (0, 1)] == ["one", "two"]
    first, second = (answer._rect_of(run) for run in answer.document_.runs)
    assert first.bottom() < second.top()


def test_html_is_text(window, server) -> None:
    """HTML is shown as it is written."""
    server.answer("openai", "<b>not bold</b> <img src='file:///etc/passwd'> <script>x</script>")
    window.ask("Hi")
    window.settle()
    assert window.texts()[-1].startswith("<b>not bold</b> <img src=")
    assert "<script>x</script>" in window.texts()[-1]


def test_nothing_is_loaded(window, server, tmp_path, monkeypatch) -> None:
    """Images and links that a model names are not fetched, neither from disk nor by HTTP."""
    opened: list[str] = []
    monkeypatch.setattr(links.webbrowser, "open", opened.append)
    asked: list[str] = []
    load = TextView.loadResource

    def noting(self: Any, kind: int, name: Any) -> Any:
        asked.append(name.toString())
        return load(self, kind, name)

    monkeypatch.setattr(TextView, "loadResource", noting)
    picture = tmp_path / "picture.png"
    image = QtGui.QImage(50, 50, QtGui.QImage.Format.Format_RGB32)
    image.save(str(picture))
    server.answer(
        "openai",
        f"![a file](file://{picture}) ![here]({picture}) ![there]({server.url}/there.png)\n\n"
        f"[script](javascript:alert) [file](file://{picture}) [data](data:text/html,x)",
    )
    window.ask("Hi")
    window.settle()
    assert window.texts()[-1] == "a file here there\nscript file data"
    window.view.grab()
    for word in ("a file", "here", "script", "file", "data"):
        window.click(word)
    pump()
    window.click("there")
    assert opened == [f"{server.url}/there.png"]
    assert [request.path for request in server.requests] == [PATH]
    assert asked == []
    document = window.answer().document()
    formats = [document.find(word).charFormat() for word in ("script", "here", "data")]
    assert not any(form.isImageFormat() or form.isAnchor() for form in formats)


def test_half_written(window, server, artefact) -> None:
    """A fence, a table or emphasis that has only begun is drawn as what it will be."""
    script = server.answer("openai")
    script.say("Look:\n\n```python\ndef f():\n    ret")
    window.ask("Hi")
    window.until(lambda: window.answer() and "ret" in window.answer().toPlainText())
    assert [run.kind for run in window.answer().document_.runs] == ["code"]
    assert "```" not in window.text
    script.say("urn 1\n```\n\n| a | b")
    window.until(lambda: window.answer().document().find("b").currentTable() is not None)
    assert "|" not in window.text
    script.say(" |\n|---|---|\n| 1 | 2 |\n\nIt is **bo")
    window.until(lambda: "It is bo" in window.text)
    assert window.answer().document().find("bo").charFormat().fontWeight() > 400
    window.save(artefact)
    script.say("ld**.")
    script.finish()
    window.settle()
    assert "It is bold." in window.text


def test_copy_code(window, server) -> None:
    """The button of a code block copies its text, to the letter, in a list, too."""
    server.answer("openai", EVERYTHING)
    window.ask("Hi")
    window.settle()
    code = '''def by_length(words: list[str]) -> list[str]:
    """Shortest first."""

    return sorted(words, key=len)'''
    window.press(f"{words.COPY} {words.CODE}")
    clipboard = QtWidgets.QApplication.clipboard()
    assert clipboard.text() in (code, "pip install x")
    assert [window.answer().code(number) for number in (0, 1)] == ["pip install x", code]
    assert words.COPIED in window.buttons()


def test_copy_long_code(window, server) -> None:
    """Code of several rows is copied as a whole, from each of them."""
    code = "".join(f"x{number} = {number}\n" for number in range(1500))
    server.answer("openai", f"Look:\n\n```python\n{code}```\n\nThat is it.")
    window.ask("Hi")
    window.settle()
    rows = window.view.turns[0].rows
    views = [row.widget for row in rows if isinstance(row.widget, TextView)]
    copied = [view.code(0) for view in views if view.document_.runs]
    assert copied
    assert set(copied) == {code}


def test_finished_blocks_stay(window, server) -> None:
    """A selection in a finished block stays while the text goes on."""
    script = server.answer("openai")
    script.say("First paragraph.\n\nSecond")
    window.ask("Hi")
    window.until(lambda: window.answer() and "Second" in window.answer().toPlainText())
    view = window.answer()
    view.setTextCursor(view.document().find("paragraph"))
    for number in range(20):
        script.say(f" word{number}\n\n" if number % 5 == 4 else f" word{number}")
        window.until(lambda number=number: f"word{number}" in window.answer().toPlainText())
    assert window.answer() is view
    assert view.textCursor().selectedText() == "paragraph"
    script.finish()
    window.settle()
    assert view.textCursor().selectedText() == "paragraph"


def test_a_rewritten_answer(window, server) -> None:
    """Text that the backend has changed afterwards is drawn again."""
    text = TextRows("answer")
    theme = Theme(window.view.palette(), window.view.font())
    text.show_text("One.\n\nTwo.\n\nThree", live=True)
    text.rows[-1].widget = text.rows[-1].make(window.view, theme)
    text.show_text("Other.\n\nTwo", live=True)
    assert len(text.rows) == 1
    view = text.rows[0].make(window.view, theme)
    assert view.toPlainText() == "Other.\nTwo"


def test_links_that_are_defined_below(window, server) -> None:
    """A link whose URL comes at the end of the text becomes a link then."""
    script = server.answer("openai")
    script.say("# Read\n\nSee [the docs][1] and [more].\n\nThat is it.\n\n")
    window.ask("Hi")
    window.until(lambda: "That is it." in window.text)
    script.say("[1]: https://example.com/docs\n[more]: javascript:alert(1)\n")
    script.finish()
    window.settle()
    assert window.texts()[-1] == "Read\nSee the docs and more.\nThat is it."
    document = window.answer().document()
    assert document.find("the docs").charFormat().anchorHref() == "https://example.com/docs"
    assert not document.find("more").charFormat().isAnchor()


def test_code_after_a_definition(window, server) -> None:
    """An open fence after the definition of a link stays code."""
    script = server.answer("openai")
    script.say("[1]: https://example.com\n\nSee [it][1]:\n\n```python\nx = [1")
    window.ask("Hi")
    window.until(lambda: window.answer() and window.answer().document_.runs)
    window.until(lambda: "x = [1" in window.text)
    assert window.answer().code(0) == "x = [1"
    script.say("]\n```\n")
    script.finish()
    window.settle()
    assert window.texts()[-1] == "See it:\nx = [1]"


def test_a_wide_table_scrolls(window, server, artefact) -> None:
    """A table wider than the window gets its own scroll bar; the text does not."""
    head = " | ".join(f"column{number:02}" for number in range(14))
    server.answer("openai", f"Look.\n\n| {head} |\n|{'---|' * 14}\n| {head} |\n\nAnd so on.")
    window.view.resize(360, 500)
    window.ask("Hi")
    window.settle()
    assert window.answer().horizontalScrollBar().maximum() > 0
    assert window.view.scroller.horizontalScrollBar().maximum() == 0
    cell = window.answer().document().find("column00").block()
    assert cell.layout().lineCount() == 1
    assert window.answer().document().find("And so on.").block().layout().lineCount() == 1
    window.save(artefact)


def test_links_by_keyboard(window, server, monkeypatch) -> None:
    """Tab reaches a link in the text, and Enter opens it."""
    opened: list[str] = []
    monkeypatch.setattr(links.webbrowser, "open", opened.append)
    server.answer("openai", "See [the docs](https://example.com/docs).")
    window.ask("Hi")
    window.settle()
    window.answer().setFocus()
    window.key(QtCore.Qt.Key.Key_Tab)
    QtTest.QTest.keyClick(window.answer(), QtCore.Qt.Key.Key_Return)
    assert opened == ["https://example.com/docs"]


def test_one_megabyte(application, server) -> None:
    """An answer of a megabyte is shown to the letter, a few rows at a time."""
    paragraph = "A paragraph of some words, which is **not** very long. " * 4
    answer = "\n\n".join(f"{number}: {paragraph}" for number in range(4500))
    messages = (Message("user", "Write a lot"), Message("assistant", answer))
    window = Window(use_chat(server.url + PATH, messages=messages))
    try:
        window.settle()
        rows = window.view.turns[0].rows
        assert len(rows) > 200
        assert "4499: A paragraph of some words, which is not" in window.text
        assert len(window.view.scroller.findChildren(TextView)) < 12
        texts = [row for row in rows if hasattr(row, "lead")]
        assert answer.startswith("".join(answer[row.start : row.end] for row in texts))
        assert all(one.end == following.start for one, following in itertools.pairwise(texts))
    finally:
        window.close()
