"""How a chat draws on a terminal: lines that are replaced, words that are wrapped."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatsdk.answer import AnswerBuilder
from chatsdk.cli.markdown_screen import MarkdownScreen, block_ends
from chatsdk.cli.screen import LiveRegion, Screen
from chatsdk.cli.word_wrap import WordWrap, width_of, wrapped
from chatsdk.outcome import Outcome
from chatsdk.parts import Reasoning, Text

FAMILY = "👨‍👩‍👧‍👦"

# Characters whose widths differ between terminals and programs, and Markdown blocks.
PIECES = st.sampled_from(
    [
        *("word ", "another", " ", "\n", "\n\n", "- item\n", "1. one\n", "# Head\n", "> quote\n"),
        *("```\ncode\n\nmore\n```\n", "`code`", "**bold** ", "| a | b |\n|---|---|\n| 1 | 2 |\n"),
        *(FAMILY, "🇨🇳🇩🇪", "👍🏽", "☀️", "🧑‍💻", "学而时习之，", "العربية ", "e\u0301", "한국어"),
    ]
)


class Grid(io.StringIO):
    """A terminal that draws each character by itself, as xterm does: a family is four people.

    Attributes:
        rows: its lines from the first one, also those that have scrolled away.
    """

    def __init__(self, columns: int, height: int = 12) -> None:
        super().__init__()
        self.rows: list[list[str]] = [[]]
        self._columns, self._height = columns, height
        self._y = self._x = 0
        self._wraps = True

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        rest = text
        while rest:
            if rest.startswith("\x1b["):
                end = next(i for i, c in enumerate(rest[2:], 2) if "@" <= c <= "~")
                self._obey(rest[2:end], rest[end])
                rest = rest[end + 1 :]
            else:
                self._draw(rest[0])
                rest = rest[1:]
        return len(text)

    def _obey(self, argument: str, command: str) -> None:
        top = max(0, len(self.rows) - self._height)
        if command == "A":
            self._y = max(top, self._y - int(argument))
        elif command == "D":
            self._x = max(0, self._x - int(argument))
        elif command == "J":
            del self.rows[self._y + 1 :]
            del self.rows[self._y][self._x :]
        elif command == "K":
            del self.rows[self._y][0 if argument == "2" else self._x :]
        elif argument == "?7":
            self._wraps = command == "h"
        else:
            assert argument == "?2026" or command == "m", (argument, command)

    def _draw(self, char: str) -> None:
        width = 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
        if char == "\r":
            self._x = 0
        elif char == "\n":
            self._next_line()
        elif unicodedata.category(char) not in ("Mn", "Me", "Cf"):
            if self._x + width > self._columns:
                if self._wraps:
                    self._next_line()
                else:
                    self._x = self._columns - width
            row = self.rows[self._y]
            row += [" "] * (self._x - len(row))
            row[self._x : self._x + width] = [char, *[""] * (width - 1)]
            self._x += width

    def _next_line(self) -> None:
        self._y += 1
        self._x = 0
        if self._y == len(self.rows):
            self.rows.append([])

    @property
    def text(self) -> list[str]:
        """Return its text, without blanks at the ends of lines."""
        return ["".join(row).rstrip() for row in self.rows]


def streamed(screen: Screen, parts: list[Text | Reasoning]) -> None:
    builder = AnswerBuilder(started=0.0)
    for part in parts:
        screen.step(builder.step([part], payload="{}", at=1.0, received=1))
    screen.end(Outcome("finished", end="marker", answer=builder.answer))


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """A terminal without colours whose width the test decides."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")


