"""`TextView`: text of the transcript, which can be selected, and never scrolls vertically."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chatsdk.windows import words
from chatsdk.windows.links import open_link
from chatsdk.windows.qt.binding import QtCore, QtGui, QtWidgets
from chatsdk.windows.qt.buttons import Button
from chatsdk.windows.qt.markdown_document import MarkdownDocument, Run
from chatsdk.windows.qt.theme import Theme

__all__ = ["TextView"]

# Milliseconds for which a copy button shows that it has copied.
COPIED_MS = 1500


class TextView(QtWidgets.QTextBrowser):  # type: ignore[misc]
    """Shows a `MarkdownDocument` at full height; its parent scrolls.

    Args:
        theme: colours, fonts and distances.
        name: the accessible name.
        copied: returns the text to copy for a run of code and what the document has of it.
    """

    def __init__(
        self,
        theme: Theme,
        name: str,
        parent: Any = None,
        *,
        copied: Callable[[Run, str], str] | None = None,
    ) -> None:
        super().__init__(parent)
        self.theme = theme
        self._copied = copied
        self._buttons: list[Button] = []
        self.setAccessibleName(name)
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.setOpenLinks(False)
        policy = QtCore.Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(policy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(policy.ScrollBarAlwaysOff)
        self.setLineWrapMode(QtWidgets.QTextEdit.LineWrapMode.FixedPixelWidth)
        flags = QtCore.Qt.TextInteractionFlag
        self.setTextInteractionFlags(flags.TextBrowserInteraction | flags.TextSelectableByKeyboard)
        self.viewport().setAutoFillBackground(False)
        self.setFont(theme.font)
        self.document_ = MarkdownDocument(theme, self)
        self.setDocument(self.document_)
        # Encoded, because `toString` puts spaces where the link has %20.
        self.anchorClicked.connect(lambda url: open_link(url.toEncoded().data().decode()))
        self.colour(theme.text)

    def loadResource(self, _kind: int, _name: Any) -> Any:
        """Load nothing, whatever the model asks for."""
        return None

    def colour(self, colour: Any) -> None:
        """Set the colour of text that has no other."""
        palette = self.palette()
        palette.setColor(QtGui.QPalette.ColorRole.Text, colour)
        palette.setColor(QtGui.QPalette.ColorRole.Base, QtCore.Qt.GlobalColor.transparent)
        self.setPalette(palette)

    # Keys and wheel that belong to the transcript -------------------------------------------

    def wheelEvent(self, event: Any) -> None:
        """Scroll a wide table sideways; leave the rest to the transcript."""
        if abs(event.angleDelta().x()) > abs(event.angleDelta().y()):
            super().wheelEvent(event)
        else:
            event.ignore()

    def keyPressEvent(self, event: Any) -> None:
        """Leave the page keys to the transcript."""
        if event.key() in (QtCore.Qt.Key.Key_PageUp, QtCore.Qt.Key.Key_PageDown):
            event.ignore()
        else:
            super().keyPressEvent(event)

    # Size -----------------------------------------------------------------------------------

    def fit(self, width: int) -> int:
        """Wrap the text at this width, and return the height that it needs, in pixels."""
        if self.lineWrapColumnOrWidth() != width:
            self.setLineWrapColumnOrWidth(width)
        document = self.document_
        # A table must not break words to become narrower; it scrolls instead.
        modes = QtGui.QTextOption.WrapMode
        table = bool(document.rootFrame().childFrames())
        mode = modes.WordWrap if table else modes.WrapAtWordBoundaryOrAnywhere
        if self.wordWrapMode() != mode:
            self.setWordWrapMode(mode)
        size = document.size()
        height = size.height()
        runs = document.runs
        if runs and runs[-1].last == document.blockCount() - 1 and runs[-1].kind == "code":
            height += self.theme.space(0.6)
        if size.width() > width + 1:
            # A wide table.
            self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
            height += self.horizontalScrollBar().sizeHint().height()
        else:
            self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        return int(height) + 1

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self.place_buttons()

    # Grounds --------------------------------------------------------------------------------

    def _rect_of(self, run: Run) -> Any:
        """The ground of a run, in the coordinates of the document."""
        document, theme = self.document_, self.theme
        layout = document.documentLayout()
        first = document.findBlockByNumber(run.first)
        last = document.findBlockByNumber(run.last)
        top = layout.blockBoundingRect(first)
        bottom = layout.blockBoundingRect(last)
        width = self.lineWrapColumnOrWidth()
        if run.kind == "code":
            left = top.left() + first.layout().lineAt(0).x() - theme.space(0.7)
            return QtCore.QRectF(
                left,
                top.top() - theme.space(1.75),
                width - left,
                bottom.bottom() - top.top() + theme.space(2.3),
            )
        return QtCore.QRectF(0, top.top(), width, bottom.bottom() - top.top())

    def paintEvent(self, event: Any) -> None:
        if self.document_.runs:
            painter = QtGui.QPainter(self.viewport())
            painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
            painter.translate(-self.horizontalScrollBar().value(), 0)
            for run in self.document_.runs:
                rect = self._rect_of(run)
                if rect.intersects(QtCore.QRectF(event.rect())):
                    self._paint_run(painter, run, rect)
            painter.end()
        super().paintEvent(event)

    def _paint_run(self, painter: Any, run: Run, rect: Any) -> None:
        theme = self.theme
        painter.setPen(QtCore.Qt.PenStyle.NoPen)
        if run.kind == "code":
            painter.setBrush(theme.code)
            painter.drawRoundedRect(rect, theme.radius, theme.radius)
            painter.setPen(theme.muted)
            painter.setFont(theme.small())
            head = QtCore.QRectF(rect.left(), rect.top(), rect.width(), theme.space(1.75))
            head.adjust(theme.space(0.7), 0, 0, 0)
            painter.drawText(
                head,
                QtCore.Qt.AlignmentFlag.AlignVCenter | QtCore.Qt.AlignmentFlag.AlignAbsolute,
                run.label or words.CODE,
            )
        elif run.kind == "quote":
            painter.setBrush(theme.line)
            bar = theme.space(0.2)
            first = self.document_.findBlockByNumber(run.first)
            right = first.textDirection() == QtCore.Qt.LayoutDirection.RightToLeft
            left = rect.right() - bar if right else rect.left()
            painter.drawRoundedRect(QtCore.QRectF(left, rect.top(), bar, rect.height()), 2, 2)
        else:
            painter.setBrush(theme.line)
            painter.drawRect(QtCore.QRectF(0, rect.center().y(), rect.width(), 1))

    # Copy buttons ---------------------------------------------------------------------------

    def place_buttons(self) -> None:
        """Give each run of code its copy button."""
        runs = [run for run in self.document_.runs if run.kind == "code"]
        while len(self._buttons) < len(runs):
            self._buttons.append(self._copy_button(len(self._buttons)))
        for button in self._buttons[len(runs) :]:
            button.hide()
        for button, run in zip(self._buttons, runs, strict=False):
            rect = self._rect_of(run)
            size = button.sizeHint()
            margin = self.theme.space(0.12)
            button.setGeometry(
                int(rect.right()) - size.width() - margin,
                int(rect.top()) + margin,
                size.width(),
                size.height(),
            )
            if button.isHidden():
                button.show()

    def _copy_button(self, number: int) -> Button:
        button = Button(self.theme, words.COPY, lambda: self._copy(number), parent=self.viewport())
        button.setAccessibleName(f"{words.COPY} {words.CODE}")
        return button

    def code(self, number: int) -> str:
        """Return the text of a run of code, counted from 0."""
        run = [run for run in self.document_.runs if run.kind == "code"][number]
        text = "\n".join(
            self.document_.findBlockByNumber(place).text()
            for place in range(run.first, run.last + 1)
        )
        return text if self._copied is None else self._copied(run, text)

    def _copy(self, number: int) -> None:
        QtWidgets.QApplication.clipboard().setText(self.code(number))
        say_copied(self._buttons[number])


def say_copied(button: Button) -> None:
    """Show for a moment that a button has copied something."""
    button.rename(words.COPIED)
    # With a receiver, so that nothing is called after the button is deleted.
    timer = QtCore.QTimer(button)
    timer.setSingleShot(True)
    timer.timeout.connect(lambda: button.rename(words.COPY))
    timer.timeout.connect(timer.deleteLater)
    timer.start(COPIED_MS)
