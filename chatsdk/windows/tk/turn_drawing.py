"""`TurnDrawing`: a question and its answer in the transcript."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from chatsdk.windows import words
from chatsdk.windows.shown_turn import image_name
from chatsdk.windows.tk.markdown_runs import is_right_to_left, plain_runs
from chatsdk.windows.tk.part_drawings import FoldDrawing, PartDrawing, TextDrawing, drawing_of
from chatsdk.windows.tk.region import Region, action
from chatsdk.windows.tk.table_layout import Run
from chatsdk.windows.tk.visual_order import has_right_to_left
from chatsdk.windows.transcript import Notice, Question, ShownTurn, Source

if TYPE_CHECKING:
    from chatsdk.windows.tk.paper import Paper

__all__ = ["TurnDrawing"]

_numbers = itertools.count(1)


class TurnDrawing:
    """Draws one turn, and changes what is drawn as the turn changes.

    Attributes:
        turn: the turn as drawn, ``None`` before.
        first: the region with which it begins.
    """

    def __init__(self, paper: Paper, before: Region | None) -> None:
        self.paper = paper
        self.turn: ShownTurn | None = None
        self.name = f"turn-{next(_numbers)}"
        self._foot = Region(paper.text, before)
        self.first = Region(paper.text, self._foot)
        self._parts: list[PartDrawing] = []
        self._foot_state: object = None

    def draw(self, turn: ShownTurn, *, last: bool) -> Iterator[None]:
        """Draw `turn`, and pause where the window may be drawn; `last`: it is the last one."""
        old = self.turn
        if old is None or old.question != turn.question:
            self._draw_question(turn.question)
        if not self._extends_to(turn):
            self._clear_parts()
        self.turn = turn
        # The one that may still grow.
        growing = len(turn.parts) - 1 if turn.live else -1
        for place, part in enumerate(turn.parts):
            if place == len(self._parts):
                self._parts.append(drawing_of(part, self.paper, self._foot))
            yield from self._parts[place].draw(part, turn.live and place <= growing)
            yield
        state = (turn.sources, turn.notice, turn.live, last, turn.question is None)
        if state != self._foot_state:
            self._foot_state = state
            self._draw_foot(turn, last)

    def layout(self) -> Iterator[None]:
        """Draw again what depends on the width of the window."""
        turn = self.turn
        if turn is None:
            return
        if turn.question is not None and has_right_to_left(turn.question.text):
            self._draw_question(turn.question)
        for drawing in self._parts:
            if isinstance(drawing, TextDrawing):
                yield from drawing.layout(turn.live)
            yield

    def remove(self) -> None:
        """Delete it from the transcript."""
        self._clear_parts()
        self.first.remove()
        self._foot.remove()

    def _extends_to(self, turn: ShownTurn) -> bool:
        return len(self._parts) <= len(turn.parts) and all(
            drawing.extends_to(part) for drawing, part in zip(self._parts, turn.parts, strict=False)
        )

    def _clear_parts(self) -> None:
        for drawing in self._parts:
            if isinstance(drawing, FoldDrawing):
                drawing.remove()
            drawing.region.remove()
        self._parts = []

    def _draw_question(self, question: Question | None) -> None:
        region = self.first
        region.clear()
        if question is None:
            return
        region.write([("\n", ("user", "pad"))])
        if question.text:
            for start in range(0, len(question.text), 20_000):
                piece = question.text[start : start + 20_000]
                runs = plain_runs(piece, "text", "user")
                last, tags = runs[-1]
                self.paper.write(region, [*runs[:-1], (last[:-1], tags)])
            region.write([("\n", ("text", "user"))])
        named = [image for image in question.images if not self.paper.pictures.write(region, image)]
        if len(named) < len(question.images):
            region.write([("\n", ("text", "user"))])
        for image in named:
            region.write([(f"{words.IMAGE}: {image_name(image)}\n", ("text", "user", "small"))])
        for name in question.files:
            region.write([(f"📎 {name}\n", ("text", "user", "small"))])
        region.write([("\n", ("user", "pad"))])
        if question.id is not None:
            region.write(
                [*_actions([(words.EDIT, action("edit", question.id))]), ("\n", ("note",))]
            )

    def _draw_foot(self, turn: ShownTurn, last: bool) -> None:
        region = self._foot
        region.clear()
        if turn.sources:
            region.write(_sources(turn.sources))
        if turn.notice is not None:
            region.write(_notice(turn.notice))
        if turn.live:
            return
        actions = []
        if turn.text:
            actions.append((words.COPY, f"do:copy:{self.name}"))
        # A notice may offer the same as Retry.
        if last and (turn.parts if turn.notice is None else not turn.notice.retry):
            actions.append((words.REGENERATE, "do:regenerate"))
        if actions:
            region.write([*_actions(actions), ("\n", ("note",))])


def _actions(actions: list[tuple[str, str]]) -> list[Run]:
    runs: list[Run] = []
    for number, (word, do) in enumerate(actions):
        if number:
            runs.append(("    ", ("note",)))
        runs.append((word, ("note", "action", do)))
    return runs


def _notice(notice: Notice) -> list[Run]:
    if notice.kind == "error":
        runs: list[Run] = [("\n", ("bad", "pad"))]
        runs += [(text, (*tags, "bad")) for text, tags in plain_runs(notice.text, "text")]
        if notice.retry:
            runs.append((words.RETRY, ("text", "bad", "action", "bad-action", "do:retry")))
            runs.append(("\n", ("text", "bad")))
        return [*runs, ("\n", ("bad", "pad"))]
    if notice.kind == "waiting":
        return [("● ", ("note", "pulse")), (f"{notice.text}\n", ("note",))]
    runs = [(notice.text, ("note",))]
    if notice.retry:
        runs += [
            ("    ", ("note",)),
            (words.RETRY, ("note", "action", "strong-action", "do:retry")),
        ]
    return [*runs, ("\n", ("note",))]


def _sources(sources: tuple[Source, ...]) -> list[Run]:
    runs: list[Run] = [(f"{words.SOURCES}\n", ("note", "call-name"))]
    for source in sources:
        line = ("note", "li0")
        runs.append((f"{source.number}.\t", line))
        if source.url is None:
            runs.append((source.title, line))
        else:
            runs.append((source.title, (*line, "link", f"url:{source.url}")))
            host = urlsplit(source.url).netloc
            if host and host not in source.title:
                runs.append((f"  {host}", line))
        if is_right_to_left(source.title):
            runs = [(text, (*tags, "rtl") if tags == line else tags) for text, tags in runs]
        runs.append(("\n", line))
    return runs