@settings(deadline=None)
@given(st.lists(PIECES, max_size=30), st.integers(20, 60))
def test_nothing_is_drawn_twice(pieces, columns) -> None:
    """However an answer is cut and whatever emoji it has, it looks as if printed once."""
    rich = pytest.importorskip("rich.console")
    from chatsdk.cli.markdown_renderer import Renderer

    grid, once = Grid(columns), Grid(columns)
    console = rich.Console(file=grid, force_terminal=True, width=columns, height=12, no_color=True)
    renderer = Renderer(grid, console=console)
    streamed(MarkdownScreen(grid, io.StringIO(), renderer), [Text(piece) for piece in pieces])
    text, start, blocks = "".join(pieces), 0, []
    for end in (*block_ends(text), len(text)):
        if block := renderer.lines(text[start:end]):
            blocks.append("\n".join(block))
        start = end
    once.write("\n\n".join(blocks) + "\n" * bool(blocks))
    assert grid.text == once.text


def test_a_region_is_replaced() -> None:
    """A drawing takes the place of the one before, also of a taller one."""
    grid = Grid(20)
    region = LiveRegion(grid)
    grid.write("above\n")
    region.draw(["one", FAMILY * 20, "three"])
    region.draw(["two"], above="kept\n")
    assert grid.text == ["above", "kept", "two"]
    region.clear()
    region.clear()
    assert grid.text == ["above", "kept", ""]


@given(st.lists(st.sampled_from(["a", "bc ", "word", " ", "longer-word ", "\n", "x" * 30, "学"])))
def test_words_stay_whole(pieces) -> None:
    """However a text is cut into pieces, a word that fits on a line is never broken."""
    text = "".join(pieces)
    grid = Grid(20)
    wrap = WordWrap(lambda: 20, moves=True)
    for piece in pieces:
        grid.write(wrap.feed(piece))
    lines = grid.text
    assert "".join(lines).replace(" ", "") == text.replace(" ", "").replace("\n", "")
    for word in text.replace("学", " ").split():
        if len(word) < 20:
            assert any(word in line for line in lines)


@given(st.text(st.sampled_from("ab 学，\n"), max_size=80), st.integers(10, 30))
def test_wrapped(text, columns) -> None:
    """A finished text keeps within the terminal, if its words do, and loses nothing."""
    lines = wrapped(text, columns).split("\n")
    assert "".join(lines).replace(" ", "") == text.replace(" ", "").replace("\n", "")
    if all(len(word) < columns // 2 for word in text.split()):
        assert all(width_of(line) < columns for line in lines)


def test_a_line_does_not_begin_with_a_comma() -> None:
    """Chinese breaks between any two characters, but not before punctuation."""
    assert wrapped("学而时习之，不亦说乎", 12) == "学而时习\n之，不亦说\n乎"


def test_a_long_word_is_left_to_the_terminal() -> None:
    """A URL that is longer than a line is written in one piece, so it can be copied."""
    url = "https://example.test/" + "x" * 60
    assert wrapped(f"see {url} there", 40) == f"see\n{url} there"


def test_a_word_that_outgrows_its_line_moves() -> None:
    """A word that streams past the edge is taken back and begins the next line."""
    grid = Grid(20)
    wrap = WordWrap(lambda: 20, moves=True)
    for piece in ("some words and unques", "tion", "ably"):
        grid.write(wrap.feed(piece))
    assert grid.text == ["some words and", "unquestionably"]


def test_reasoning_is_wrapped(monkeypatch) -> None:
    """Reasoning breaks between words, not at the edge."""
    monkeypatch.setenv("COLUMNS", "20")
    grid = Grid(20)
    pieces = "The user wants to multiply six by seven".replace(" ", " |").split("|")
    streamed(Screen(grid, io.StringIO()), [Reasoning(piece) for piece in pieces])
    assert grid.text[:4] == ["[reasoning]", "The user wants to", "multiply six by", "seven"]


def test_the_spinner_gives_way_to_the_text(monkeypatch) -> None:
    """The spinner counts the seconds of waiting, and the first text takes its place."""
    monkeypatch.setenv("COLUMNS", "60")
    grid = Grid(60)
    screen = Screen(grid, io.StringIO())
    screen.wait(0.1)
    assert grid.text == [""]
    screen.wait(3.0)
    assert "waiting for the backend, 3 s" in grid.text[0]
    streamed(screen, [Text("Yes.")])
    assert grid.text[0] == "Yes."
    assert "waiting" not in "".join(grid.text)
