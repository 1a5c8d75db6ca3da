"""`Paper`: the text widget of the transcript, with links, actions, tables and pictures."""

from __future__ import annotations

import contextlib
import itertools
import tkinter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from chatsdk.session import Dispatch
from chatsdk.windows.links import open_link
from chatsdk.windows.printable import printable
from chatsdk.windows.tk.markdown_runs import MarkdownRuns, Table
from chatsdk.windows.tk.palette import Palette
from chatsdk.windows.tk.part_drawings import FoldDrawing
from chatsdk.windows.tk.region import Region, argument_of
from chatsdk.windows.tk.style import Fonts, apply_tags
from chatsdk.windows.tk.table_layout import GAP, Cell, Run, columns_of, words_of, wrapped
from chatsdk.windows.tk.thumbnails import Pictures
from chatsdk.windows.tk.visual_order import has_right_to_left, visual_lines

__all__ = ["MARGIN", "Paper"]

# Pixels of the margins of a narrow column of text.
MARGIN = 18

# The beginnings of tags that a few letters have: links, actions, code and the columns of a table.
# Tk keeps a tag, and searches among all of them, also after its letters have been deleted.
_NUMEROUS = ("url:", "do:", "listing-", "tabs-")

# The fonts of tags, for measuring.
_FONTS = {name: name for name in ("bold", "italic", "bold-italic", "h1", "h2", "h3", "h4")}
_FONTS |= {"code": "fixed", "code-bold": "fixed-bold", "block": "fixed"}
_FONTS |= dict.fromkeys(("thought", "small", "note"), "small")


