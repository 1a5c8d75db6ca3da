"""Keyboard input: line editing of prompts, and Esc during an answer."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import select
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

from chatsdk.cli.prompt_history import History

try:
    import termios
except ImportError:
    # Windows: only Ctrl-C stops an answer there.
    termios = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

__all__ = ["Keys", "keys_during_answer", "prompts"]

PROMPT = "> "
ESCAPE = b"\x1b"

# Indices in the result of tcgetattr: input modes, local modes, control characters.
INPUT_MODES, LOCAL_MODES, CONTROL_CHARACTERS = 0, 3, 6

# Seconds to wait after Esc: an arrow key begins with Esc, but its rest follows at once.
ESCAPE_SECONDS = 0.03


def prompts(
    out: TextIO, history: History, completions: list[str] | None = None
) -> Callable[[str], str]:
    """Return a function that reads one prompt from the terminal.

    Its argument is the text typed before the prompt appeared. Lines are edited with prompt_toolkit
    (extra `cli`), else with the standard library's readline.

    Args:
        out: the stream of the answers.
        history: the prompts that the Up key offers.
        completions: words that the Tab key completes at the beginning of a prompt.

    Raises (the function):
        EOFError: Ctrl-D.
        KeyboardInterrupt: Ctrl-C.
    """
    if not out.isatty():
        return _without_editing
    if os.environ.get("TERM") != "dumb" and importlib.util.find_spec("prompt_toolkit"):
        return _with_prompt_toolkit(history, completions or [])
    return _with_readline(history)


def _with_prompt_toolkit(history: History, completions: list[str]) -> Callable[[str], str]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import WordCompleter
    from prompt_toolkit.formatted_text import FormattedText
    from prompt_toolkit.history import InMemoryHistory
    from prompt_toolkit.key_binding import KeyPress
    from prompt_toolkit.styles import Style

    session: PromptSession[str] = PromptSession(
        FormattedText([("bold", PROMPT)]),
        history=InMemoryHistory(history.prompts),
        completer=WordCompleter(completions, sentence=True),
        complete_while_typing=False,
        multiline=True,
        prompt_continuation="  ",
        key_bindings=_bindings(),
        # Distinguishes the user's text from the answers.
        style=Style.from_dict({"": "bold"}),
    )

    def read(typed: str) -> str:
        if typed:
            from prompt_toolkit.input.typeahead import store_typeahead
            from prompt_toolkit.input.vt100_parser import Vt100Parser

            presses: list[KeyPress] = []
            parser = Vt100Parser(presses.append)
            parser.feed_and_flush(typed)
            store_typeahead(session.app.input, presses)
        return session.prompt()

    return read


def _bindings() -> KeyBindings:
    from prompt_toolkit.key_binding import KeyBindings

    bindings = KeyBindings()

    @bindings.add("enter")
    def _send(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @bindings.add("escape", "enter")
    @bindings.add("c-j")
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @bindings.add("c-c")
    def _discard_or_leave(event: KeyPressEvent) -> None:
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            event.app.exit(exception=KeyboardInterrupt, style="class:aborting")

    return bindings


def _with_readline(history: History) -> Callable[[str], str]:
    try:
        # Loading it gives input() line editing and a history.
        import readline
    except ImportError:
        return _with_input
    for prompt in history.prompts:
        if "\n" not in prompt:
            readline.add_history(prompt)

    def read(typed: str) -> str:
        readline.set_startup_hook(lambda: readline.insert_text(typed))
        try:
            return _with_input("")
        finally:
            readline.set_startup_hook(None)

    return _lines_first(read)


def _lines_first(read: Callable[[str], str]) -> Callable[[str], str]:
    """First return the lines that were complete before the prompt appeared, one at a time."""
    waiting = ""

    def lines(typed: str) -> str:
        nonlocal waiting
        waiting += "".join(c for c in typed.replace("\r", "\n") if c == "\n" or c.isprintable())
        line, end, rest = waiting.partition("\n")
        if end:
            waiting = rest
            print(f"{PROMPT}{line}")
            return line
        waiting = ""
        return read(line)

    return lines


def _with_input(typed: str) -> str:
    try:
        return typed + input(PROMPT + typed)
    except (EOFError, KeyboardInterrupt):
        # End the prompt's line before anything else is printed.
        print()
        raise


def _without_editing(typed: str) -> str:
    """Show the prompt on stderr, because the answers go into a pipe."""
    sys.stderr.write(PROMPT)
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return typed + line


class Keys:
    """Keys typed during an answer: Esc stops it, the others are kept for the next prompt."""

    def __init__(self, terminal: int | None = None) -> None:
        self._terminal = terminal
        self._typed = b""

    def escape(self) -> bool:
        """Return whether Esc was pressed since the last call."""
        if self._terminal is None or not _readable(self._terminal, 0):
            return False
        data = b""
        with contextlib.suppress(OSError):
            data = os.read(self._terminal, 4096)
            if data.endswith(ESCAPE) and _readable(self._terminal, ESCAPE_SECONDS):
                data += os.read(self._terminal, 4096)
        pressed = data.endswith(ESCAPE)
        self._typed += data.removesuffix(ESCAPE)
        return pressed

    def typed(self) -> str:
        """Return the text typed besides Esc, and forget it."""
        typed, self._typed = self._typed, b""
        return typed.decode(errors="ignore")


def _readable(descriptor: int, seconds: float) -> bool:
    return bool(select.select([descriptor], [], [], seconds)[0])


@contextlib.contextmanager
def keys_during_answer() -> Iterator[Keys]:
    """Read keys one by one, and keep the terminal from showing them inside the answer."""
    if termios is None or not sys.stdin.isatty():
        yield Keys()
        return
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    modes = termios.tcgetattr(terminal)
    # Keeps Enter distinct from Ctrl+J, which begins a new line.
    modes[INPUT_MODES] &= ~termios.ICRNL
    # Ctrl-C stays a signal.
    modes[LOCAL_MODES] &= ~(termios.ECHO | termios.ICANON)
    modes[CONTROL_CHARACTERS][termios.VMIN] = 1
    modes[CONTROL_CHARACTERS][termios.VTIME] = 0
    termios.tcsetattr(terminal, termios.TCSADRAIN, modes)
    try:
        yield Keys(terminal)
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
