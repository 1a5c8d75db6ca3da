"""Asks the terminal whether its background is light."""

from __future__ import annotations

import os
import re
import select
import sys
import time

__all__ = ["is_light"]

# Seconds to wait for the terminal. One without colours answers only the second question.
ANSWER_SECONDS = 0.3

# xterm's control sequences: "what is the background colour", and "what kind of terminal are you".
QUESTION = b"\x1b]11;?\x1b\\\x1b[c"
_COLOUR = re.compile(rb"\]11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})")
_KIND = re.compile(rb"\x1b\[\?[0-9;]*c")

# Indexes of light colours in COLORFGBG, which rxvt and Konsole set.
LIGHT = ("7", "15")


def is_light() -> bool:
    """Return whether the background of the terminal is light; false if it is unknown."""
    match = _COLOUR.search(_answer())
    if match is not None:
        red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in match.groups())
        # The weights of ITU-R BT.709.
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5
    return os.environ.get("COLORFGBG", "").rpartition(";")[2] in LIGHT


def _answer() -> bytes:
    """Return the terminal's answer to `QUESTION`; empty without one."""
    try:
        import termios
        import tty

        file = sys.stdin.fileno()
        if not (os.isatty(file) and sys.stdout.isatty()):
            return b""
        before = termios.tcgetattr(file)
    except (ImportError, OSError, ValueError):
        return b""
    answer = b""
    try:
        # Neither shown nor held back until Enter.
        tty.setcbreak(file, termios.TCSANOW)
        os.write(sys.stdout.fileno(), QUESTION)
        deadline = time.monotonic() + ANSWER_SECONDS
        while not _KIND.search(answer):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([file], [], [], left)[0]:
                break
            answer += os.read(file, 1024)
    except OSError:
        pass
    finally:
        termios.tcsetattr(file, termios.TCSANOW, before)
    return answer
