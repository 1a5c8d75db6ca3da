"""`TurnRows`: the rows of one turn, updated from the session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chatsdk.windows import words
from chatsdk.windows.qt.panel_rows import (
    Actions,
    ActionsRow,
    CallRow,
    FoldRow,
    NoticeRow,
    QuestionRow,
    SourcesRow,
)
from chatsdk.windows.qt.plain_rows import PlainRows
from chatsdk.windows.qt.scroller import Row
from chatsdk.windows.qt.text_rows import TextRows
from chatsdk.windows.transcript import CallPart, Part, ReasoningPart, ShownTurn, TextPart

__all__ = ["TurnRows"]


class TurnRows:
    """The rows of a turn.

    Attributes:
        rows: the rows, in order.
        shown: the turn that they show.
    """

    __slots__ = ("_actions", "_end", "_notice", "_parts", "_question", "_sources", "rows", "shown")

    def __init__(self, actions: Actions) -> None:
        self.shown = ShownTurn()
        self.rows: list[Row] = []
        self._actions = actions
        self._question: QuestionRow | None = None
        self._parts: list[TextPartRows | ReasoningRows | CallPartRows] = []
        self._sources: SourcesRow | None = None
        self._notice: NoticeRow | None = None
        self._end: ActionsRow | None = None

    @property
    def behind(self) -> bool:
        """Whether a text is not completely in the rows yet: call `advance`."""
        return any(part.behind for part in self._parts)

    def advance(self) -> None:
        """Put the next part of a long text into the rows."""
        for part in self._parts:
            if part.behind:
                part.advance()
                break
        self.collect()

    def show(self, turn: ShownTurn, *, last: bool) -> None:
        """Show this turn; `last`: no other one follows."""
        before, self.shown = self.shown, turn
        actions = self._actions
        if turn.question != before.question:
            question = turn.question
            self._question = None if question is None else QuestionRow(question, actions)
        for place, part in enumerate(turn.parts):
            live = turn.live and place == len(turn.parts) - 1
            if place == len(self._parts) or not self._parts[place].shows(part):
                del self._parts[place:]
                self._parts.append(self._rows_of(part))
            self._parts[place].show(part, live=live)
        del self._parts[len(turn.parts) :]
        if turn.sources != before.sources:
            self._sources = SourcesRow(turn.sources) if turn.sources else None
        if turn.notice is None:
            self._notice = None
        elif self._notice is None:
            self._notice = NoticeRow(turn.notice, actions)
        else:
            self._notice.show(turn.notice)
        if turn.live or not any(isinstance(part, TextPart) for part in turn.parts):
            self._end = None
        else:
            self._end = self._end or ActionsRow(self, actions)
            # Retry does the same as Regenerate.
            self._end.show(again=last and not (turn.notice is not None and turn.notice.retry))
        self.collect()

    def collect(self) -> None:
        """Put the rows of all parts together."""
        rows: list[Row] = []
        if self._question is not None:
            rows.append(self._question)
        for part in self._parts:
            rows += part.rows
        rows += [row for row in (self._sources, self._notice, self._end) if row is not None]
        self.rows = rows

    def _rows_of(self, part: Part) -> TextPartRows | ReasoningRows | CallPartRows:
        if isinstance(part, TextPart):
            return TextPartRows(words.ASSISTANT)
        if isinstance(part, ReasoningPart):
            return ReasoningRows(self)
        return CallPartRows(self._actions)

    def folded(self) -> None:
        """Lay out again after a part was folded or unfolded."""
        self.collect()
        self._actions.folded()


class TextPartRows(TextRows):
    """A part of the answer's text."""

    __slots__ = ()

    def shows(self, part: Part) -> bool:
        return isinstance(part, TextPart)

    def show(self, part: Any, *, live: bool) -> None:
        self.show_text(part.text.rstrip(), live=live)


class ReasoningRows:
    """The reasoning: its heading, and unfolded its text."""

    __slots__ = ("_head", "_text", "_turn")

    def __init__(self, turn: TurnRows) -> None:
        self._turn = turn
        self._text = ""
        self._head = FoldRow(words.REASONING, self._fold)

    @property
    def rows(self) -> Sequence[Row]:
        unfolded = self._head.unfolded
        return [self._head] if unfolded is None else [self._head, *unfolded.rows]

    @property
    def behind(self) -> bool:
        return self._head.unfolded is not None and self._head.unfolded.behind

    def advance(self) -> None:
        if self._head.unfolded is not None:
            self._head.unfolded.advance()

    def shows(self, part: Part) -> bool:
        return isinstance(part, ReasoningPart)

    def show(self, part: Any, *, live: bool) -> None:
        self._text = part.text.strip()
        if self._head.unfolded is not None:
            self._head.unfolded.show_text(self._text)

    def _fold(self) -> None:
        if self._head.unfolded is None:
            self._head.unfolded = PlainRows(words.REASONING)
            self._head.unfolded.show_text(self._text)
        else:
            self._head.unfolded = None
        self._turn.folded()


class CallPartRows:
    """A tool call."""

    __slots__ = ("rows",)
    behind = False

    def __init__(self, actions: Actions) -> None:
        self.rows: tuple[CallRow] = (CallRow(actions),)

    def advance(self) -> None:
        """Do nothing, because a call is never behind."""

    def shows(self, part: Part) -> bool:
        return isinstance(part, CallPart)

    def show(self, part: Any, *, live: bool) -> None:
        self.rows[0].show(part)
