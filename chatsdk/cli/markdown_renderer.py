"""`Renderer`: renders Markdown for light and dark terminals (needs rich)."""

from __future__ import annotations

from typing import ClassVar, TextIO

from pygments.token import (
    Comment,
    Generic,
    Keyword,
    Name,
    Number,
    Operator,
    String,
    Token,
)
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, MarkdownElement
from rich.segment import Segment
from rich.style import Style
from rich.syntax import ANSISyntaxTheme, Syntax
from rich.text import Text
from rich.theme import Theme

from chatsdk.cli.answer_notes import printable
from chatsdk.cli.screen import has_256_colours

__all__ = ["Renderer"]

# 256-colour values with a contrast of at least 3.9 to both white and black.
BLUE, GREEN, BROWN, VIOLET, GREY = (f"color({n})" for n in (32, 28, 130, 133, 244))

STYLES = {
    "markdown.code": BROWN,
    "markdown.code_block": "none",
    "markdown.block_quote": "italic",
    "markdown.list": "none",
    "markdown.item.bullet": GREY,
    "markdown.item.number": GREY,
    "markdown.hr": GREY,
    "markdown.h1": "bold underline",
    "markdown.h2": "bold",
    "markdown.h3": "bold",
    "markdown.h4": "bold italic",
    "markdown.h5": "italic",
    "markdown.h6": "italic",
    "markdown.link": BLUE,
    "markdown.link_url": f"{BLUE} underline",
    "markdown.table.border": GREY,
    "markdown.table.header": "bold",
}

# No background, which would be a black bar on a light terminal.
CODE = ANSISyntaxTheme(
    {
        Token: Style(),
        Comment: Style.parse(f"{GREY} italic"),
        Keyword: Style.parse(VIOLET),
        Operator.Word: Style.parse(VIOLET),
        Name.Builtin: Style.parse(BLUE),
        Name.Function: Style.parse(f"{BLUE} bold"),
        Name.Class: Style.parse(f"{BLUE} bold"),
        Name.Decorator: Style.parse(BROWN),
        Name.Tag: Style.parse(VIOLET),
        Name.Attribute: Style.parse(BLUE),
        String: Style.parse(GREEN),
        Number: Style.parse(BROWN),
        Generic.Deleted: Style.parse("color(160)"),
        Generic.Inserted: Style.parse(GREEN),
        Generic.Heading: Style.parse("bold"),
    }
)


class _LeftHeading(Heading):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        text = self.text.copy()
        text.justify = "left"
        yield text


class _PlainCode(CodeBlock):
    """Code between two short rules, at the margin, so that it can be copied unchanged."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        name = "" if self.lexer_name in ("default", "text") else f" {self.lexer_name}"
        yield Text(f"───{name}", style=GREY)
        code = str(self.text).rstrip()
        if code:
            yield Syntax(code, self.lexer_name, theme=CODE, word_wrap=True)
        yield Text("───", style=GREY)


class _AnswerMarkdown(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": _LeftHeading,
        "fence": _PlainCode,
        "code_block": _PlainCode,
    }


class Renderer:
    """Renders Markdown for the terminal that `out` writes to."""

    def __init__(self, out: TextIO, *, console: Console | None = None) -> None:
        self._console = console or _console(out)
        self._console.push_theme(Theme(STYLES))

    @property
    def usable(self) -> bool:
        """Whether the terminal understands cursor movements."""
        return not (self._console.is_dumb_terminal or self._console.legacy_windows)

    @property
    def rows(self) -> int:
        """How many lines can be redrawn: all that fit on the terminal, minus one."""
        return max(1, self._console.size.height - 1)

    def lines(self, text: str) -> list[str]:
        """Return a piece of Markdown as lines, without any other terminal control characters.

        There are no blank lines at either end. No line ends with spaces, because a terminal that
        draws an emoji wider than rich counts would wrap it.
        """
        if not text.strip():
            return []
        # Show a link's URL, because it may differ from what its text claims.
        markdown = _AnswerMarkdown(printable(text), hyperlinks=False)
        rendered = self._console.render_lines(markdown, pad=False)
        lines = [_stripped(line) for line in rendered]
        full = [number for number, line in enumerate(lines) if line]
        if not full:
            return []
        kept = lines[full[0] : full[-1] + 1]
        with self._console.capture() as capture:
            self._console.print(_Segments(kept), end="")
        return capture.get().split("\n")[: len(kept)]


def _console(out: TextIO) -> Console:
    console = Console(file=out, highlight=False)
    if console.color_system == "standard" and has_256_colours():
        # Only red and magenta of the 16 colours are readable on both white and black.
        return Console(file=out, highlight=False, color_system="256")
    return console


class _Segments:
    def __init__(self, lines: list[list[Segment]]) -> None:
        self._lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self._lines:
            yield from line
            yield Segment.line()


def _stripped(line: list[Segment]) -> list[Segment]:
    # Named and percent-encoded characters were decoded after the text had been cleaned.
    line = [Segment(printable(part.text).replace("\n", " "), part.style) for part in line]
    while line and not line[-1].text.strip():
        line.pop()
    if line:
        line[-1] = Segment(line[-1].text.rstrip(), line[-1].style)
    return line
