"""A chat in a notebook: `ChatView(session)`, a widget with an entry, Send and Stop.

It needs ipywidgets, which the extra ``notebook`` brings.
"""

from __future__ import annotations

try:
    import ipywidgets  # noqa: F401
except ImportError as error:
    raise ImportError(
        "chatsdk.windows.notebook needs ipywidgets: pip install 'chatsdk[notebook]'"
    ) from error

from chatsdk.windows.notebook.view import ChatView

__all__ = ["ChatView"]
