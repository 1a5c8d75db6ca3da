"""Tool tips of text that a model or a server wrote."""

from __future__ import annotations

import html

__all__ = ["plain_tip"]


def plain_tip(text: str) -> str:
    """Return a tool tip that shows this text as it is.

    Qt takes a tip that looks like HTML for HTML, and then loads the files that it names.
    """
    return f"<p style='white-space: pre-wrap'>{html.escape(text)}</p>" if text else ""
