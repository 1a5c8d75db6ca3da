"""`Theme`: the colours, fonts and distances of a view, derived from its palette and font."""

from __future__ import annotations

from typing import Any

from chatsdk.windows.qt.binding import QtCore, QtGui

__all__ = ["Theme"]

# The contrast that WCAG 2.1 asks for between text and its ground.
CONTRAST = 4.5

# The contrast that it asks for between the parts of a control and their ground.
GRAPHICS = 3.0

# Characters in the widest line of text.
MEASURE = 108


class Theme:
    """The look of a view. A view makes a new one when its palette or font changes.

    All colours come from the palette, so that a dark system, a high-contrast one or a program's own
    colours are followed.

    Attributes:
        ground, text, muted, line: the background, text, secondary text, and thin lines.
        question, code, hover: the grounds of a question, of code, and under the mouse pointer.
        accent, on_accent: the colour of what is most important, and of text on it.
        link, danger: the colours of links and of errors.
        font, mono: the font of text, and the fixed one of code.
        em: the height of a line in pixels; all distances are parts of it.
        column: the width of the transcript at most, in pixels.
    """

    def __init__(self, palette: Any, font: Any) -> None:
        role = QtGui.QPalette.ColorRole
        active = QtGui.QPalette.ColorGroup.Active
        self.ground = palette.color(active, role.Base)
        self.text = legible(palette.color(active, role.Text), self.ground)
        self.dark = self.ground.lightness() < 128
        self.muted = legible(mixed(self.text, self.ground, 0.42), self.ground)
        self.line = mixed(self.text, self.ground, 0.84)
        accent = palette.color(active, getattr(role, "Accent", role.Highlight))
        self.accent = legible(accent, self.ground, GRAPHICS)
        white, black = QtGui.QColor("white"), QtGui.QColor("black")
        self.on_accent = white if contrast(white, self.accent) >= GRAPHICS else black
        self.question = mixed(self.accent, self.ground, 0.8 if self.dark else 0.88)
        self.code = mixed(self.text, self.ground, 0.92 if self.dark else 0.955)
        self.hover = mixed(self.text, self.ground, 0.9)
        self.link = legible(palette.color(active, role.Link), self.ground)
        danger = QtGui.QColor("#ff7b72" if self.dark else "#b3261e")
        self.danger = legible(danger, self.ground)
        self.danger_ground = mixed(danger, self.ground, 0.88)
        self.font = QtGui.QFont(font)
        self.mono = QtGui.QFontDatabase.systemFont(QtGui.QFontDatabase.SystemFont.FixedFont)
        if font.pointSizeF() > 0:
            self.mono.setPointSizeF(font.pointSizeF() * 0.95)
        else:
            self.mono.setPixelSize(max(1, round(font.pixelSize() * 0.95)))
        self.mono.setStyleHint(QtGui.QFont.StyleHint.Monospace)
        metrics = QtGui.QFontMetrics(self.font)
        self.em: int = max(8, metrics.height())
        self.char = max(1.0, metrics.averageCharWidth() * 1.08)
        self.column = round(MEASURE * metrics.averageCharWidth())
        self.radius = self.em * 0.55

    def space(self, ems: float) -> int:
        """Return a distance in pixels."""
        return max(1, round(self.em * ems))

    def small(self) -> Any:
        """Return the font of secondary text."""
        font = QtGui.QFont(self.font)
        if font.pointSizeF() > 0:
            font.setPointSizeF(font.pointSizeF() * 0.9)
        else:
            font.setPixelSize(max(1, round(font.pixelSize() * 0.9)))
        return font


def mixed(first: Any, second: Any, share: float) -> Any:
    """Return a colour between two, with this share of the second one."""
    return QtGui.QColor(
        *(
            round(a + (b - a) * share)
            for a, b in zip(first.getRgb()[:3], second.getRgb()[:3], strict=True)
        )
    )


def legible(colour: Any, ground: Any, ratio: float = CONTRAST) -> Any:
    """Return the colour, moved to black or white until it can be seen on its ground."""
    target = QtGui.QColor("white" if _luminance(ground) < 0.18 else "black")
    for step in range(21):
        moved = mixed(colour, target, step / 20)
        if contrast(moved, ground) >= ratio:
            return moved
    return target


def contrast(one: Any, other: Any) -> float:
    """Return the contrast ratio of two colours (WCAG 2.1, 1.4.3)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: Any) -> float:
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in colour.getRgb()[:3])
    ]
    return float(0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2])


def is_theme_change(event: Any) -> bool:
    """Whether a change event of a widget means that its theme has changed."""
    kind = QtCore.QEvent.Type
    return event.type() in (kind.PaletteChange, kind.FontChange, kind.ApplicationPaletteChange)
