"""Closes widgets of ipywidgets, which the kernel keeps until then."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ipywidgets as widgets

__all__ = ["close_all"]


def close_all(tops: Iterable[Any]) -> None:
    """Close widgets, then their layouts, their styles and all that is in them."""
    for top in tops:
        parts = [getattr(top, name, None) for name in ("layout", "style")]
        inside = [*getattr(top, "children", ()), *parts]
        # Not the method of a subclass, which may have called this.
        widgets.Widget.close(top)
        close_all(one for one in inside if isinstance(one, widgets.Widget))
