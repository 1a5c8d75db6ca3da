"""`FileName`: asks for the name of a file."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from chatsdk.windows import words
from chatsdk.windows.textual.acts import Act

__all__ = ["FileName"]


class FileName(ModalScreen[str | None]):
    """A question for the name of a file; ``None`` if it was cancelled."""

    DEFAULT_CSS = """
    FileName { align: center middle; }
    FileName > Vertical {
        width: 60; max-width: 100%; height: auto; padding: 1 2;
        background: $panel; border: round $border;
    }
    FileName Horizontal { height: 1; margin-top: 1; align-horizontal: right; }
    FileName Act { width: auto; padding: 0 1; margin-left: 1; color: $text-primary; }
    FileName Act:focus { background: $primary; color: $text; }
    FileName Input { margin-top: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss_none", show=False)]

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title.rstrip("…")

    def compose(self) -> ComposeResult:
        """Yield the question and a field."""
        with Vertical():
            yield Static(f"{self._title}: {words.JSON_FILES}", markup=False)
            yield Input(words.FILE_NAME, select_on_focus=True)
            with Horizontal():
                yield Act(words.CANCEL, "cancel")
                yield Act(self._title, "take")

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.dismiss(self.query_one(Input).value.strip() or None)

    @on(Act.Pressed)
    def _pressed(self, event: Act.Pressed) -> None:
        event.stop()
        if event.act == "take":
            self._submitted()
        else:
            self.dismiss(None)

    def action_dismiss_none(self) -> None:
        """Cancel."""
        self.dismiss(None)
