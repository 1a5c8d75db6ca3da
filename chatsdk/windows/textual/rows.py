"""The widgets of a transcript: one for each kind of row."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment, Segments
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from chatsdk.messages import Image
from chatsdk.windows import words
from chatsdk.windows.tex import tex_as_code
from chatsdk.windows.textual.acts import Act, Spinner
from chatsdk.windows.textual.prose import Prose, clean
from chatsdk.windows.textual.slots import Row, Slot
from chatsdk.windows.thumbnails import PENDING, Thumbnails, small_picture

__all__ = ["Fold", "Picture", "draw", "thumbnail", "widget_for"]


class Fold(Static):
    """The line of a fold; a press opens or closes it.

    Attributes:
        slot: the slot that it shows.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "unfold", show=False)]
    ALLOW_SELECT = False
    can_focus = True

    class Toggled(Message):
        """The fold is to be opened or closed.

        Attributes:
            slot: the slot of its line.
            clicked: whether that was done with the mouse.
        """

        def __init__(self, slot: Slot, clicked: bool) -> None:
            super().__init__()
            self.slot = slot
            self.clicked = clicked

    def __init__(self, slot: Slot) -> None:
        super().__init__(markup=False)
        self.slot = slot

    def show_row(self, row: Row) -> None:
        """Show a state of the fold."""
        is_open = row.state.startswith("open")
        self.update(f"{'▼' if is_open else '▶'} {clean(' '.join(row.text.split()))}")
        self.set_class("error" in row.state, "-failed")

    def on_click(self, event: events.Click) -> None:
        """Open or close it."""
        event.stop()
        self.post_message(self.Toggled(self.slot, True))

    def action_unfold(self) -> None:
        """Open or close it."""
        self.post_message(self.Toggled(self.slot, False))


class Notice(Horizontal):
    """The state of a turn, or its end."""

    def __init__(self, row: Row) -> None:
        super().__init__(classes=f"-{row.state}")
        self._row = row
        self._text = Static(clean(row.text), markup=False, classes="notice-text")

    def compose(self) -> ComposeResult:
        """Yield a sign of life or not, the text, and perhaps a way to try again."""
        if self._row.state == "waiting":
            yield Spinner(classes="spinner")
        yield self._text
        if self._row.value.retry:
            yield Act(words.RETRY, "retry", classes="retry")

    def show_text(self, text: str) -> None:
        """Show another text of the same state."""
        self._text.update(clean(text))


class Actions(Horizontal):
    """The actions for a turn that has ended."""

    def __init__(self, row: Row) -> None:
        super().__init__()
        self._turn = row.value

    def compose(self) -> ComposeResult:
        """Yield the actions that are possible."""
        if self._turn.text:
            yield Act(words.COPY, "copy", self._turn.text)
        if self._turn.reply_id is not None:
            yield Act(words.REGENERATE, "regenerate", self._turn.reply_id)
        if self._turn.question is not None and self._turn.question.id is not None:
            yield Act(words.EDIT, "edit", self._turn.question)


class Ask(Horizontal):
    """A tool call that waits for a person."""

    def __init__(self, row: Row) -> None:
        super().__init__()
        self._call = row.value

    def compose(self) -> ComposeResult:
        """Yield the answers that are possible."""
        if not self._call.by_hand:
            yield Act(words.ALLOW, "allow", self._call)
        yield Act(words.DENY, "deny", self._call)


class Source(Static):
    """A citation; a press opens it if it has a URL that is safe."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "open", show=False)]

    def __init__(self, row: Row) -> None:
        super().__init__(clean(row.text), markup=False)
        self._url = row.value.url
        self.can_focus = self._url is not None
        self.set_class(self._url is not None, "-link")
        snippet = clean(row.value.snippet or "")[:400]
        # A string would be read as Textual's markup.
        self.tooltip = Content(snippet) if snippet else None

    def on_click(self) -> None:
        """Open it."""
        self.action_open()

    def action_open(self) -> None:
        """Open it."""
        if self._url is not None:
            self.post_message(Prose.Link(self._url))


# The most columns and lines of a picture. A block shows two pixels, one above the other.
COLUMNS, LINES = 32, 8


def thumbnail(image: Image) -> Segments | None:
    """Return a picture of an image that was sent, of blocks with two colours.

    ``None`` if it is elsewhere, cannot be read, or Pillow is not installed.
    """
    picture = small_picture(image, (COLUMNS, LINES * 2))
    if picture is None:
        return None
    picture = picture.convert("RGB")
    pixels = picture.load()
    segments = []
    for y in range(0, picture.height, 2):
        for x in range(picture.width):
            upper = "#{:02x}{:02x}{:02x}".format(*pixels[x, y])
            lower = None
            if y + 1 < picture.height:
                lower = "#{:02x}{:02x}{:02x}".format(*pixels[x, y + 1])
            segments.append(Segment("▀", Style(color=upper, bgcolor=lower)))
        segments.append(Segment.line())
    return Segments(segments)


class Picture(Static):
    """A small picture of an image, or its name while there is none."""

    class Made(Message):
        """The picture has been made, and is to be drawn."""

    def __init__(self, slot: Slot, thumbnails: Thumbnails) -> None:
        super().__init__(markup=False)
        self._slot = slot
        self._picture = thumbnails.get(slot.row.value, self._made)

    def show_row(self, row: Row) -> None:
        """Show the picture, or the name."""
        made = self._picture is not None and self._picture is not PENDING
        self.update(self._picture if made else clean(row.text))

    def _made(self, picture: Segments | None) -> None:
        self._picture = picture
        if picture is not None and self._slot.widget is self:
            self._slot.drawn = None
            self.post_message(self.Made())


def widget_for(slot: Slot, thumbnails: Thumbnails) -> Widget:
    """Return a new widget for a slot. Once it is mounted, `draw` fills it."""
    row = slot.row
    widget: Widget
    if row.kind == "text":
        widget = Prose()
    elif row.kind == "fold":
        widget = Fold(slot)
    elif row.kind == "notice":
        widget = Notice(row)
    elif row.kind == "actions":
        widget = Actions(row)
    elif row.kind == "ask":
        widget = Ask(row)
    elif row.kind == "source":
        widget = Source(row)
    elif row.kind == "image":
        widget = Picture(slot, thumbnails)
    else:
        widget = Static(clean(row.text), markup=False)
    widget.add_class("row", f"row-{row.kind}")
    widget.set_class(row.gap, "-gap")
    return widget


async def draw(slot: Slot) -> bool:
    """Show the row of a slot in its widget; return whether another widget is needed for that."""
    row, drawn, widget = slot.row, slot.drawn, slot.widget
    if row == drawn:
        return False
    if drawn is not None and not _may_change(row, drawn):
        return True
    slot.drawn = row
    widget.set_class(row.gap, "-gap")
    if isinstance(widget, Prose):
        text = tex_as_code(row.text)
        await widget.update(clean(f"{row.value}\n{text}" if row.value else text))
    elif isinstance(widget, Fold | Picture):
        widget.show_row(row)
    elif isinstance(widget, Notice):
        widget.show_text(row.text)
    elif row.kind in ("question", "plain") and isinstance(widget, Static):
        widget.update(clean(row.text))
    return False


def _may_change(row: Row, drawn: Row) -> bool:
    """Whether the same widget can show both rows."""
    if row.kind in ("text", "fold", "question", "plain"):
        return row.kind == drawn.kind
    return row.kind == "notice" and row.state == drawn.state == "waiting"
