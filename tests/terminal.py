"""A terminal for tests: runs a program on a pseudo-terminal, types into it and reads it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import struct
import subprocess
import sys
import threading
from types import TracebackType

import pytest

fcntl = pytest.importorskip("fcntl", reason="needs a pseudo-terminal")
pty = pytest.importorskip("pty", reason="needs a pseudo-terminal")
termios = pytest.importorskip("termios", reason="needs a pseudo-terminal")

# Seconds in which what is expected has to appear.
WAIT_SECONDS = 20

LINES, COLUMNS = 24, 80

# Makes the terminal on the standard input the one whose Ctrl-C reaches the program, then becomes
# that program.
TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""

CTRL_C, CTRL_D = "\x03", "\x04"

# Cursor movements and colours (ECMA-48), and the title.
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|\x1b[=>]")


class Terminal:
    """A program that believes it runs in a terminal of 24 lines and 80 columns.

    Attributes:
        seen: everything the program has written, without cursor movements.
    """

    def __init__(self, *command: str, term: str = "xterm-256color", **environ: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", LINES, COLUMNS, 0, 0))
        environment = {
            **os.environ,
            "TERM": term,
            "COLUMNS": str(COLUMNS),
            "LINES": str(LINES),
            # A program's question about the cursor's position gets no answer here.
            "PROMPT_TOOLKIT_NO_CPR": "1",
            **environ,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", TAKE_TERMINAL, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
        )
        os.close(slave)
        # Guards seen; notified when more is there.
        self._changed = threading.Condition()
        self.seen = ""
        self._raw = b""
        self._mark = 0
        self._ended = False
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    def expect(self, text: str) -> str:
        """Wait until `text` is seen after what was expected last; give all up to there."""
        with self._changed:
            there = self._changed.wait_for(
                lambda: text in self.seen[self._mark :] or self._ended, WAIT_SECONDS
            )
            place = self.seen.find(text, self._mark)
            assert there, f"no {text!r} in time; there is {self.seen!r}"
            assert place >= 0, f"it ended without {text!r}: {self.seen!r}"
            begin, self._mark = self._mark, place + len(text)
            return self.seen[begin : self._mark]

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._master, text.encode())

    def leave(self) -> int:
        """Press Ctrl-C at a prompt, give the exit code.

        Python's readline does not hear one that comes when it has shown the prompt and does not
        listen yet. A person presses again.
        """
        for _ in range(WAIT_SECONDS):
            self.type(CTRL_C)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
                break
        return self.wait()

    def wait(self) -> int:
        """Wait until the program has ended; give its exit code."""
        code = self._process.wait(WAIT_SECONDS)
        self._reader.join(WAIT_SECONDS)
        return code

    @property
    def running(self) -> bool:
        """Whether the program has not ended."""
        return self._process.poll() is None

    @property
    def echoes(self) -> bool:
        """Whether what is typed is shown."""
        local_modes = termios.tcgetattr(self._master)[3]
        return bool(local_modes & termios.ECHO)

    @property
    def raw(self) -> bytes:
        """Everything the program has written, as it came."""
        with self._changed:
            return self._raw

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:
                # Linux reports the closed other side as an error.
                data = b""
            with self._changed:
                self._raw += data
                text = self._raw.decode(errors="replace").replace("\r\n", "\n")
                self.seen = _CONTROLS.sub("", text)
                self._ended = not data
                self._changed.notify_all()
            if not data:
                return

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.running:
            self._process.send_signal(signal.SIGKILL)
        self.wait()
        os.close(self._master)