class Paper:
    """The transcript's text widget.

    Args:
        text: the widget.
        act: called with the name of an action and its argument.
        hovered: called with the URL of the link under the pointer, or ``""``.
        dispatch: the dispatcher to Tk's thread.
    """

    def __init__(
        self,
        text: tkinter.Text,
        palette: Palette,
        fonts: Fonts,
        *,
        act: Callable[[str, str], None],
        hovered: Callable[[str], None],
        dispatch: Dispatch,
    ) -> None:
        self.text = text
        self.pictures = Pictures(text, dispatch)
        self.fonts = fonts
        self.folds: dict[str, FoldDrawing] = {}
        # Without markdown-it-py the text is plain, and the view shows a note about it.
        self.markdown: MarkdownRuns | None = None
        with contextlib.suppress(ImportError):
            self.markdown = MarkdownRuns()
        self._act = act
        self._hovered = hovered
        self._numbers = itertools.count(1)
        self._widths: dict[Run, int] = {}
        self._focused: tuple[str, str] | None = None
        self.palette = palette
        # Whether this Tk draws Arabic and Hebrew letter by letter from left to right.
        self._by_letter = text.tk.call("tk", "windowingsystem") == "x11"
        apply_tags(text, palette, fonts)
        for tag in ("link", "action"):
            text.tag_bind(tag, "<ButtonRelease-1>", self._clicked)
            text.tag_bind(tag, "<Enter>", self._entered)
            text.tag_bind(tag, "<Motion>", self._entered)
            text.tag_bind(tag, "<Leave>", self._left)
        text.bind("<Tab>", partial(self._step, 1))
        text.bind("<Shift-Tab>", partial(self._step, -1))
        if text.tk.call("tk", "windowingsystem") == "x11":
            text.bind("<ISO_Left_Tab>", partial(self._step, -1))
        text.bind("<Return>", self._activate)
        text.bind("<FocusOut>", lambda event: self._unfocus(), add=True)
        text.bind("<Configure>", self._resized, add=True)

    def new_name(self, kind: str) -> str:
        """Return a name for a tag that nothing else has."""
        return f"{kind}-{next(self._numbers)}"

    # Width ----------------------------------------------------------------------------------

    @property
    def room(self) -> int:
        """Pixels between the margins."""
        return int(max(120, self.text.winfo_width() - 2 * int(str(self.text.cget("padx")))))

    def _resized(self, event: Any) -> None:
        self._set_margin(event.width)

    def _set_margin(self, width: int) -> None:
        margin = max(MARGIN, (width - self.fonts.column) // 2)
        if int(str(self.text.cget("padx"))) != margin:
            self.text.configure(padx=margin)
        self._set_tabs()

    def _set_tabs(self) -> None:
        right = self.room - self.fonts["text"].measure("0")
        self.text.tag_configure("block-head", tabs=(max(60, right), "right"))

    def restyle(self, palette: Palette) -> None:
        """Apply colours and the sizes of the fonts again."""
        self.palette = palette
        self._widths.clear()
        apply_tags(self.text, palette, self.fonts)
        self._set_margin(self.text.winfo_width())

    # Writing --------------------------------------------------------------------------------

    def write(self, region: Region, runs: list[Run]) -> bool:
        """Write runs; return whether their layout depends on the width of the window."""
        if not self._by_letter or not any(has_right_to_left(text) for text, _ in runs):
            region.write(runs)
            return False
        for line in _lines(runs):
            self._write_line(region, line)
        return True

    def _write_line(self, region: Region, line: Cell) -> None:
        """Write a paragraph of letters that Tk would neither join nor reorder."""
        text = "".join(text for text, _ in line)
        if not has_right_to_left(text):
            region.write(line)
            return
        # The end of the line, and the tab after the marker of a list item.
        last, tags = line[-1]
        line = [*line[:-1], (last.removesuffix("\n"), tags)]
        line = [(text.replace("\t", " "), tags) for text, tags in line if text]
        depth = next((int(tag[-1]) for tag in tags if tag[:-1] in ("m", "li")), 0) + 2
        width = self.room - depth * self.fonts["text"].measure("0") * 2
        lines = visual_lines(line, width, self._measure, right_to_left="rtl" in tags)
        for visual in lines[:-1]:
            region.write([*visual, ("\n", tags)])
        region.write([*lines[-1], ("\n", tags)] if last.endswith("\n") else lines[-1])

    # Tables ---------------------------------------------------------------------------------

    def write_table(self, region: Region, table: Table) -> None:
        """Write a table, its columns aligned by tab stops."""
        widths = [[sum(map(self._measure, cell)) for cell in row] for row in table.rows]
        words = [
            [
                max((sum(map(self._measure, word)) for word in words_of(cell)), default=0)
                for cell in row
            ]
            for row in table.rows
        ]
        margin = table.margin * self.fonts["text"].measure("0") * 2
        columns = columns_of(widths, words, self.room - margin - GAP)
        if columns is None:
            self._write_records(region, table)
            return
        stops: list[int] = []
        left = margin + GAP // 2
        place = left
        for width in columns[:-1]:
            place += width + GAP
            stops.append(place)
        name = f"tabs-{left}-{'-'.join(map(str, stops))}"
        self.text.tag_configure(name, tabs=tuple(stops) or "", lmargin1=left, lmargin2=left)
        self.text.tag_raise("sel")
        for number, row in enumerate(table.rows):
            tags = ("text", "table", name) if number else ("text", "table", name, "table-head")
            cells = [
                wrapped(cell, width, self._measure)
                for cell, width in zip(row, columns, strict=False)
            ]
            runs: list[Run] = []
            for line in range(max(map(len, cells), default=0)):
                for column, cell in enumerate(cells):
                    if column:
                        runs.append(("\t", tags))
                    for text, inline in cell[line] if line < len(cell) else ():
                        runs.append((text, (*tags, *inline)))
                runs.append(("\n", tags))
            region.write(runs)

    def _write_records(self, region: Region, table: Table) -> None:
        """Write a table that is too wide row by row, each cell with its heading."""
        headings, *rows = table.rows
        for row in rows:
            for number, cell in enumerate(row):
                heading = (
                    "".join(text for text, _ in headings[number]) if number < len(headings) else ""
                )
                runs: list[Run] = []
                if heading:
                    runs.append((f"{heading}: ", ("text", "bold")))
                runs += [(text, ("text", *tags)) for text, tags in cell]
                region.write([*runs, ("\n", ("text",))])
            region.write([("\n", ("gap",))])

    def _measure(self, run: Run) -> int:
        width = self._widths.get(run)
        if width is None:
            if len(self._widths) > 20_000:
                self._widths.clear()
            text, tags = printable(run[0]), run[1]
            font = "text"
            for tag in tags:
                font = _FONTS.get(tag, font)
            width = self._widths[run] = self.fonts[font].measure(text)
        return width

    def forget_unused(self) -> Iterator[None]:
        """Free the pictures and the tags that are no longer shown, and pause now and then."""
        self.pictures.forget()
        for number, tag in enumerate(self.text.tag_names()):
            if tag.startswith(_NUMEROUS) and not self.text.tag_nextrange(tag, "1.0"):
                self.text.tag_delete(tag)
            if number % 100 == 99:
                yield

    # Links and actions ----------------------------------------------------------------------

    def _targets(self, index: str) -> list[str]:
        return [tag for tag in self.text.tag_names(index) if tag.startswith(("url:", "do:"))]

    def _clicked(self, event: Any) -> None:
        # A drag has selected text.
        if self.text.tag_ranges("sel"):
            return
        self._follow(f"@{event.x},{event.y}")

    def _follow(self, index: str) -> None:
        for tag in self._targets(index):
            kind, _, url = tag.partition(":")
            if kind == "url":
                open_link(url)
            else:
                self._act(*argument_of(tag))
            return

    def _entered(self, event: Any) -> None:
        index = f"@{event.x},{event.y}"
        targets = self._targets(index)
        self.text.configure(cursor="hand2")
        self.text.tag_remove("hover", "1.0", "end")
        if targets:
            found = self.text.tag_prevrange(targets[0], f"{index}+1c")
            if found and targets[0].startswith("do:"):
                self.text.tag_add("hover", *found)
            self._hovered(targets[0][4:] if targets[0].startswith("url:") else "")

    def _left(self, event: Any) -> None:
        self.text.configure(cursor="xterm")
        self.text.tag_remove("hover", "1.0", "end")
        self._hovered("")

    # The keyboard ---------------------------------------------------------------------------

    def _step(self, direction: int, event: Any) -> str | None:
        """Move to the next link or action; after the last one, Tab works as usual."""
        where = self._focused
        found = self._next_target(where, direction)
        self._unfocus()
        if found is None:
            return None
        self._focused = found
        self.text.tag_add("focused", *found)
        self.text.see(found[0])
        return "break"

    def _next_target(self, where: tuple[str, str] | None, direction: int) -> tuple[str, str] | None:
        if where is None:
            start = self.text.index("@0,0" if direction > 0 else f"@0,{self.text.winfo_height()}")
        else:
            start = where[1] if direction > 0 else where[0]
        found: list[tuple[str, str]] = []
        for tag in ("link", "action"):
            if direction > 0:
                ranges = self.text.tag_nextrange(tag, start)
            else:
                ranges = self.text.tag_prevrange(tag, start)
            if ranges:
                found.append((str(ranges[0]), str(ranges[1])))
        if not found:
            return None

        def place(target: tuple[str, str]) -> tuple[int, ...]:
            return tuple(map(int, target[0].split(".")))

        return min(found, key=place) if direction > 0 else max(found, key=place)

    def _unfocus(self) -> None:
        if self._focused is not None:
            self.text.tag_remove("focused", "1.0", "end")
            self._focused = None

    def _activate(self, event: Any) -> str | None:
        if self._focused is None:
            return None
        index = self._focused[0]
        self._unfocus()
        self._follow(index)
        return "break"

    # Reading --------------------------------------------------------------------------------

    def tagged(self, tag: str) -> str:
        """Return the text that has a tag."""
        ranges = [str(place) for place in self.text.tag_ranges(tag)]
        pairs = zip(ranges[::2], ranges[1::2], strict=True)
        return "".join(self.text.get(start, end) for start, end in pairs)

    def toggle(self, name: str) -> Iterator[None]:
        """Fold or unfold a part."""
        fold = self.folds.get(name)
        if fold is not None:
            yield from fold.toggle()


def _lines(runs: list[Run]) -> list[Cell]:
    """Split runs after each line break."""
    lines: list[Cell] = [[]]
    for text, tags in runs:
        for piece in text.splitlines(keepends=True):
            lines[-1].append((piece, tags))
            if piece.endswith("\n"):
                lines.append([])
    return [line for line in lines if line]
