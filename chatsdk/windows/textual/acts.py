"""`Act`: a word that can be pressed, with the mouse or the keyboard."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

__all__ = ["Act", "Spinner"]

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Act(Static):
    """A button that looks like a word, because an answer has several.

    Attributes:
        act: the name of the action.
        value: what it is about.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "press", show=False)]
    ALLOW_SELECT = False
    can_focus = True

    class Pressed(Message):
        """It was pressed.

        Attributes:
            act: its name.
            value: what it is about.
            widget: the `Act`.
        """

        def __init__(self, act: str, value: Any, widget: Act) -> None:
            super().__init__()
            self.act = act
            self.value = value
            self.widget = widget

    def __init__(self, label: str, act: str, value: Any = None, classes: str = "") -> None:
        super().__init__(label, markup=False, classes=classes)
        self.act = act
        self.value = value

    def on_click(self, event: events.Click) -> None:
        """Do it."""
        event.stop()
        self.action_press()

    def action_press(self) -> None:
        """Do it."""
        self.post_message(self.Pressed(self.act, self.value, self))


class Spinner(Static):
    """A sign of life."""

    def on_mount(self) -> None:
        """Begin to move."""
        self._frame = 0
        self.set_interval(0.1, self._turn)
        self.update(FRAMES[0])

    def _turn(self) -> None:
        self._frame += 1
        self.update(FRAMES[self._frame % len(FRAMES)])
