"""What the user types, with the best line editing that there is."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from typing import TextIO

try:
    import termios
except ImportError:
    # Windows echoes nothing while nobody reads.
    termios = None  # type: ignore[assignment]

__all__ = ["keyboard_silent", "prompts"]

PROMPT = "> "

# The place of the local modes in what tcgetattr gives.
LOCAL_MODES = 3


def prompts(out: TextIO) -> Callable[[], str]:
    """Return a function that reads one prompt from the terminal.

    It edits lines with prompt_toolkit (extra `cli`), else with the standard library's readline.

    Raises (the function):
        EOFError: Ctrl-D.
        KeyboardInterrupt: Ctrl-C.
    """
    if not out.isatty():
        return _without_editing
    if os.environ.get("TERM") != "dumb" and importlib.util.find_spec("prompt_toolkit"):
        from prompt_toolkit import PromptSession

        session: PromptSession[str] = PromptSession(PROMPT)
        return session.prompt
    if importlib.util.find_spec("readline"):
        # Merely being there, it gives input() its line editing and the history of this run.
        import readline  # noqa: F401
    return _with_input


def _with_input() -> str:
    try:
        return input(PROMPT)
    except (EOFError, KeyboardInterrupt):
        # The prompt's line is to be ended, whatever comes now.
        print()
        raise


def _without_editing() -> str:
    """Prompt where the answers do not go: those are in a pipe."""
    sys.stderr.write(PROMPT)
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line


@contextlib.contextmanager
def keyboard_silent() -> Iterator[None]:
    """Let the terminal not echo what is typed, so that it does not end up inside an answer.

    What is typed meanwhile waits for the next prompt.
    """
    if termios is None or not sys.stdin.isatty():
        yield
        return
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    silent = termios.tcgetattr(terminal)
    silent[LOCAL_MODES] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
