"""A dispatcher with a wrong argument shows what it takes."""

from __future__ import annotations

import pytest

from chatsdk import ui


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (ui.tk, r"chatsdk.ui.tk\(\) takes the window or a widget in it, not "),
        (ui.loop, r"chatsdk.ui.loop\(\) takes an event loop, asyncio.get_running_loop\(\), not "),
        (ui.textual, r"chatsdk.ui.textual\(\) takes the textual.app.App, not "),
    ],
)
@pytest.mark.parametrize("value", [None, "window"])
def test_another_object(make, said, value) -> None:
    """None, from a window that was never made, is the common case."""
    with pytest.raises(TypeError, match=said + type(value).__name__):
        make(value)


def test_parent_of_qt() -> None:
    """Qt's parent may be left out, but it is an object of Qt's."""
    with pytest.raises(TypeError, match=r"chatsdk.ui.qt\(\) takes a QObject such as the window"):
        ui.qt("window")
