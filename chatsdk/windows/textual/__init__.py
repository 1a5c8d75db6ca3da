"""A chat for a terminal, with Textual: `ChatView`, a widget, and `show`, a complete app."""

from __future__ import annotations

try:
    import textual  # noqa: F401
except ImportError as error:
    raise ImportError("chatsdk.windows.textual needs Textual: pip install textual") from error

from chatsdk.windows.textual.application import show
from chatsdk.windows.textual.view import ChatView

__all__ = ["ChatView", "show"]
