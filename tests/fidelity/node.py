"""Programs for Node that stand beside the tests, and the packages of npm that they need."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, NoReturn

import pytest

__all__ = ["Node", "PACKAGES"]

# The versions that the transcripts and the table of the dialects speak of.
PACKAGES = ("ai@6.0.326", "eventsource-parser@3.1.1")

# Seconds; an installation takes three of them, a program less than one.
INSTALL_SECONDS = 300
RUN_SECONDS = 60


def _missing(what: str) -> NoReturn:
    """Leave the test out; where everything has to run, in CI, fail it."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


class Node:
    """Node with `PACKAGES`, installed below a folder; CHATSDK_NODE_MODULES names them elsewhere."""

    def __init__(self, folder: Path) -> None:
        self._node = shutil.which("node") or _missing("there is no node on this machine")
        given = os.environ.get("CHATSDK_NODE_MODULES")
        self._modules = Path(given) if given else folder / "node_modules"
        if given is None:
            npm = shutil.which("npm") or _missing("there is no npm on this machine")
            done = subprocess.run(
                [npm, "install", "--silent", "--no-audit", "--no-fund", *PACKAGES],
                cwd=folder,
                capture_output=True,
                timeout=INSTALL_SECONDS,
                check=False,
            )
            if done.returncode:
                said = done.stderr.decode(errors="replace").strip()
                _missing(f"npm could not install {' '.join(PACKAGES)}: {said[-300:]}")

    def run(self, program: str, *arguments: str) -> Any:
        """Run a program beside this file and return the JSON that it prints."""
        done = subprocess.run(
            [self._node, str(Path(__file__).parent / program), *arguments],
            env=os.environ | {"NODE_PATH": str(self._modules)},
            capture_output=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return json.loads(done.stdout)
