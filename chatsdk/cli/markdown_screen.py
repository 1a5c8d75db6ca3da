"""`MarkdownScreen`: shows an answer as Markdown while it streams (extra `cli`)."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from typing import TYPE_CHECKING, TextIO

from chatsdk.answer import Answer
from chatsdk.cli.answer_notes import encodable
from chatsdk.cli.screen import Screen
from chatsdk.outcome import Outcome

if TYPE_CHECKING:
    from chatsdk.cli.markdown_renderer import Renderer

__all__ = ["MarkdownScreen", "block_ends", "screen_for"]

# A fence of a code block (CommonMark 0.31, "Fenced code blocks").
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def screen_for(out: TextIO, notes: TextIO, *, rewrites: bool = False) -> Screen:
    """Return the best screen for `out`; the arguments are those of `Screen`."""
    dumb = os.environ.get("TERM", "dumb") in ("dumb", "unknown") and sys.platform != "win32"
    if out.isatty() and not dumb and importlib.util.find_spec("rich"):
        from chatsdk.cli.markdown_renderer import Renderer

        renderer = Renderer(out)
        if renderer.usable:
            return MarkdownScreen(out, notes, renderer)
    return Screen(out, notes, rewrites=rewrites)


def block_ends(text: str) -> list[int]:
    """Return the end positions of the complete blocks of a Markdown text.

    Later text cannot change these blocks. A block ends with a blank line outside a fenced code
    block, if the next line is not indented. An indented line would still belong to the block, such
    as a paragraph of a list item.
    """
    ends = []
    place = blank = 0
    fence = ""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if blank and line.strip():
            if line[0] not in " \t":
                ends.append(blank)
            blank = 0
        if number == len(lines) - 1:
            # The last line may still grow, but its first character stays.
            break
        place += len(line) + 1
        mark = _FENCE.match(line)
        if mark is not None and not fence:
            fence = mark[1]
        elif mark is not None and mark[1].startswith(fence) and not line[mark.end() :].strip():
            fence = ""
        elif not fence and not line.strip():
            blank = place
    return ends


def _end_of_code(block: str, rows: int) -> str:
    """Return the visible part of a growing block: of long code, its last lines."""
    if not _FENCE.match(block) or block.count("\n") <= rows:
        return block
    fence, *lines = block.split("\n")
    return "\n".join((fence, *lines[-rows:]))


class MarkdownScreen(Screen):
    """A screen that renders Markdown.

    Complete blocks are printed once. Only the block that is still growing is redrawn, so a long
    answer scrolls like any other output.
    """

    # Seconds between updates: the eye follows at most thirty a second.
    throttle = 1 / 30

    def __init__(self, out: TextIO, notes: TextIO, renderer: Renderer) -> None:
        self._renderer = renderer
        super().__init__(out, notes)

    def step(self, answer: Answer) -> None:
        """Show what one more step of the answer adds."""
        if answer.reasoning_delta:
            self._settle(answer.text[: len(answer.text) - len(answer.delta)])
            self._part("reasoning", answer.reasoning_delta)
        if answer.rewritten:
            self._live.clear()
            self._begin_text()
            self._say_rewritten()
        if answer.text and (answer.delta or answer.rewritten):
            self._draw(answer.text)

    def end(self, outcome: Outcome) -> None:
        """Print the rest of the text, then the details of the answer."""
        self._settle(outcome.answer.text)
        super().end(outcome)

    def _restart(self) -> None:
        self._begin_text()
        super()._restart()

    def _begin_text(self) -> None:
        # Characters of the text that are printed permanently, and whether they produced a line.
        self._printed = 0
        self._stands = False

    def _draw(self, text: str) -> None:
        if self._current != "answer":
            self._live.clear()
            self._head("answer")
            self._current = "answer"
        growing = text[self._printed :]
        above = ""
        if ends := block_ends(growing):
            above = self._final(growing[: ends[-1]])
            growing = growing[ends[-1] :]
        shown = self._lines(_end_of_code(growing, self._renderer.rows))
        self._live.draw(shown[-self._renderer.rows :], above=above)

    def _settle(self, text: str) -> None:
        """Print the block that was still growing; what follows begins below it."""
        self._live.clear()
        if final := self._final(text[self._printed :]):
            self._write(final)

    def _final(self, text: str) -> str:
        """Return the next piece of the text as it is printed permanently."""
        lines = self._lines(text)
        self._printed += len(text)
        self._stands = self._stands or bool(lines)
        return "".join(f"{line}\n" for line in lines)

    def _lines(self, text: str) -> list[str]:
        """Render a piece of the text, block by block, with a blank line above each block."""
        lines: list[str] = []
        start = 0
        for end in (*block_ends(text), len(text)):
            block = self._renderer.lines(text[start:end])
            if block and (lines or self._stands):
                lines.append("")
            lines += block
            start = end
        return [encodable(line, self._out) for line in lines]
