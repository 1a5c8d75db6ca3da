"""Draws the parts of an answer: text, reasoning and tool calls, each in a region."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from chatsdk.windows import words
from chatsdk.windows.markdown_blocks import Block, MarkdownBlocks
from chatsdk.windows.open_markdown import completed
from chatsdk.windows.tex import tex_as_code
from chatsdk.windows.tk.markdown_runs import Table, plain_runs
from chatsdk.windows.tk.region import Region, action
from chatsdk.windows.tk.table_layout import Run
from chatsdk.windows.tk.visual_order import has_right_to_left
from chatsdk.windows.transcript import CallPart, Part, ReasoningPart, TextPart

if TYPE_CHECKING:
    from chatsdk.windows.tk.paper import Paper

__all__ = ["FoldDrawing", "PartDrawing", "TextDrawing", "drawing_of"]

# Characters of arguments and of a result in the line below a folded tool call.
PREVIEW_CHARS = 70

# Longest text that is laid out again when the window gets another width.
LAYOUT_CHARS = 100_000

# Characters inserted at once.
PIECE_CHARS = 20_000


class PartDrawing:
    """The drawing of one part.

    Attributes:
        part: the part as drawn.
    """

    def __init__(self, paper: Paper, before: Region) -> None:
        self.paper = paper
        self.region = Region(paper.text, before)
        self.part: Part | None = None

    def extends_to(self, part: Part) -> bool:
        """Whether `part` can be drawn by changing this drawing."""
        raise NotImplementedError

    def draw(self, part: Part, live: bool) -> Iterator[None]:
        """Draw `part`, and pause where the window may be drawn."""
        raise NotImplementedError


class TextDrawing(PartDrawing):
    """The text of an answer. Blocks that are complete stay; the open one is drawn again."""

    def __init__(self, paper: Paper, before: Region) -> None:
        super().__init__(paper, before)
        # Names the tags of blocks of code: a block that grows, and the pieces of a long one, keep
        # theirs.
        self._name = paper.new_name("listing")
        # The targets of links that the text defines; the first blocks may refer to later ones.
        self._known: dict[str, Any] = {}
        self._links = 0
        self._begin()

    def _begin(self) -> None:
        self._blocks = MarkdownBlocks()
        self._text = ""
        self._ended = False
        self._heads = 0
        # Whether something in it was laid out for the width of the window.
        self.wide = False

    def layout(self, live: bool) -> Iterator[None]:
        """Draw it again for another width of the window, if that matters."""
        part = self.part
        if self.wide and part is not None and len(self._text) <= LAYOUT_CHARS:
            yield from self._again(live)

    def _again(self, live: bool) -> Iterator[None]:
        part, self.part = self.part, None
        assert part is not None
        self.region.clear()
        self._begin()
        yield from self.draw(part, live)

    def extends_to(self, part: Part) -> bool:
        if not isinstance(part, TextPart) or not part.text.startswith(self._text):
            return False
        return not self._ended or part.text == self._text

    def draw(self, part: Part, live: bool) -> Iterator[None]:
        assert isinstance(part, TextPart)
        if self._ended or (live and part == self.part):
            return
        self.part, self._text = part, part.text
        self.region.rewind()
        for block in self._blocks.complete(part.text):
            self._write(block)
            self.region.settle()
            yield
        rest = self._blocks.rest(part.text)
        shown = completed(rest.text) if live else rest.text
        if shown.strip():
            heads = self._heads
            self._write(rest._replace(text=shown))
            self._heads = heads
        if not live:
            self._ended = True
            self.region.settle()
            links = len(self._known.get("references", ()))
            if links > self._links and len(part.text) <= LAYOUT_CHARS:
                self._links = links
                yield from self._again(live)

    def _write(self, block: Block) -> None:
        if self._heads and not block.continued:
            self.region.write([("\n", ("gap",))])
        if self.paper.markdown is None:
            self._heads += 1
            runs = plain_runs(block.text.rstrip("\n"), "text")
            self.wide = self.paper.write(self.region, runs) or self.wide
            return
        if not block.continued:
            self._heads += 1
        codes = itertools.count()
        pieces = self.paper.markdown.render(
            tex_as_code(block.text.strip("\n")),
            lambda: f"{self._name}-{self._heads}-{next(codes)}",
            continued=block.continued,
            known=self._known,
        )
        runs = []
        for piece in pieces:
            if isinstance(piece, Table):
                self.paper.write(self.region, runs)
                runs = []
                self.paper.write_table(self.region, piece)
                self.wide = True
            else:
                runs.append(piece)
        self.wide = self.paper.write(self.region, runs) or self.wide


class FoldDrawing(PartDrawing):
    """Reasoning or a tool call: a line that unfolds."""

    def __init__(self, paper: Paper, before: Region) -> None:
        super().__init__(paper, before)
        # Whether a person has folded it, and how.
        self._chosen: bool | None = None
        self._live = False
        self._shown = 0
        # The start of the last line shown of the reasoning.
        self._line = 0
        # Number of restarts: a drawing that was paused before the last restart does not continue.
        self._begun = 0
        self.name = paper.new_name("fold")
        paper.folds[self.name] = self

    def extends_to(self, part: Part) -> bool:
        if isinstance(self.part, ReasoningPart):
            return isinstance(part, ReasoningPart)
        return isinstance(part, CallPart)

    def draw(self, part: Part, live: bool) -> Iterator[None]:
        if part == self.part and live == self._live:
            return
        old, self.part = self.part, part
        self._live = live
        if (
            self.unfolded
            and isinstance(old, ReasoningPart)
            and isinstance(part, ReasoningPart)
            and part.text.startswith(old.text)
            and self._shown == len(old.text)
        ):
            yield from self._body(part.text)
            return
        if isinstance(old, ReasoningPart) and not self.unfolded and old.text:
            # The folded line does not show the text.
            return
        self.region.clear()
        yield from self._all()

    @property
    def unfolded(self) -> bool:
        """Whether all of it is shown: as the person chose, else while it asks for a decision."""
        waits = isinstance(self.part, CallPart) and self.part.state == "waiting"
        return waits if self._chosen is None else self._chosen

    def toggle(self) -> Iterator[None]:
        """Fold or unfold it."""
        self._chosen = not self.unfolded
        self.region.clear()
        yield from self._all()

    def remove(self) -> None:
        """Forget it."""
        self.paper.folds.pop(self.name, None)

    def _all(self) -> Iterator[None]:
        part = self.part
        arrow = "▾" if self.unfolded else "▸"
        do = f"do:fold:{self.name}"
        self._shown = self._line = 0
        self._begun += 1
        if isinstance(part, ReasoningPart):
            self.region.write([(f"{arrow} {words.REASONING}\n", ("fold", "action", do))])
            self.region.settle()
            if self.unfolded:
                yield from self._body(part.text)
        elif isinstance(part, CallPart):
            yield from self._call(part, arrow, do)

    def _body(self, text: str) -> Iterator[None]:
        """Write the reasoning after what is shown of it, in pieces."""
        begun = self._begun
        while self._shown < len(text) and self._begun == begun:
            end = min(len(text), self._shown + PIECE_CHARS)
            start = self._shown
            if start - self._line < PIECE_CHARS and has_right_to_left(text[self._line : end]):
                # The letters of a line that grows get other places and forms.
                self.region.rewind()
                start = self._line
            head, line_break, tail = text[start:end].rpartition("\n")
            if line_break:
                self.paper.write(self.region, plain_runs(head, "thought"))
                self.region.settle()
                self._line = end - len(tail)
            # The pieces of a line are joined; the region's own line break ends the last one.
            *runs, (last, tags) = plain_runs(tail, "thought")
            self.paper.write(self.region, [*runs, (last[:-1], tags)])
            self._shown = end
            yield

    def _call(self, part: CallPart, arrow: str, do: str) -> Iterator[None]:
        tags = ("fold", "action", do)
        state = words.CALL_STATES[part.state]
        mark = ("alert",) if part.state in ("error", "waiting") else ()
        runs: list[Run] = [
            (f"{arrow} ", tags),
            (part.name or "tool", (*tags, "call-name")),
            (f" · {state}\n", (*tags, *mark)),
        ]
        if not self.unfolded:
            preview = _short(part.arguments)
            if part.result is not None:
                preview = f"{preview} → {_short(part.result)}"
            if preview.strip():
                runs.append((f"{preview}\n", ("thought", "preview")))
            self.region.write([*runs, *_decision(part)])
            return
        self.region.write(runs)
        begun = self._begun
        for title, text in (
            (words.ARGUMENTS, _indented(part.arguments)),
            (words.RESULT, part.result),
        ):
            if text is None:
                continue
            self.region.write([(f"{title}\n", ("thought",)), ("\n", ("block", "pad"))])
            for start in range(0, max(len(text), 1), PIECE_CHARS):
                runs = plain_runs(text[start : start + PIECE_CHARS], "block")
                last, last_tags = runs[-1]
                self.region.write([*runs[:-1], (last[:-1], last_tags)])
                yield
                if self._begun != begun:
                    return
            self.region.write([("\n", ("block",)), ("\n", ("block", "pad"))])
        self.region.write(_decision(part))


def drawing_of(part: Part, paper: Paper, before: Region) -> TextDrawing | FoldDrawing:
    """Return a new drawing for a part."""
    kind = TextDrawing if isinstance(part, TextPart) else FoldDrawing
    return kind(paper, before)


def _decision(part: CallPart) -> list[Run]:
    """Return the actions of a call that waits for a person."""
    if part.state != "waiting" or part.id is None:
        return []
    line = ("thought",)
    deny: Run = (words.DENY, (*line, "action", "strong-action", action("deny", part.id)))
    allow: Run = (words.ALLOW, (*line, "action", "strong-action", action("allow", part.id)))
    return [deny, ("\n", line)] if part.by_hand else [allow, ("    ", line), deny, ("\n", line)]


def _short(text: str) -> str:
    line = " ".join(text[: 4 * PREVIEW_CHARS].split())
    return line if len(line) <= PREVIEW_CHARS else f"{line[: PREVIEW_CHARS - 1]}…"


def _indented(arguments: str) -> str:
    """Return complete JSON with line breaks, anything else as it is."""
    try:
        return json.dumps(json.loads(arguments), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return arguments
