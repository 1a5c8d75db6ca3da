"""Chat windows: ``from chatsdk.windows import tk, qt, textual``, each with `ChatView` and `show`.

`ChatView` is a widget bound to a `ChatSession`; `show(session)` makes a window of it and returns
when the window is closed. A view finds its way to its toolkit's thread by itself, whatever the
session's `dispatch` is. Importing this package imports no toolkit; its modules import theirs.
"""

from __future__ import annotations

__all__ = ["qt", "textual", "tk"]
