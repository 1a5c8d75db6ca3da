"""`History`: the prompts of earlier runs, in a file that only its owner can read."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path

__all__ = ["History", "history_file"]

# Number of prompts to keep; a file with twice as many is shortened to this.
KEPT = 1000

OWNER_ONLY, OWNER_ONLY_FOLDER = 0o600, 0o700


def history_file() -> Path:
    """Return the path of the prompt history, in the user's folder for state.

    Source: XDG Base Directory Specification 0.8, ``XDG_STATE_HOME``; ``LOCALAPPDATA`` on Windows.
    """
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
    else:
        base = os.environ.get("XDG_STATE_HOME")
    # The specification requires that a relative path is ignored.
    folder = Path(base) if base and os.path.isabs(base) else Path.home() / ".local" / "state"
    return folder / "chatsdk" / "history"


class History:
    """Prompts, oldest first: a JSON string per line of a file.

    A file that cannot be read or written is not an error: then the prompts are those of this run.

    Args:
        path: the file; ``None`` keeps the prompts of this run only.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.prompts = [] if path is None else _read(path)
        if path is not None and len(self.prompts) > 2 * KEPT:
            self.prompts = self.prompts[-KEPT:]
            self._write("w", self.prompts)

    def add(self, prompt: str) -> None:
        """Add a prompt, unless it repeats the last one."""
        if self.prompts and self.prompts[-1] == prompt:
            return
        self.prompts.append(prompt)
        self._write("a", [prompt])

    def _write(self, mode: str, prompts: list[str]) -> None:
        if self._path is None:
            return
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
            with open(self._path, mode, encoding="ascii", opener=_opened_privately) as file:
                file.writelines(json.dumps(prompt) + "\n" for prompt in prompts)


def _opened_privately(path: str, flags: int) -> int:
    descriptor = os.open(path, flags, OWNER_ONLY)
    if hasattr(os, "fchmod"):
        # The file may be older than this rule.
        os.fchmod(descriptor, OWNER_ONLY)
    return descriptor


def _read(path: Path) -> list[str]:
    prompts = []
    with contextlib.suppress(OSError):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                if isinstance(prompt := json.loads(line), str):
                    prompts.append(prompt)
    return prompts
