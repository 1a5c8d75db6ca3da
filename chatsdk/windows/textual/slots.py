"""`TurnSlots`: the rows of one turn, small enough to be drawn one at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from chatsdk.windows import words
from chatsdk.windows.links import link_targets
from chatsdk.windows.markdown_blocks import Block, MarkdownBlocks
from chatsdk.windows.open_markdown import completed
from chatsdk.windows.shown_turn import image_name
from chatsdk.windows.transcript import (
    CallPart,
    Part,
    Question,
    ReasoningPart,
    ShownTurn,
    TextPart,
)

__all__ = ["Slot", "TurnSlots"]

# Characters of plain text in one slot.
PLAIN_CHARS = 2000

# The beginning of a list item (CommonMark 0.31, "List items"), a task (GitHub Flavored Markdown,
# "Task list items"), and a fence.
_ITEM = re.compile(r"( {0,3})(?:[-+*]|(\d{1,9})([.)]))(?= |\t|$)")
_TASK = re.compile(r"( *(?:[-+*]|\d{1,9}[.)]) )\[([ xX])\](?= )", re.MULTILINE)
_FENCE = re.compile(r" {0,3}(?:`{3,}|~{3,})")


class Row(NamedTuple):
    """The content of a slot, and the kind of its widget.

    Attributes:
        kind: ``"question"``, ``"fold"``, ``"plain"``, ``"text"``, ``"source"``, ``"notice"`` or
            ``"actions"``.
        text: its text; Markdown if the kind is ``"text"``.
        state: what else its look depends on.
        value: the value of the transcript that a press on it is about. For a text it is the targets
            of its links that are defined elsewhere, as Markdown.
        gap: whether a blank line follows.
    """

    kind: str
    text: str = ""
    state: str = ""
    value: Any = None
    gap: bool = True


class Slot:
    """A place in the transcript, with a widget while it is near the visible part.

    Attributes:
        row: what to show.
        turn: the turn it belongs to.
        widget: its widget, or ``None``.
        drawn: the row that the widget shows.
        height: its measured number of lines at `width` columns; 0 if it was never measured.
    """

    __slots__ = ("drawn", "height", "row", "turn", "widget", "width")

    def __init__(self, row: Row, turn: TurnSlots) -> None:
        self.row = row
        self.turn = turn
        self.widget: Any = None
        self.drawn: Row | None = None
        self.height = 0
        self.width = 0

    def lines(self, width: int) -> int:
        """Return its height: measured, or estimated from its text."""
        if self.width == width:
            return self.height
        if self.row.kind == "actions" or (not self.row.text and not self.height):
            return 1 + self.row.gap
        return estimate(self.row.text, width) + self.row.gap


def estimate(text: str, width: int) -> int:
    """Return about how many lines a text takes."""
    return max(1, text.count("\n") + 1, len(text) // max(width, 1) + 1)


class TurnSlots:
    """The slots of one turn, made on first access.

    Attributes:
        turn: the turn as it was shown last.
        unfolded: the folds that a person has opened, by the index of their part.
    """

    def __init__(self, turn: ShownTurn) -> None:
        self.turn = turn
        self.unfolded: set[int] = set()
        self._slots: list[Slot] | None = None
        self._texts: dict[int, _Text] = {}

    def lines(self, width: int) -> int:
        """Return its height in lines, estimated as long as its slots were not made."""
        if self._slots is not None:
            return sum(slot.lines(width) for slot in self._slots)
        turn = self.turn
        asked = estimate(turn.question.text, width) + 1 if turn.question else 0
        said = sum(
            estimate(part.text, width) + 1 if isinstance(part, TextPart) else 2
            for part in turn.parts
        )
        return asked + said + len(turn.sources) + 2

    @property
    def slots(self) -> list[Slot]:
        """Its slots, from top to bottom."""
        if self._slots is None:
            self._slots = self._made()
        return self._slots

    @property
    def made(self) -> list[Slot]:
        """Its slots if they were made, else none."""
        return self._slots or []

    def update(self, turn: ShownTurn) -> None:
        """Show another state of the turn. Slots whose content is the same stay."""
        if turn is not self.turn:
            self.turn = turn
            self.rebuild()

    def rebuild(self) -> None:
        """Make the slots again, after a change of the turn or of a fold."""
        if self._slots is not None:
            self._slots = self._made()

    def _made(self) -> list[Slot]:
        turn = self.turn
        # By place: the same kind at the same place is the same slot.
        old: dict[tuple[Any, ...], Slot] = getattr(self, "_named", {})
        self._named: dict[tuple[Any, ...], Slot] = {}
        slots: list[Slot] = []

        def add(name: tuple[Any, ...], row: Row) -> None:
            slot = old.get(name)
            if slot is None or slot.row.kind != row.kind:
                slot = Slot(row, self)
            elif slot.row != row:
                slot.row = row
                slot.width = 0
            self._named[name] = slot
            slots.append(slot)

        if turn.question is not None:
            for number, row in enumerate(_question(turn.question)):
                add(("question", number), row)
        for place, part in enumerate(turn.parts):
            if isinstance(part, TextPart):
                text = self._texts.get(place)
                if text is None or not part.text.startswith(text.text):
                    text = self._texts[place] = _Text(self)
                last = place == len(turn.parts) - 1
                slots += text.update(part.text, live=turn.live and last)
            else:
                for number, row in enumerate(self._fold(place, part)):
                    add(("part", place, number), row)
        for number, source in enumerate(turn.sources):
            title = f"[{source.number}] {source.title}"
            last = number == len(turn.sources) - 1
            add(("source", number), Row("source", title, value=source, gap=last))
        if turn.notice is not None:
            add(("notice",), Row("notice", turn.notice.text, turn.notice.kind, turn.notice))
        if not turn.live:
            add(("actions",), Row("actions", value=turn))
        return slots

    def _fold(self, place: int, part: Part) -> Iterator[Row]:
        """The line of a fold and, if it is open, what is in it."""
        is_open = place in self.unfolded
        state = "open" if is_open else "closed"
        if isinstance(part, ReasoningPart):
            yield Row("fold", self._reasoning(place, part), state, place, gap=not is_open)
            if is_open:
                yield from _plain(part.text)
        elif isinstance(part, CallPart):
            kind = f"{state} call {part.state}"
            line = words.call_line(part.name, part.state)
            is_open = is_open or part.state == "waiting"
            yield Row("fold", line, kind, place, gap=not is_open)
            if is_open:
                yield from _plain(part.arguments or "{}", f"{words.ARGUMENTS}\n")
                if part.result is not None:
                    yield from _plain(part.result, f"{words.RESULT}\n")
            if part.state == "waiting":
                yield Row("ask", part.name, value=part)

    def _reasoning(self, place: int, part: ReasoningPart) -> str:
        """The line of folded reasoning; while it is received, with its latest text."""
        if self.turn.live and place == len(self.turn.parts) - 1:
            newest = part.text.rstrip().rsplit("\n", 1)[-1][-200:].strip()
            return f"{words.REASONING} · {newest}"
        return words.REASONING


class _Text:
    """The slots of a text of Markdown that grows.

    A slot is a block, and of a list an item. Complete ones never change; the open one is drawn as
    if what has begun had ended.
    """

    def __init__(self, turn: TurnSlots) -> None:
        self.text = ""
        self._turn = turn
        self._blocks = MarkdownBlocks()
        self._done: list[Slot] = []
        self._open: list[Slot] = []
        # The targets of links: those in complete blocks, and those that the rows have.
        self._defined = ""
        self._targets = ""

    def update(self, text: str, *, live: bool) -> list[Slot]:
        self.text = text
        done, last = self._blocks.update(text)
        for block in done:
            rows = self._cut(block)
            # The slots of the open block become those of the first complete one.
            self._done += self._filled(self._open, rows)
            self._open = self._open[len(rows) :] if len(done) == 1 else []
        targets = self._defined
        if live:
            last = last._replace(text=completed(last.text))
        else:
            targets += link_targets(last.text)[0]
        if targets != self._targets:
            self._targets = targets
            self._filled(self._done, [slot.row for slot in self._done])
        rows = [] if link_targets(last.text)[1] else list(_rows(last))
        self._open = self._filled(self._open, rows)
        return self._done + self._open

    def _cut(self, block: Block) -> list[Row]:
        """Return the rows of a complete block; none if it only defines the targets of links."""
        targets, alone = link_targets(block.text)
        self._defined += targets
        return [] if alone else list(_rows(block))

    def _filled(self, slots: list[Slot], rows: list[Row]) -> list[Slot]:
        filled = []
        for place, row in enumerate(rows):
            if self._targets and "[" in row.text:
                row = row._replace(value=self._targets)
            if place < len(slots):
                slot = slots[place]
                if slot.row != row:
                    slot.row = row
                    slot.width = 0
            else:
                slot = Slot(row, self._turn)
            filled.append(slot)
        return filled


def _rows(block: Block) -> Iterator[Row]:
    """The rows of a block: its items if it is a list."""
    text = block.text.strip("\n")
    if not text.strip():
        return
    items = list(_items(text))
    for number, item in enumerate(items):
        state = "continued" if block.continued and not number else ""
        item = _TASK.sub(lambda task: task[1] + ("☐" if task[2] == " " else "☑"), item)
        yield Row("text", item, state, gap=number == len(items) - 1)


def _items(text: str) -> Iterator[str]:
    """Cut a list into its items, each numbered as in the list."""
    lines = text.split("\n")
    first = _ITEM.match(lines[0])
    if first is None:
        yield text
        return
    indent = len(first[1])
    number = int(first[2]) if first[2] else 0
    item: list[str] = []
    fence = False
    for line in lines:
        start = None if fence else _ITEM.match(line)
        if start is not None and len(start[1]) <= indent + 1:
            if item:
                yield "\n".join(item).rstrip()
                number += 1
            item = []
            if start[2]:
                line = f"{start[1]}{number}{line[start.end(2) :]}"
        if _FENCE.match(line.lstrip()):
            fence = not fence
        item.append(line)
    yield "\n".join(item).rstrip()


def _question(question: Question) -> Iterator[Row]:
    text = "\n".join([question.text, *(f"📎 {name}" for name in question.files)])
    pieces = list(_pieces(text))
    for number, piece in enumerate(pieces):
        last = number == len(pieces) - 1
        yield Row("question", piece, "last" if last else "", question, gap=last)
    for image in question.images:
        yield Row("image", f"🖼  {image_name(image) or words.IMAGE}", value=image)


def _plain(text: str, title: str = "") -> Iterator[Row]:
    pieces = list(_pieces(text.strip("\n")))
    for number, piece in enumerate(pieces):
        last = number == len(pieces) - 1
        yield Row("plain", (title if not number else "") + piece, gap=last)


def _pieces(text: str) -> Iterator[str]:
    """Cut plain text at the ends of lines, or anywhere in very long ones."""
    place = 0
    while len(text) - place > PLAIN_CHARS:
        end = text.rfind("\n", place, place + PLAIN_CHARS)
        if end <= place:
            yield text[place : place + PLAIN_CHARS]
            place += PLAIN_CHARS
        else:
            yield text[place:end]
            place = end + 1
    yield text[place:]
