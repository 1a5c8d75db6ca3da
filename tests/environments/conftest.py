"""Each program runs in a separate process: once with plain requests, once with chatsdk."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from backend import Backend

PROGRAMS = Path(__file__).parent / "programs"

# Seconds that one program may take, on a machine that does other things, too.
PROGRAM_SECONDS = 60

# Variables that would change how a program runs, or where it sends its requests.
UNWANTED = (
    *("PYTHONPATH", "PYTHONWARNINGS", "NETRC"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
)


class Programs:
    """Runs the programs in this folder against a backend."""

    def __init__(self, backend: Backend, folder: Path) -> None:
        self.backend = backend
        self.folder = folder

    def run(
        self,
        name: str,
        kind: str,
        *arguments: str,
        url: str | None = None,
        environment: Mapping[str, str] | None = None,
        options: tuple[str, ...] = (),
    ) -> str:
        """Return what a program printed: ``python NAME.py KIND URL ARGUMENTS``.

        A program that fails returns the last line of its traceback.

        Args:
            name: of the program, without its suffix.
            kind: the client that it asks with: ``requests`` or ``chatsdk``.
            arguments: what it gets after the backend's URL.
            url: another URL than the backend's.
            environment: variables to set for it.
            options: of the interpreter.
        """
        command = [sys.executable, *options, str(PROGRAMS / f"{name}.py")]
        done = subprocess.run(
            [*command, kind, url or self.backend.url, *arguments],
            cwd=self.folder,
            env={**self.variables(), **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PROGRAM_SECONDS,
        )
        failure = done.stderr.strip().rpartition("\n")[2] if done.returncode else ""
        return (done.stdout + failure).strip()

    def variables(self) -> dict[str, str]:
        """Return the environment of a program."""
        return {
            key: value
            for key, value in os.environ.items()
            if key not in UNWANTED and key.lower() not in UNWANTED
        } | {"PYTHONUTF8": "1"}

    def both(self, name: str, *arguments: str, **options: object) -> str:
        """Run a program with both clients, and return what it printed: the same each time."""
        plain = self.run(name, "requests", *arguments, **options)  # type: ignore[arg-type]
        ours = self.run(name, "chatsdk", *arguments, **options)  # type: ignore[arg-type]
        assert ours == plain
        return ours


@pytest.fixture
def backend() -> Iterator[Backend]:
    """A backend in this process, where no environment can reach it."""
    with Backend() as backend:
        yield backend


@pytest.fixture
def programs(backend: Backend, tmp_path: Path) -> Programs:
    """Runs programs in an empty folder."""
    return Programs(backend, tmp_path)
