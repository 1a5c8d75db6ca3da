"""The widgets of a turn besides its texts: folds, tool calls, sources, notices, actions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from chatsdk.windows import words
from chatsdk.windows.qt.binding import QtCore, QtGui, QtWidgets
from chatsdk.windows.qt.buttons import Button
from chatsdk.windows.qt.markdown_document import plain_tip
from chatsdk.windows.qt.text_view import TextView, say_copied
from chatsdk.windows.qt.theme import Theme
from chatsdk.windows.transcript import CallPart, Notice, Source

__all__ = [
    "ActionsPanel",
    "CallPanel",
    "FoldPanel",
    "NoticePanel",
    "Panel",
    "SourcesPanel",
    "shortened",
]

# Characters of a question, an argument or a result that are shown; the rest can be copied.
SHOWN_CHARS = 8000

# Milliseconds between two pictures of the sign of life.
BEAT_MS = 300


class Panel(QtWidgets.QWidget):  # type: ignore[misc]
    """A widget of a row, whose parts are placed by `fit`."""

    def __init__(self, theme: Theme, parent: Any) -> None:
        super().__init__(parent)
        self.theme = theme

    def fit(self, width: int) -> int:
        """Lay the parts out for this width, and return the height in pixels."""
        raise NotImplementedError

    def put(self, widget: Any, left: int, top: int, width: int, height: int) -> None:
        """Place a part; the left edge is the right one if the text of the program runs left."""
        if self.isRightToLeft():
            left = self.width_ - left - width
        widget.setGeometry(left, top, width, height)

    width_ = 0


class FoldPanel(Panel):
    """The heading of a folded part."""

    def __init__(self, theme: Theme, parent: Any, text: str, toggle: Any) -> None:
        super().__init__(theme, parent)
        self.button = Button(theme, text, toggle, icon="folded", look="text", parent=self)

    def show_state(self, unfolded: bool) -> None:
        """Show whether the part is unfolded."""
        self.button.rename(self.button.text(), "unfolded" if unfolded else "folded")
        state = words.UNFOLDED if unfolded else words.FOLDED
        self.button.setAccessibleDescription(state)

    def fit(self, width: int) -> int:
        self.width_ = width
        size = self.button.sizeHint()
        self.put(self.button, 0, 0, size.width(), size.height())
        return int(size.height())


class CallPanel(Panel):
    """A tool call: name and state, and unfolded its arguments and result."""

    def __init__(self, theme: Theme, parent: Any, toggle: Any, decide: Any) -> None:
        super().__init__(theme, parent)
        self.call = CallPart("")
        self.button = Button(theme, "", toggle, icon="folded", parent=self)
        self.details = TextView(theme, words.ARGUMENTS, self)
        self.allow = Button(
            theme, words.ALLOW, lambda: decide(self.call, True), look="strong", parent=self
        )
        self.deny = Button(
            theme, words.DENY, lambda: decide(self.call, False), look="outlined", parent=self
        )
        self.unfolded = False

    def show_call(self, call: CallPart, unfolded: bool) -> None:
        """Show the state of the call."""
        asks = call.state == "waiting"
        self.unfolded = unfolded
        self.call = call
        line = words.call_line(call.name, call.state)
        self.button.ink = self.theme.danger if call.state == "error" else None
        self.button.rename(line, "unfolded" if unfolded else "folded")
        self.button.setAccessibleDescription(words.UNFOLDED if unfolded else words.FOLDED)
        self.allow.setVisible(asks and not call.by_hand)
        self.deny.setVisible(asks)
        self.details.setVisible(unfolded)
        if unfolded:
            self._write_details(call)

    def _write_details(self, call: CallPart) -> None:
        document = self.details.document_
        document.clear()
        cursor = QtGui.QTextCursor(document)
        label = QtGui.QTextCharFormat()
        label.setFont(self.theme.small())
        label.setForeground(self.theme.muted)
        mono = QtGui.QTextCharFormat()
        mono.setFont(self.theme.mono)
        result = QtGui.QTextCharFormat(mono)
        if call.state == "error":
            result.setForeground(self.theme.danger)
        parts = [(words.ARGUMENTS, _pretty(call.arguments), mono)]
        if call.result is not None:
            parts.append((words.RESULT, _pretty(call.result), result))
        for number, (name, text, form) in enumerate(parts):
            cursor.insertText(f"\n{name}\n" if number else f"{name}\n", label)
            cursor.insertText(shortened(text) or "–", form)

    def fit(self, width: int) -> int:
        theme = self.theme
        self.width_ = width
        pad = theme.space(0.3)
        size = self.button.sizeHint()
        wide = min(size.width(), width - 2 * pad)
        self.put(self.button, pad, pad, wide, size.height())
        height = pad + size.height()
        inner = theme.space(0.8)
        if self.unfolded:
            room = max(1, width - 2 * inner)
            high = self.details.fit(room)
            self.put(self.details, inner, height + pad, room, high)
            height += high + 2 * pad
        if not self.deny.isHidden():
            left = inner
            buttons = [button for button in (self.allow, self.deny) if not button.isHidden()]
            for button in buttons:
                size = button.sizeHint()
                self.put(button, left, height + pad, size.width(), size.height())
                left += size.width() + theme.space(0.5)
            height += size.height() + 2 * pad
        return int(height + pad)

    def paintEvent(self, _event: Any) -> None:
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        asks = self.call.state == "waiting"
        painter.setPen(QtGui.QPen(self.theme.accent if asks else self.theme.line, 1))
        rect = QtCore.QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(rect, self.theme.radius, self.theme.radius)
        painter.end()


class SourcesPanel(Panel):
    """The citations of an answer, numbered; those with a safe URL are links."""

    def __init__(self, theme: Theme, parent: Any, sources: tuple[Source, ...]) -> None:
        super().__init__(theme, parent)
        self.text = TextView(theme, words.SOURCES, self)
        cursor = QtGui.QTextCursor(self.text.document_)
        label = QtGui.QTextCharFormat()
        label.setFont(theme.small())
        label.setForeground(theme.muted)
        cursor.insertText(words.SOURCES, label)
        for source in sources:
            cursor.insertText(f"\n{source.number}.  ", label)
            form = QtGui.QTextCharFormat()
            form.setFont(theme.small())
            if source.url is not None:
                form.setAnchor(True)
                form.setAnchorHref(source.url)
                form.setForeground(theme.link)
                form.setFontUnderline(True)
            tip = "\n".join(filter(None, (source.url, source.snippet)))
            form.setToolTip(plain_tip(tip[:1000]))
            cursor.insertText(source.title, form)

    def fit(self, width: int) -> int:
        self.width_ = width
        height = self.text.fit(width)
        self.text.setGeometry(0, 0, width, height)
        return height


class NoticePanel(Panel):
    """The state of a turn: waiting, stopped, empty, incomplete, or an error with Retry."""

    def __init__(self, theme: Theme, parent: Any, retry: Callable[[], object]) -> None:
        super().__init__(theme, parent)
        self.kind = ""
        self.text = TextView(theme, words.NOTICE, self)
        self.retry = Button(theme, words.RETRY, retry, look="outlined", parent=self)
        self.retry.ground = theme.ground
        self._beat = 0
        self._timer = QtCore.QTimer(self)
        self._timer.timeout.connect(self._next)

    def show_notice(self, notice: Notice) -> None:
        """Show this state."""
        self.kind = notice.kind
        self.text.document_.clear()
        self.text.document_.write_plain(notice.text)
        self.text.colour(self.theme.danger if notice.kind == "error" else self.theme.muted)
        self.retry.setVisible(notice.retry)
        if notice.kind != "waiting":
            self._timer.stop()
        elif not self._timer.isActive():
            self._timer.start(BEAT_MS)
        self.update()

    def _next(self) -> None:
        self._beat += 1
        self.update(0, 0, self.theme.space(3), self.height())

    def fit(self, width: int) -> int:
        theme = self.theme
        self.width_ = width
        pad = theme.space(0.6) if self.kind == "error" else 0
        left = theme.space(2.0) if self.kind == "waiting" else pad
        top = theme.space(0.5) if self.kind == "error" else 0
        size = self.retry.sizeHint()
        room = max(1, width - left - pad)
        beside = not self.retry.isHidden() and width > theme.space(22)
        if beside:
            room -= size.width() + theme.space(0.6)
        high = self.text.fit(room)
        self.put(self.text, left, top, room, high)
        height = top + high
        if not self.retry.isHidden():
            if beside:
                height = top + max(high, size.height())
                self.put(self.text, left, (height + top - high) // 2, room, high)
                y = (height + top - size.height()) // 2
                self.put(self.retry, width - pad - size.width(), y, size.width(), size.height())
            else:
                y = height + theme.space(0.3)
                self.put(self.retry, left, y, size.width(), size.height())
                height = y + size.height()
        return int(height + top)

    def paintEvent(self, _event: Any) -> None:
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        painter.setPen(QtCore.Qt.PenStyle.NoPen)
        theme = self.theme
        if self.kind == "error":
            painter.setBrush(theme.danger_ground)
            painter.drawRoundedRect(self.rect(), theme.radius, theme.radius)
        elif self.kind == "waiting":
            size = theme.em * 0.3
            for number in range(3):
                lit = self._beat % 3 == number
                painter.setBrush(theme.accent if lit else theme.line)
                x = number * size * 1.7
                if self.isRightToLeft():
                    x = self.width() - x - size
                painter.drawEllipse(QtCore.QRectF(x, (self.height() - size) / 2, size, size))
        painter.end()


class ActionsPanel(Panel):
    """The actions for an answer: copy, regenerate."""

    def __init__(
        self, theme: Theme, parent: Any, copy: Callable[[], str], regenerate: Callable[[], object]
    ) -> None:
        super().__init__(theme, parent)
        self._text = copy
        self.copy = Button(theme, words.COPY, self._copy, look="text", parent=self)
        self.copy.setAccessibleDescription(words.ASSISTANT)
        self.again = Button(theme, words.REGENERATE, regenerate, look="text", parent=self)

    def _copy(self) -> None:
        QtWidgets.QApplication.clipboard().setText(self._text())
        say_copied(self.copy)

    def fit(self, width: int) -> int:
        self.width_ = width
        left = 0
        for button in (self.copy, self.again):
            size = button.sizeHint()
            self.put(button, left, 0, size.width(), size.height())
            left += size.width() + self.theme.space(1.0)
        return int(self.copy.sizeHint().height())


def shortened(text: str) -> str:
    """Return the text, without the end of a very long one."""
    left = len(text) - SHOWN_CHARS
    return text if left <= 0 else f"{text[:SHOWN_CHARS]}\n… {words.more_characters(left)}"


def _pretty(text: str) -> str:
    """Return JSON text with line breaks, and any other text as it is."""
    if len(text) > SHOWN_CHARS:
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(value, (dict, list)):
        return text
    return json.dumps(value, ensure_ascii=False, indent=2)
