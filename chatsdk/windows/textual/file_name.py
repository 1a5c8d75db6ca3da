"""`FileName`: asks for the name of a file."""

from __future__ import annotations

import os
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

EXISTS = "This file exists. Press Enter again to replace it."


class FileName(ModalScreen[str | None]):
    """A question for the name of a file; ``None`` if it was cancelled.

    Args:
        title: what the file is for.
        writes: the file will be written: ask again before one that exists is replaced.
    """

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
    FileName .exists { display: none; color: $text-warning; }
    FileName.-exists .exists { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss_none", show=False)]

    def __init__(self, title: str, *, writes: bool = False) -> None:
        super().__init__()
        self._title = title.rstrip("…")
        self._writes = writes
        # The existing file that the person was warned about.
        self._told = ""

    def compose(self) -> ComposeResult:
        """Yield the question and a field."""
        with Vertical():
            yield Static(f"{self._title}: {words.JSON_FILES}", markup=False)
            yield Input(words.FILE_NAME, select_on_focus=True)
            yield Static(EXISTS, classes="exists", markup=False)
            with Horizontal():
                yield Act(words.CANCEL, "cancel")
                yield Act(self._title, "take")

    @on(Input.Submitted)
    def _submitted(self) -> None:
        name = self.query_one(Input).value.strip()
        if self._writes and name != self._told and os.path.lexists(name):
            self._told = name
            self.add_class("-exists")
        else:
            self.dismiss(name or None)

    @on(Input.Changed)
    def _changed(self) -> None:
        if self.query_one(Input).value.strip() != self._told:
            self._told = ""
            self.remove_class("-exists")

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
