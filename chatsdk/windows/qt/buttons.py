"""Buttons and drawn icons in the view's theme."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chatsdk.windows.qt.binding import QtCore, QtGui, QtWidgets
from chatsdk.windows.qt.theme import Theme

__all__ = ["Button"]

# Icons, as lines between points of a unit square; a letter Z closes a shape that is filled.
ICONS: dict[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    "send": (((0.5, 0.86), (0.5, 0.16)), ((0.2, 0.46), (0.5, 0.16), (0.8, 0.46))),
    "down": (((0.5, 0.14), (0.5, 0.84)), ((0.2, 0.54), (0.5, 0.84), (0.8, 0.54))),
    "folded": (((0.36, 0.22), (0.66, 0.5), (0.36, 0.78)),),
    "unfolded": (((0.22, 0.36), (0.5, 0.66), (0.78, 0.36)),),
    "plus": (((0.5, 0.16), (0.5, 0.84)), ((0.16, 0.5), (0.84, 0.5))),
    "cross": (((0.22, 0.22), (0.78, 0.78)), ((0.22, 0.78), (0.78, 0.22))),
    "more": (((0.16, 0.5), (0.17, 0.5)), ((0.5, 0.5), (0.51, 0.5)), ((0.83, 0.5), (0.84, 0.5))),
}


class Button(QtWidgets.QPushButton):  # type: ignore[misc]
    """A flat button: text, an icon, or both.

    Args:
        theme: colours and distances.
        text: its label; an icon alone has it as its accessible name and tool tip.
        action: called when it is pressed.
        icon: the name of an icon, or ``"stop"``.
        look: ``"plain"``, ``"text"`` (without a ground and a margin), ``"strong"`` (filled with the
            accent), or ``"outlined"``.
        labelled: whether the text is shown next to the icon.
    """

    def __init__(
        self,
        theme: Theme,
        text: str,
        action: Callable[[], object],
        *,
        icon: str = "",
        look: str = "plain",
        labelled: bool = True,
        parent: Any = None,
    ) -> None:
        super().__init__(parent)
        self.theme = theme
        self.icon_name = icon
        self.look = look
        self.labelled = labelled
        self.ground: Any = None
        self.margin = 0.0 if look == "text" else 0.5
        self.setCursor(QtCore.Qt.CursorShape.PointingHandCursor)
        self.setAutoDefault(False)
        # A click leaves the focus where one types.
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.TabFocus)
        # The colour of the label if it is not muted, for what needs attention.
        self.ink: Any = None
        self.rename(text)
        self.clicked.connect(lambda _checked=False: action())

    def rename(self, text: str, icon: str | None = None) -> None:
        """Change the label and the icon."""
        if icon is not None:
            self.icon_name = icon
        if text != self.text():
            self.setText(text)
            self.setAccessibleName(text)
            if not self.labelled:
                self.setToolTip(text)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> Any:
        theme = self.theme
        height = theme.space(1.55)
        if not self.labelled:
            return QtCore.QSize(height, height)
        width = QtGui.QFontMetrics(theme.small()).horizontalAdvance(self.text())
        if self.icon_name:
            width += theme.space(1.1)
        return QtCore.QSize(width + round(2 * self.margin * theme.em) + 2, height)

    def minimumSizeHint(self) -> Any:
        return self.sizeHint()

    def paintEvent(self, _event: Any) -> None:
        theme = self.theme
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        rect = QtCore.QRectF(self.rect()).adjusted(1, 1, -1, -1)
        radius = rect.height() / 2 if not self.labelled else theme.radius
        colour = self._paint_ground(painter, rect, radius)
        if self.hasFocus():
            painter.setPen(QtGui.QPen(theme.accent, 2))
            painter.setBrush(QtCore.Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(rect, radius, radius)
        painter.setPen(colour)
        if self.icon_name:
            side = theme.em * (0.72 if self.labelled else 0.8)
            left = self.margin * theme.em if self.labelled else (self.width() - side) / 2
            if self.labelled and self.isRightToLeft():
                left = self.width() - left - side
            square = QtCore.QRectF(left, (self.height() - side) / 2, side, side)
            if self.icon_name == "folded" and self.isRightToLeft():
                painter.translate(2 * square.center().x(), 0)
                painter.scale(-1, 1)
            paint_icon(painter, self.icon_name, square, colour)
            painter.resetTransform()
        if self.labelled:
            painter.setFont(theme.small())
            margin = self.margin * theme.em
            room = rect.adjusted(margin, 0, -margin, 0)
            if self.icon_name:
                shift = theme.space(1.1)
                if self.isRightToLeft():
                    room.adjust(0, 0, -shift, 0)
                else:
                    room.adjust(shift, 0, 0, 0)
            painter.drawText(room, QtCore.Qt.AlignmentFlag.AlignCenter, self.text())
        painter.end()

    def _paint_ground(self, painter: Any, rect: Any, radius: float) -> Any:
        """Paint the background, and return the colour of text and icons on it."""
        theme = self.theme
        painter.setPen(QtCore.Qt.PenStyle.NoPen)
        under = self.underMouse() and self.isEnabled()
        if self.look == "strong":
            if not self.isEnabled():
                painter.setBrush(theme.hover)
                painter.drawRoundedRect(rect, radius, radius)
                return theme.muted
            painter.setBrush(theme.accent.lighter(112) if under else theme.accent)
            painter.drawRoundedRect(rect, radius, radius)
            return theme.on_accent
        if self.look != "text" and (self.ground is not None or under):
            painter.setBrush(theme.hover if under else self.ground)
            painter.drawRoundedRect(rect, radius, radius)
        if self.look == "outlined":
            painter.setBrush(QtCore.Qt.BrushStyle.NoBrush)
            painter.setPen(QtGui.QPen(theme.line, 1))
            painter.drawRoundedRect(rect, radius, radius)
            return theme.text
        return theme.text if under or self.hasFocus() else self.ink or theme.muted


def paint_icon(painter: Any, name: str, square: Any, colour: Any) -> None:
    """Draw an icon into a square."""
    if name == "stop":
        inset = square.width() * 0.18
        painter.setPen(QtCore.Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRoundedRect(square.adjusted(inset, inset, -inset, -inset), 2, 2)
        return
    width = square.width() * (0.2 if name == "more" else 0.13)
    pen = QtGui.QPen(colour, width)
    pen.setCapStyle(QtCore.Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(QtCore.Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.setBrush(QtCore.Qt.BrushStyle.NoBrush)
    for line in ICONS[name]:
        path = QtGui.QPainterPath()
        for number, (x, y) in enumerate(line):
            point = QtCore.QPointF(
                square.left() + x * square.width(), square.top() + y * square.height()
            )
            if number:
                path.lineTo(point)
            else:
                path.moveTo(point)
        painter.drawPath(path)
