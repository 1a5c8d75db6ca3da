"""`Bar`: the progress bar of many prompts, drawn by tqdm."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

from chatsdk.client.prompt_outcome import PromptOutcome

__all__ = ["Bar", "bar_for"]


class Bar:
    """A bar with the rate, the remaining time, the tokens and the failures.

    It never disturbs the work: once it cannot be drawn, it is not drawn any more.
    """

    def __init__(self, bar: Any) -> None:
        self._bar: Any = bar
        self._tokens = 0
        self._failed = 0

    def add(self, outcome: PromptOutcome) -> None:
        """Count one outcome."""
        usage = outcome.answer.usage
        self._tokens += usage.total or (usage.input or 0) + (usage.output or 0)
        self._failed += outcome.error is not None
        self._describe(0.0)
        self._draw("update", 1)

    def refresh(self, pause: float) -> None:
        """Show the time that has passed, and the seconds left of a pause, if there is one."""
        self._describe(pause)
        self._draw("refresh")

    def _describe(self, pause: float) -> None:
        shown = [f"{self._tokens:,} tokens"] if self._tokens else []
        if self._failed:
            shown.append(f"{self._failed} failed")
        if pause > 0:
            shown.append(f"the backend is busy, {pause:.0f} s")
        self._draw("set_postfix_str", ", ".join(shown), refresh=False)

    def close(self) -> None:
        """Leave the bar as it is, and end its line."""
        self._draw("close")
        self._bar = None

    def _draw(self, what: str, *args: Any, **options: Any) -> None:
        if self._bar is None:
            return
        try:
            getattr(self._bar, what)(*args, **options)
        except (OSError, ValueError):
            # The reader of stderr has gone, or the stream is closed.
            self._bar = None


def bar_for(progress: bool | str, total: int | None) -> Bar | None:
    """Return a bar for this number of prompts; ``None`` if it would not be seen, or without tqdm.

    Args:
        progress: ``"always"`` draws it although stderr is not a terminal.
        total: the number of prompts, if it is known.
    """
    if not progress:
        return None
    notebook = _is_in_notebook()
    if progress != "always" and not notebook and not _is_terminal(sys.stderr):
        return None
    try:
        # Without ipywidgets a notebook shows the text of a bar, too.
        if notebook and importlib.util.find_spec("ipywidgets") is not None:
            from tqdm.notebook import tqdm
        else:
            from tqdm import tqdm
    except ImportError:
        return None

    class Plain(tqdm):  # type: ignore[misc, valid-type, unused-ignore]
        # No extra thread, because the iterating thread draws it.
        monitor_interval = 0

    try:
        return Bar(Plain(total=total, unit=" prompts", dynamic_ncols=True, leave=True))
    except (OSError, ValueError):
        return None


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        # There is no stderr, or it is closed.
        return False


def _is_in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    if ipython is None:
        return False
    return getattr(ipython.get_ipython(), "kernel", None) is not None
