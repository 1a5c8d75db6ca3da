"""`Entry`: the field for the next question: several lines, sent with Enter."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.widgets import TextArea

from chatsdk.windows import words
from chatsdk.windows.presenter import SentTexts

__all__ = ["Entry"]

# Keys that begin a new line. All terminals send Ctrl+J. Those with kitty's protocol, and those with
# xterm's modifyOtherKeys, distinguish Shift+Enter; Textual reports the latter like this.
NEW_LINE = (
    *("ctrl+j", "shift+enter", "alt+enter", "ctrl+enter"),
    *("shift+\r", "alt+\r", "ctrl+\r"),
)


class Entry(TextArea):
    """A field that grows with its text.

    Args:
        sent: the texts that Up brings back.
    """

    class Submitted(Message):
        """Enter was pressed.

        Attributes:
            text: the text of the field.
        """

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Scroll(Message):
        """A key was pressed that moves the transcript.

        Attributes:
            key: ``"pageup"``, ``"pagedown"``, ``"ctrl+home"`` or ``"ctrl+end"``.
        """

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, sent: SentTexts) -> None:
        super().__init__(
            soft_wrap=True, tab_behavior="focus", placeholder=words.PLACEHOLDER, compact=True
        )
        self.sent = sent
        # The text that Up or Down has brought back; arrow keys continue from there.
        self._brought: str | None = None

    async def _on_key(self, event: events.Key) -> None:
        if not self._handled(event.key):
            return
        # Neither the field nor its bindings get the key.
        event.stop()
        event.prevent_default()

    def _handled(self, key: str) -> bool:
        if key == "enter":
            self.post_message(self.Submitted(self.text))
        elif key in NEW_LINE:
            self.insert("\n")
        elif key in ("pageup", "pagedown", "ctrl+home", "ctrl+end"):
            self.post_message(self.Scroll(key))
        elif key == "up" and self._on_first_row:
            return self._bring(self.sent.older(self.text))
        elif key == "down" and self.cursor_at_last_line and self.text == self._brought:
            return self._bring(self.sent.newer())
        else:
            return False
        return True

    @property
    def _on_first_row(self) -> bool:
        return self.wrapped_document.location_to_offset(self.cursor_location).y == 0

    def _bring(self, text: str | None) -> bool:
        if text is None:
            return False
        self._brought = text
        self.put(text)
        return True

    def put(self, text: str) -> None:
        """Replace the text, with the cursor at its end."""
        self.text = text
        self.move_cursor(self.document.end)
