"""`ChatView`: a chat as a Qt widget."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from chatsdk import ui
from chatsdk.session import ChatSession
from chatsdk.windows import words
from chatsdk.windows.presenter import Presenter, check_session
from chatsdk.windows.qt.binding import QtCore, QtGui, QtWidgets
from chatsdk.windows.qt.buttons import Button
from chatsdk.windows.qt.composer import Composer, one_line
from chatsdk.windows.qt.entry import is_shortcut
from chatsdk.windows.qt.header import Header, ask_for_file
from chatsdk.windows.qt.question_panel import thumbnail
from chatsdk.windows.qt.scroller import Scroller
from chatsdk.windows.qt.theme import Theme, is_theme_change
from chatsdk.windows.qt.turn_rows import TurnRows
from chatsdk.windows.thumbnails import Thumbnails
from chatsdk.windows.transcript import CallPart, Question, Transcript

__all__ = ["ChatView"]

# Number of turns whose rows are made at once.
BATCH = 20

# Seconds between two drawings while the rows do not have all the text.
CATCH_UP_SECONDS = 0.1


class ChatView(QtWidgets.QWidget):  # type: ignore[misc]
    """A chat: the transcript of a session, and an entry for the next question.

    Any program can place it anywhere. It is bound to the session, whatever the session's
    `dispatch` is, and shows what the program itself asks, too. It follows the palette and the font
    of the application. The session is not closed with it.

    Args:
        session: the `ChatSession` to show.
        options: for `ChatSession.start` with each question, such as ``{"tools": [...]}``.
        parent: a widget, or ``None``.

    Attributes:
        session: the session.
        presenter: does what a person does in the view: ``submit(text)``, ``stop()``,
            ``regenerate()``, ``edit(message_id, text)``, ``allow(call_id)``, ``deny(call_id)``,
            ``new_chat()``, ``save(path)``, ``open(path)``.
        entry: the field for the next question, a ``QPlainTextEdit``.
        turns: the rows of the turns in the transcript; of a long one, of the latest turns first.

    Raises:
        RuntimeError: there is no ``QApplication`` yet.
        TypeError: `session` is not a `ChatSession`.
    """

    def __init__(
        self,
        session: ChatSession,
        parent: Any = None,
        *,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        if QtWidgets.QApplication.instance() is None:
            raise RuntimeError("make the QApplication before the ChatView")
        check_session(session)
        super().__init__(parent)
        self.session = session
        self.turns: list[TurnRows] = []
        self._laid_out = 0.0
        # The number of turns before them.
        self._older = 0
        # The question that the entry holds, and what the entry held before.
        self._editing: Question | None = None
        self._draft = ""
        self._theme = Theme(self.palette(), self.font())
        self._build(self._theme)
        self._later = QtCore.QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._advance)
        self._bound = False
        dispatch = ui.qt(self)
        self.thumbnails = Thumbnails(thumbnail, dispatch)
        self.presenter = Presenter(session, self._draw, dispatch, options=options)
        self._bound = True
        # A method of this widget would not be called any more.
        self.destroyed.connect(self.presenter.close)
        self.entry.setFocus()

    def _build(self, theme: Theme) -> None:
        self.header = Header(self, theme)
        self.new_chat, self.more = self.header.new_chat, self.header.more
        self.scroller = Scroller(theme, self._place_overlays, self)
        self.scroller.setAccessibleName(words.TRANSCRIPT)
        self.composer = Composer(
            theme,
            send=self.submit,
            stop=self.stop,
            unqueue=self._unqueue,
            forget=self._forget,
            cancel=self._leave_editing,
        )
        self.entry = self.composer.entry
        self.to_end = Button(
            theme, words.TO_END, self._jump, icon="down", look="outlined", labelled=False,
            parent=self.scroller,
        )  # fmt: skip
        self.to_end.hide()
        self.help = QtWidgets.QLabel(self.scroller)
        self.help.setWordWrap(True)
        self.help.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        self._below = QtWidgets.QHBoxLayout()
        self._below.addWidget(self.composer, 1)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self.header.layout)
        layout.addWidget(self.scroller, 1)
        layout.addLayout(self._below)
        entry = self.entry
        entry.submitted.connect(self.submit)
        entry.stopped.connect(self._escape)
        entry.older.connect(self._bring_older)
        entry.newer.connect(self._bring_newer)
        entry.paged.connect(self.scroller.page)
        self.setMinimumWidth(240)
        self.setAutoFillBackground(True)
        self.setBackgroundRole(QtGui.QPalette.ColorRole.Base)
        self._restyle(theme)

    # Theme ----------------------------------------------------------------------------------

    def changeEvent(self, event: Any) -> None:
        super().changeEvent(event)
        if is_theme_change(event) and hasattr(self, "_below"):
            self._restyle(Theme(self.palette(), self.font()))

    def _restyle(self, theme: Theme) -> None:
        self._theme = theme
        self.header.restyle(theme)
        self.to_end.theme = theme
        self.to_end.updateGeometry()
        self.to_end.ground = theme.ground
        self.composer.restyle(theme)
        self.help.setText(
            f"<p style='font-size: {theme.em}px; color: {theme.text.name()}'><b>{words.IDLE}</b>"
            f"</p><p style='color: {theme.muted.name()}'>{words.IDLE_HINT}</p>"
            f"<p style='color: {theme.muted.name()}'>{words.KEYS}</p>"
        )
        self.scroller.restyle(theme)
        self._place_overlays()

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self._place_overlays()

    def _place_overlays(self) -> None:
        scroller, theme = self.scroller, self._theme
        left, width = scroller.column
        self._below.setContentsMargins(left, 0, self.width() - left - width, 0)
        size = self.to_end.sizeHint()
        self.to_end.setGeometry(
            left + (width - size.width()) // 2,
            scroller.height() - size.height() - theme.space(0.4),
            size.width(),
            size.height(),
        )
        self.to_end.setVisible(not scroller.following)
        self.to_end.raise_()
        self.help.setGeometry(left, 0, width, scroller.height())

    # Keys -----------------------------------------------------------------------------------

    def keyPressEvent(self, event: Any) -> None:
        """Take the keys that no widget of the view has taken: they belong to the entry."""
        held = event.modifiers() & ~QtCore.Qt.KeyboardModifier.ShiftModifier
        typed = event.text().isprintable() and event.text() and not is_shortcut(held)
        pasted = event.matches(QtGui.QKeySequence.StandardKey.Paste)
        keys = QtCore.Qt.Key
        if event.key() == keys.Key_Escape:
            self._escape()
        elif event.key() in (keys.Key_PageUp, keys.Key_PageDown):
            self.scroller.page(-1 if event.key() == keys.Key_PageUp else 1)
        elif typed or pasted:
            self.entry.setFocus()
            QtCore.QCoreApplication.sendEvent(self.entry, event)
        else:
            super().keyPressEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Move the focus from top to bottom, through the rows that are there."""
        notes = [note.button for note in self.composer.notes]
        around = [self.to_end, *notes, self.entry, self.composer.stop, self.composer.send]
        stops = [
            widget
            for widget in (self.new_chat, self.more, *self.scroller.tab_stops(), *around)
            if widget.isVisible() and widget.isEnabled()
        ]
        focused = QtWidgets.QApplication.focusWidget()
        place = stops.index(focused) if focused in stops else len(stops)
        place += 1 if forward else -1
        if not 0 <= place < len(stops) and not self.isWindow():
            return bool(super().focusNextPrevChild(forward))
        widget = stops[place % len(stops)]
        widget.setFocus(
            QtCore.Qt.FocusReason.TabFocusReason
            if forward
            else QtCore.Qt.FocusReason.BacktabFocusReason
        )
        if self.scroller.isAncestorOf(widget) and widget is not self.to_end:
            self.scroller.reveal(widget)
        return True

    # Drawing --------------------------------------------------------------------------------

    def _draw(self, transcript: Transcript, before: Transcript) -> None:
        turns = transcript.turns
        same = transcript.same_as(before)
        if same < self._older or len(turns) - self._older - len(self.turns) > BATCH:
            self.turns.clear()
            self._older = max(0, len(turns) - BATCH)
        older = self._older
        del self.turns[len(turns) - older :]
        # The last turn has buttons that others have not.
        for place in range(max(0, min(same - older, len(self.turns)) - 1), len(turns) - older):
            if place == len(self.turns):
                self.turns.append(TurnRows(self))
            self.turns[place].show(turns[older + place], last=older + place == len(turns) - 1)
        self._lay_out_in_time()
        self.help.setVisible(not turns)
        self._show_state(transcript)

    @property
    def busy(self) -> bool:
        """Whether an answer is in flight, a long text not laid out, or a picture not made."""
        return self.presenter.transcript.in_flight or self._behind() or self.thumbnails.busy

    def _behind(self) -> bool:
        return self._older > 0 or any(turn.behind for turn in self.turns)

    def _lay_out(self) -> None:
        self._laid_out = time.monotonic()
        self.scroller.set_rows([row for turn in self.turns for row in turn.rows])
        if self._behind():
            self._later.start(0)

    def _lay_out_in_time(self) -> None:
        """Lay the rows out, or soon if they are incomplete: a drawing now would not be seen."""
        if self._behind() and time.monotonic() - self._laid_out < CATCH_UP_SECONDS:
            self._later.start(0)
        else:
            self._lay_out()

    def _advance(self) -> None:
        """Make the rows of more of a long text, or of older turns."""
        behind = next((turn for turn in self.turns if turn.behind), None)
        if behind is not None:
            behind.advance()
        else:
            first, self._older = self._older, max(0, self._older - BATCH)
            made = []
            for turn in self.presenter.transcript.turns[self._older : first]:
                rows = TurnRows(self)
                rows.show(turn, last=False)
                made.append(rows)
            self.turns[:0] = made
        self._lay_out_in_time()

    def _show_state(self, transcript: Transcript) -> None:
        composer = self.composer
        composer.show_busy(transcript.in_flight)
        if not self._bound:
            # The first drawing, inside the constructor of the presenter.
            return
        presenter = self.presenter
        queued = presenter.queued
        composer.queued.show_text(f"{words.QUEUED} {one_line(queued)}" if queued else "")
        composer.trouble.show_text(presenter.trouble)
        editing = self._editing
        if editing is not None and not transcript.asks(editing):
            # The program has loaded another conversation, whose messages may have the same ids.
            self._leave_editing()
        composer.editing.show_text(words.EDITING if self._editing else "")
        if presenter.returned:
            self._give_back(presenter.take_returned())

    def folded(self) -> None:
        """Lay out again after a part was folded or unfolded."""
        self._lay_out()

    # Actions of a person --------------------------------------------------------------------

    def submit(self) -> None:
        """Send what the entry holds, or queue it while an answer is in flight."""
        text, editing = self.entry.text, self._editing
        if editing is not None:
            if self.presenter.edit(editing.id, text):
                self._leave_editing()
                self.scroller.to_end()
        elif self.presenter.submit(text):
            self.entry.put("")
            self.scroller.to_end()
        self.entry.setFocus()

    def stop(self) -> None:
        """Stop the answer in flight."""
        self.presenter.stop()
        self.entry.setFocus()

    def _escape(self) -> None:
        if self._editing is not None:
            self._leave_editing()
        else:
            self.stop()

    def retry(self) -> None:
        """Ask the last question again."""
        self.presenter.regenerate()
        self._jump()

    def edit(self, question: Question) -> None:
        """Take a question into the entry, to be changed."""
        if self._editing is None:
            self._draft = self.entry.text
        self._editing = question
        self.entry.put(question.text)
        self.composer.editing.show_text(words.EDITING)
        self.entry.setFocus()

    def _leave_editing(self) -> None:
        if self._editing is None:
            return
        self._editing = None
        self.entry.put(self._draft)
        self.composer.editing.show_text("")
        self.entry.setFocus()

    def decide(self, call: CallPart, allowed: bool) -> None:
        """Allow or deny a tool call that waits."""
        presenter = self.presenter
        (presenter.allow if allowed else presenter.deny)(call.id or "")
        self.entry.setFocus()

    def _unqueue(self) -> None:
        self._give_back(self.presenter.take_queued())
        self.entry.setFocus()

    def _give_back(self, text: str) -> None:
        """Put a text that was not sent before the next question, not into one that is edited."""
        typed = self.entry.text if self._editing is None else self._draft
        text = f"{text}\n{typed}" if typed.strip() else text
        if self._editing is None:
            self.entry.put(text)
        else:
            self._draft = text

    def _forget(self) -> None:
        self.presenter.trouble = ""
        self.composer.trouble.show_text("")
        self.entry.setFocus()

    def _bring_older(self) -> None:
        text = self.presenter.sent.older(self.entry.text)
        if text is not None:
            self.entry.put(text)

    def _bring_newer(self) -> None:
        text = self.presenter.sent.newer()
        if text is not None:
            self.entry.put(text)

    def _jump(self) -> None:
        self.scroller.to_end()
        self.entry.setFocus()

    def start_new_chat(self) -> None:
        """Begin a new conversation."""
        self.presenter.new_chat()
        self._jump()

    def save_conversation(self, path: str = "") -> None:
        """Write the conversation to a file; without a path, ask for one."""
        path = path or ask_for_file(self, save=True)
        if path:
            self.presenter.save(path)
        self.entry.setFocus()

    def open_conversation(self, path: str = "") -> None:
        """Replace the conversation by one from a file; without a path, ask for one."""
        path = path or ask_for_file(self, save=False)
        if path and self.presenter.open(path):
            self._leave_editing()
            self.scroller.to_end()
        self.entry.setFocus()
