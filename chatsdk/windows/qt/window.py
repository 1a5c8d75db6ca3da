"""`show`: a window with a chat."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from chatsdk.session import ChatSession
from chatsdk.windows import words
from chatsdk.windows.qt.binding import QtCore, QtWidgets
from chatsdk.windows.qt.view import ChatView

__all__ = ["show"]

# The application made here. It must outlive all widgets.
_applications: list[Any] = []


def show(
    session: ChatSession,
    *,
    title: str = words.TITLE,
    size: tuple[int, int] = (760, 640),
    options: Mapping[str, Any] | None = None,
) -> None:
    """Show a session in a window, and return when the window is closed.

    An answer in flight is then stopped; the session is not closed. If there is no ``QApplication``,
    one is made. Call this on the main thread.

    Args:
        session: the `ChatSession` to show.
        title: the title of the window.
        size: the width and the height of the window, in pixels of the screen's scale.
        options: as in `ChatView`.
    """
    if QtWidgets.QApplication.instance() is None:
        _applications.append(QtWidgets.QApplication(sys.argv[:1]))
    with _ctrl_c():
        view = ChatView(session, options=options)
        view.setWindowTitle(title)
        view.resize(*size)
        closed = QtCore.QEventLoop()
        watch = _Closing(view, closed)
        try:
            view.show()
            closed.exec()
        finally:
            session.stop()
            watch.end(view)


class _Closing(QtCore.QObject):  # type: ignore[misc]
    """Ends an event loop when a window is closed, or deleted by others."""

    def __init__(self, view: Any, loop: Any) -> None:
        super().__init__()
        self._loop = loop
        self._gone = False
        view.destroyed.connect(self._end)
        view.installEventFilter(self)

    def _end(self) -> None:
        self._gone = True
        self._loop.quit()

    def end(self, view: Any) -> None:
        """Delete the window now, unless others have."""
        if not self._gone:
            view.removeEventFilter(self)
            view.deleteLater()
            deletion = QtCore.QEvent.Type.DeferredDelete.value
            QtCore.QCoreApplication.sendPostedEvents(view, deletion)

    def eventFilter(self, _watched: Any, event: Any) -> bool:
        if event.type() == QtCore.QEvent.Type.Close:
            self._loop.quit()
        return False


@contextmanager
def _ctrl_c() -> Iterator[None]:
    """Let Ctrl-C end the program: Python's own handler runs only when Qt calls Python."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
