"""The rows of a turn that hold one panel each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from chatsdk.windows.qt.panels import ActionsPanel, CallPanel, FoldPanel, NoticePanel, SourcesPanel
from chatsdk.windows.qt.question_panel import QuestionPanel
from chatsdk.windows.qt.scroller import Row
from chatsdk.windows.qt.theme import Theme
from chatsdk.windows.thumbnails import Thumbnails
from chatsdk.windows.transcript import CallPart, Notice, Question, ShownTurn, Source

if TYPE_CHECKING:
    from chatsdk.windows.qt.plain_rows import PlainRows

__all__ = [
    "Actions",
    "ActionsRow",
    "CallRow",
    "FoldRow",
    "NoticeRow",
    "QuestionRow",
    "SourcesRow",
]


class Actions(Protocol):
    """The actions of a person in a turn, and the source of its pictures."""

    @property
    def thumbnails(self) -> Thumbnails: ...
    def edit(self, question: Question) -> object: ...
    def retry(self) -> object: ...
    def decide(self, call: CallPart, allowed: bool) -> object: ...
    def folded(self) -> object: ...


class Shown(Protocol):
    """A reference to the turn of a row."""

    @property
    def shown(self) -> ShownTurn: ...


class QuestionRow(Row):
    """A question."""

    __slots__ = ("_actions", "_question")

    def __init__(self, question: Question, actions: Actions) -> None:
        super().__init__(gap=1.2)
        self._question = question
        self._actions = actions

    def make(self, parent: Any, theme: Theme) -> QuestionPanel:
        get = self._actions.thumbnails.get
        pictures = [
            get(image, partial(self._show_picture, place))
            for place, image in enumerate(self._question.images)
        ]
        return QuestionPanel(theme, parent, self._question, self._actions.edit, pictures)

    def _show_picture(self, place: int, picture: Any) -> None:
        if self.widget is not None:
            self.widget.pictures[place].show_picture(picture)
            self.changed()
            self._actions.folded()

    def guess(self, width: int, theme: Theme) -> int:
        lines: float = len(self._question.text) * theme.char / width
        return theme.space(3.4) + round(lines * theme.em)


class SourcesRow(Row):
    """The citations."""

    __slots__ = ("_sources",)

    def __init__(self, sources: tuple[Source, ...]) -> None:
        super().__init__()
        self._sources = sources

    def make(self, parent: Any, theme: Theme) -> SourcesPanel:
        return SourcesPanel(theme, parent, self._sources)

    def guess(self, width: int, theme: Theme) -> int:
        return theme.space(1.2 * (1 + len(self._sources)))


class FoldRow(Row):
    """The heading of a part that can be folded.

    Attributes:
        unfolded: the rows of the part, or ``None`` while it is folded.
    """

    __slots__ = ("_text", "_toggle", "unfolded")

    def __init__(self, text: str, toggle: Callable[[], object]) -> None:
        super().__init__()
        self._text = text
        self._toggle = toggle
        self.unfolded: PlainRows | None = None

    def toggle(self) -> None:
        """Fold or unfold the part."""
        self._toggle()
        if self.widget is not None:
            self.widget.show_state(self.unfolded is not None)

    def make(self, parent: Any, theme: Theme) -> FoldPanel:
        panel = FoldPanel(theme, parent, self._text, self.toggle)
        panel.show_state(self.unfolded is not None)
        return panel


class CallRow(Row):
    """A tool call."""

    __slots__ = ("_actions", "_call", "_unfolded")

    def __init__(self, actions: Actions) -> None:
        super().__init__()
        self._actions = actions
        self._call = CallPart("")
        self._unfolded: bool | None = None

    @property
    def unfolded(self) -> bool:
        """Whether its details are shown: as the person chose, else while it asks."""
        return self._call.state == "waiting" if self._unfolded is None else self._unfolded

    def show(self, call: CallPart) -> None:
        """Show this call, or a later state of it."""
        if call != self._call:
            self._call = call
            self._refresh()

    def _refresh(self) -> None:
        if self.widget is not None:
            self.widget.show_call(self._call, self.unfolded)
        self.changed()

    def toggle(self) -> None:
        """Fold or unfold the details."""
        self._unfolded = not self.unfolded
        self._refresh()
        self._actions.folded()

    def make(self, parent: Any, theme: Theme) -> CallPanel:
        panel = CallPanel(theme, parent, self.toggle, self._actions.decide)
        panel.show_call(self._call, self.unfolded)
        return panel


class NoticeRow(Row):
    """The state of the turn."""

    __slots__ = ("_actions", "_notice")

    def __init__(self, notice: Notice, actions: Actions) -> None:
        super().__init__()
        self._actions = actions
        self._notice = notice

    def show(self, notice: Notice) -> None:
        """Show this state."""
        if notice != self._notice:
            self._notice = notice
            if self.widget is not None:
                self.widget.show_notice(notice)
            self.changed()

    def make(self, parent: Any, theme: Theme) -> NoticePanel:
        panel = NoticePanel(theme, parent, self._actions.retry)
        panel.show_notice(self._notice)
        return panel


class ActionsRow(Row):
    """The buttons below an answer."""

    __slots__ = ("_actions", "_again", "_turn")

    def __init__(self, turn: Shown, actions: Actions) -> None:
        super().__init__(gap=0.2)
        self._turn = turn
        self._actions = actions
        self._again = False

    def show(self, *, again: bool) -> None:
        """Show the buttons; `again`: the question can be asked again."""
        if again != self._again:
            self._again = again
            if self.widget is not None:
                self.widget.again.setVisible(again)

    def make(self, parent: Any, theme: Theme) -> ActionsPanel:
        panel = ActionsPanel(theme, parent, lambda: self._turn.shown.text, self._actions.retry)
        panel.again.setVisible(self._again)
        return panel
