"""`QuestionPanel`: a question of the person, with the images and files that were sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chatsdk.messages import Image
from chatsdk.windows import words
from chatsdk.windows.qt.binding import QtCore, QtGui, QtWidgets
from chatsdk.windows.qt.buttons import Button
from chatsdk.windows.qt.panels import Panel, shortened
from chatsdk.windows.qt.text_view import TextView
from chatsdk.windows.qt.theme import Theme
from chatsdk.windows.shown_turn import image_bytes, image_name
from chatsdk.windows.thumbnails import PENDING
from chatsdk.windows.transcript import Question

__all__ = ["QuestionPanel", "thumbnail"]

# The formats that are decoded, as Qt names them. Others may load files that they name, as SVG does.
FORMATS = frozenset({b"png", b"jpeg", b"gif", b"webp", b"bmp"})

# Pixels of the longer side of an image that is decoded for its thumbnail.
THUMBNAIL = 320


class QuestionPanel(Panel):
    """A question: its text and its images on a tinted ground, at the end of the line.

    `pictures` are those of the images: ``None`` for one that cannot be shown, or `PENDING`.
    """

    def __init__(
        self, theme: Theme, parent: Any, question: Question, edit: Any, pictures: Iterable[Any]
    ) -> None:
        super().__init__(theme, parent)
        self.text = TextView(theme, words.YOU, self)
        self.text.document_.write_plain(shortened(question.text.strip("\n")))
        self.text.setVisible(bool(question.text.strip()))
        self.pictures = [
            Thumbnail(theme, self, image, picture)
            for image, picture in zip(question.images, pictures, strict=True)
        ]
        self.files = [QtWidgets.QLabel(name, self) for name in question.files]
        for label in self.files:
            label.setTextFormat(QtCore.Qt.TextFormat.PlainText)
            label.setFont(theme.small())
        self.edit = Button(theme, words.EDIT, lambda: edit(question), look="text", parent=self)
        self.edit.setVisible(question.id is not None)
        self._bubble = QtCore.QRect()

    def fit(self, width: int) -> int:
        theme = self.theme
        self.width_ = width
        pad, gap = theme.space(0.6), theme.space(0.4)
        room = max(1, round(width * 0.88) - 2 * pad)
        height, widest = 0, 0
        sizes: list[tuple[Any, int, int, int]] = []
        x = row = 0
        for picture in self.pictures:
            wide, high = picture.fit(room)
            if x and x + wide > room:
                height += row + gap
                x = row = 0
            sizes.append((picture, x, height, wide))
            picture.resize(wide, high)
            x += wide + gap
            row = max(row, high)
            widest = max(widest, x - gap)
        height += row
        for label in self.files:
            height += gap if height else 0
            hint = label.sizeHint()
            sizes.append((label, 0, height, min(room, hint.width())))
            label.resize(min(room, hint.width()), hint.height())
            height += hint.height()
            widest = max(widest, min(room, hint.width()))
        if not self.text.isHidden():
            height += gap if height else 0
            high = self.text.fit(room)
            wide = min(room, int(self.text.document_.idealWidth()) + 2)
            # Again, because text that runs to the left ends at the width.
            high = self.text.fit(max(wide, 1))
            sizes.append((self.text, 0, height, wide))
            self.text.resize(wide, high)
            height += high
            widest = max(widest, wide)
        left = width - widest - pad
        for widget, x, y, wide in sizes:
            self.put(widget, left + x, pad + y, wide, widget.height())
        bubble = QtCore.QRect(left - pad, 0, widest + 2 * pad, height + 2 * pad)
        if self.isRightToLeft():
            bubble.moveLeft(0)
        self._bubble = bubble
        total = bubble.height()
        if not self.edit.isHidden():
            size = self.edit.sizeHint()
            self.put(self.edit, width - size.width(), total, size.width(), size.height())
            total += size.height()
        return int(total)

    def paintEvent(self, _event: Any) -> None:
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        painter.setPen(QtCore.Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.question)
        radius = self.theme.space(0.8)
        painter.drawRoundedRect(self._bubble, radius, radius)
        painter.end()


class Thumbnail(QtWidgets.QLabel):  # type: ignore[misc]
    """A small image that was sent, or its name if it cannot be shown. Nothing is fetched."""

    def __init__(self, theme: Theme, parent: Any, image: Any, picture: Any) -> None:
        super().__init__(parent)
        self.theme = theme
        self._name = image_name(image)
        self.setAccessibleName(f"{words.IMAGE} {self._name}".strip())
        self.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.setFont(theme.small())
        self.show_picture(picture)

    def show_picture(self, picture: Any) -> None:
        """Show a picture, or the name if there is none; nothing while it is `PENDING`."""
        self.picture = picture
        if picture is None:
            self.setText(f"{words.IMAGE}: {self._name}" if self._name else words.IMAGE)

    def fit(self, room: int) -> tuple[int, int]:
        if self.picture is PENDING:
            # Most pictures are about as high.
            return min(room, self.theme.space(9)), self.theme.space(7)
        if self.picture is None:
            hint = self.sizeHint()
            return min(room, hint.width()), hint.height()
        limit = QtCore.QSize(min(room, self.theme.space(9)), self.theme.space(7))
        ratio = self.devicePixelRatioF()
        size = self.picture.size()
        if size.width() > limit.width() or size.height() > limit.height():
            size = size.scaled(limit, QtCore.Qt.AspectRatioMode.KeepAspectRatio)
        scaled = self.picture.scaled(
            size * ratio,
            QtCore.Qt.AspectRatioMode.IgnoreAspectRatio,
            QtCore.Qt.TransformationMode.SmoothTransformation,
        )
        scaled.setDevicePixelRatio(ratio)
        self.setPixmap(QtGui.QPixmap.fromImage(scaled))
        return size.width(), size.height()


def thumbnail(image: Image) -> Any:
    """Return an image decoded at a small size, or ``None`` if it is in none of `FORMATS`."""
    data = image_bytes(image)
    if not data:
        return None
    buffer = QtCore.QBuffer()
    buffer.setData(QtCore.QByteArray(data))
    buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
    reader = QtGui.QImageReader(buffer)
    if reader.format().data() not in FORMATS:
        return None
    reader.setAutoTransform(True)
    size = reader.size()
    if max(size.width(), size.height()) > THUMBNAIL:
        reader.setScaledSize(
            size.scaled(THUMBNAIL, THUMBNAIL, QtCore.Qt.AspectRatioMode.KeepAspectRatio)
        )
    picture = reader.read()
    return None if picture.isNull() else picture
