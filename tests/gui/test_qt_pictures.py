"""Pictures of the Qt view: light and dark, narrow and wide, large fonts, scripts of the world."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6 import QtCore, QtGui, QtWidgets
from qt_window import TextView, Window, dark_palette, light_palette, pump

from chatsdk import Message, ToolCall, use_chat
from chatsdk.messages import Image
from chatsdk.parts import Citation
from chatsdk.windows.qt.theme import Theme, contrast

LATIN = """Use **`sorted`** for a new list:

1. `key=` takes a function
2. `reverse=True` turns it round

```python
def by_length(words: list[str]) -> list[str]:
    return sorted(words, key=len)
```

| method | returns | cost |
|---|---|--:|
| `sorted(x)` | a new list | O(n log n) |
| `x.sort()` | `None` | O(n log n) |

> It is *stable*. [The docs](https://docs.python.org/3/howto/sorting.html) have more.
"""
CHINESE = """## 流式回答

它会**一段一段**地到达：

- 第一段
- 第二段 `代码`

> 窗口跟随最后一行。
"""
ARABIC = "## مرحبا بالعالم\n\nهذا نص **عربي** طويل قليلا:\n\n1. أولا\n2. ثانيا\n\n> اقتباس قصير."
EMOJI = "All done! 🎉 👨‍👩‍👧‍👦 🇩🇪 👍🏽 ❤️ — naïve café, Ελληνικά."


def picture() -> Image:
    """A small gradient, as PNG."""
    image = QtGui.QImage(480, 320, QtGui.QImage.Format.Format_RGB32)
    painter = QtGui.QPainter(image)
    colours = QtGui.QLinearGradient(0, 0, 480, 320)
    colours.setColorAt(0, QtGui.QColor("#f6d365"))
    colours.setColorAt(1, QtGui.QColor("#fda085"))
    painter.fillRect(image.rect(), colours)
    painter.end()
    buffer = QtCore.QBuffer()
    buffer.open(QtCore.QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return Image(data=base64.b64encode(buffer.data().data()).decode(), media_type="image/png")


def conversation() -> tuple[Message, ...]:
    """A conversation with everything that a turn may have."""
    docs = Citation(title="Sorting HOW TO", url="https://docs.python.org/3/howto/sorting.html")
    call = ToolCall("1", "get_weather", '{"city": "Paris"}')
    return (
        Message("user", "How do I sort in Python?", images=(picture(),)),
        Message("assistant", LATIN, reasoning="A question about lists.", citations=(docs,)),
        Message("user", "And the weather in Paris?"),
        Message("assistant", tool_calls=(call,)),
        Message("tool", "sunny, 21 °C", tool_call_id="1", name="get_weather", status="finished"),
        Message("assistant", f"It is **sunny**, 21 °C. {EMOJI}", status="stopped"),
        Message("user", "请解释流式回答。"),
        Message("assistant", CHINESE),
        Message("user", "مرحبا كيف حالك؟"),
        Message("assistant", ARABIC),
        Message("user", "One more"),
        Message("assistant", status="error"),
    )


@pytest.fixture
def application() -> Iterator[QtWidgets.QApplication]:
    application = QtWidgets.QApplication.instance() or QtWidgets.QApplication([])
    font, palette = application.font(), application.palette()
    yield application
    application.setFont(font)
    application.setPalette(palette)
    application.setLayoutDirection(QtCore.Qt.LayoutDirection.LeftToRight)


@pytest.fixture
def show(application) -> Iterator[Any]:
    opened: list[Window] = []

    def shown(size: tuple[int, int], messages: tuple[Message, ...] | None = None) -> Window:
        messages = conversation() if messages is None else messages
        session = use_chat("http://127.0.0.1:9/v1/chat/completions", messages=messages)
        opened.append(Window(session, size))
        opened[-1].settle()
        return opened[-1]

    yield shown
    for window in opened:
        window.close()


def inside(window: Window) -> bool:
    """Whether no text is cut off at the side, and no widget of a row is beyond its row."""
    scroller = window.view.scroller
    left, width = scroller.column
    for row in scroller.rows:
        widget = row.widget
        if widget is None:
            continue
        assert (widget.x(), widget.width()) == (left, width)
        for child in widget.findChildren(QtWidgets.QWidget):
            if child.isVisible() and child.parent() is widget:
                assert child.x() >= 0
                assert child.x() + child.width() <= width + 1, child
                assert child.y() + child.height() <= widget.height() + 1, child
    return True


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 760, 1300])
def test_everything(application, show, artefact, width, colours) -> None:
    """All parts of a conversation fit in a narrow and a wide window, light and dark."""
    application.setPalette(dark_palette() if colours == "dark" else light_palette())
    window = show((width, 2100 if width < 400 else 1700))
    assert inside(window)
    window.save(artefact)


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_idle(application, show, artefact, colours) -> None:
    """The help in an empty window."""
    application.setPalette(dark_palette() if colours == "dark" else light_palette())
    window = show((420, 420), ())
    assert window.view.help.isVisible()
    window.save(artefact)


def test_large_fonts(application, show, artefact) -> None:
    """Fonts of twice the size enlarge everything."""
    font = application.font()
    font.setPointSizeF(font.pointSizeF() * 2)
    application.setFont(font)
    window = show((700, 1400))
    assert inside(window)
    assert window.button("New chat").height() > 40
    window.save(artefact)


def test_right_to_left(application, show, artefact) -> None:
    """In a program that runs from right to left questions are on the left."""
    application.setLayoutDirection(QtCore.Qt.LayoutDirection.RightToLeft)
    window = show((700, 1700))
    assert inside(window)
    questions = [row.widget for row in window.view.scroller.rows if hasattr(row.widget, "pictures")]
    assert questions[0].text.x() < 40
    window.save(artefact)


def test_the_colours_follow_the_system(application, show) -> None:
    """A change of the palette or the font at run time is followed, and what is typed stays."""
    application.setPalette(light_palette())
    window = show((600, 500), conversation()[:2])
    window.type("draft")
    light = window.view.grab().toImage().pixelColor(5, 250)
    application.setPalette(dark_palette())
    pump()
    dark = window.view.grab().toImage().pixelColor(5, 250)
    assert light.lightness() > 200
    assert dark.lightness() < 60
    assert window.entry.toPlainText() == "draft"
    text = next(view for view in window.view.scroller.findChildren(TextView) if view.isVisible())
    assert text.palette().color(QtGui.QPalette.ColorRole.Text).lightness() > 200
    height = window.button("New chat").height()
    font = application.font()
    font.setPointSizeF(font.pointSizeF() * 2)
    application.setFont(font)
    window.until(lambda: window.button("New chat").height() > 1.5 * height)


@pytest.mark.parametrize("palette", [light_palette, dark_palette, QtGui.QPalette])
def test_everything_can_be_read(application, palette) -> None:
    """Text, secondary text, links and errors contrast with their grounds (WCAG 2.1, 1.4.3)."""
    theme = Theme(palette(), application.font())
    for colour in (theme.text, theme.muted, theme.link, theme.danger):
        assert contrast(colour, theme.ground) >= 4.5
    for ground in (theme.question, theme.code):
        assert contrast(theme.text, ground) >= 4.5
        assert contrast(theme.muted, ground) >= 3.5
    assert contrast(theme.danger, theme.danger_ground) >= 3.5
    assert contrast(theme.accent, theme.ground) >= 3
    assert contrast(theme.on_accent, theme.accent) >= 3


@pytest.mark.parametrize(
    ("size", "colours"),
    [((760, 660), light_palette), ((760, 660), dark_palette), ((320, 660), dark_palette)],
    ids=["qt-light", "qt-dark", "qt-narrow-dark"],
)
def test_the_pictures_of_the_page(application, show, artefact, request, size, colours) -> None:
    """The pictures in docs/windows.md."""
    application.setPalette(colours())
    docs = Citation(title="Sorting HOW TO", url="https://docs.python.org/3/howto/sorting.html")
    window = show(
        size,
        (
            Message("user", "How do I sort in Python?"),
            Message("assistant", LATIN, reasoning="A question about lists.", citations=(docs,)),
        ),
    )
    window.view.scroller.verticalScrollBar().setValue(0)
    assert inside(window)
    window.save(artefact.with_name(f"{request.node.callspec.id}.png"))
