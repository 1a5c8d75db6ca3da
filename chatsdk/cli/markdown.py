"""`MarkdownScreen`: answers rendered as Markdown while they stream, with rich (extra `cli`)."""

from __future__ import annotations

import importlib.util
import re
from typing import TYPE_CHECKING, TextIO

from chatsdk.answer import Answer
from chatsdk.cli.screen import Screen, printable
from chatsdk.outcome import Outcome

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.live import Live
    from rich.segment import Segment

__all__ = ["MarkdownScreen", "screen_for", "settled"]

# A fence of a code block (CommonMark 0.31, "Fenced code blocks").
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def screen_for(out: TextIO, notes: TextIO, *, rewrites: bool = False) -> Screen:
    """Return the best screen that there is for `out`; the arguments are those of `Screen`."""
    if out.isatty() and importlib.util.find_spec("rich"):
        from rich.console import Console

        console = Console(file=out, highlight=False)
        if not console.is_dumb_terminal:
            return MarkdownScreen(out, notes, console)
    return Screen(out, notes, rewrites=rewrites)


def settled(text: str) -> int:
    """Return how much of a Markdown text is whole blocks, which nothing that follows can change.

    It ends behind a blank line that is in no fenced code block.
    """
    end = place = 0
    fence = ""
    # The last one is not whole yet.
    for line in text.split("\n")[:-1]:
        place += len(line) + 1
        mark = _FENCE.match(line)
        if mark is not None and not fence:
            fence = mark[1]
        elif mark is not None and mark[1].startswith(fence) and not line[mark.end() :].strip():
            fence = ""
        elif not fence and not line.strip():
            end = place
    return end


class MarkdownScreen(Screen):
    """A screen that renders Markdown.

    Whole blocks are printed once and for all; only what is still growing is drawn anew, so that a
    long answer scrolls as any other output does.
    """

    # Seconds: thirty times a second is as often as an eye follows.
    throttle = 1 / 30

    def __init__(self, out: TextIO, notes: TextIO, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        # Characters of the answer that are printed for good.
        self._printed = 0
        super().__init__(out, notes)

    def step(self, answer: Answer) -> None:
        """Show what one more step of the answer adds."""
        if answer.reasoning_delta:
            self._end_live()
            self._think(answer.reasoning_delta)
        if answer.rewritten:
            self._end_live()
            self._printed = 0
            self._say_rewritten()
        if answer.delta or answer.rewritten:
            self._break_line()
            self._draw(answer.text)

    def end(self, outcome: Outcome) -> None:
        """Print what has not been printed yet, then what belongs to the answer."""
        self._end_live()
        rest = outcome.answer.text[self._printed :]
        if rest.strip():
            self._console.print(_Block(rest, first=not self._printed))
        self._printed = 0
        super().end(outcome)

    def close(self) -> None:
        """Leave the terminal as it was, in mid-answer too. Twice is harmless."""
        self._end_live()
        self._printed = 0
        super().close()

    def _draw(self, text: str) -> None:
        from rich.live import Live

        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        whole = settled(text[self._printed :])
        if whole:
            block = _Block(text[self._printed : self._printed + whole], first=not self._printed)
            self._printed += whole
            # What is still growing would be drawn below it for a moment, a second time.
            self._live.update("")
            self._console.print(block)
        rest = _Block(text[self._printed :], first=not self._printed, cropped=True)
        self._live.update(rest, refresh=True)

    def _end_live(self) -> None:
        if self._live is not None:
            self._live.update("")
            self._live.stop()
            self._live = None


class _Block:
    """A piece of Markdown, without anything that a terminal would obey.

    Args:
        text: the piece.
        first: nothing stands above it, from which a blank line would set it off.
        cropped: show only the last of it, where it is taller than the terminal.
    """

    def __init__(self, text: str, *, first: bool, cropped: bool = False) -> None:
        self._text = text
        self._first = first
        self._cropped = cropped

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.markdown import Markdown
        from rich.segment import Segment

        # A link's address is shown, as it may be another than its text says.
        markdown = Markdown(printable(self._text), hyperlinks=False)
        lines = _without_margins(console.render_lines(markdown, options, pad=False))
        if lines and not self._first:
            lines.insert(0, [])
        if self._cropped:
            lines = lines[-max(1, options.size.height - 1) :]
        for line in lines:
            for segment in line:
                # Percent-encoded and named characters were decoded after the first cleaning.
                yield Segment(printable(segment.text), segment.style)
            yield Segment.line()


def _without_margins(lines: list[list[Segment]]) -> list[list[Segment]]:
    """Leave out the blank lines at both ends, which differ from one kind of block to another."""
    there = [place for place, line in enumerate(lines) if any(part.text.strip() for part in line)]
    return lines[there[0] : there[-1] + 1] if there else []
