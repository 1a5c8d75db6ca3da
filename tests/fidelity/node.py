"""Programs for Node in this folder, and the npm packages that they need."""

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

# Nothing but the packages, and no long wait where it cannot be.
QUICK = ("--silent", "--no-audit", "--no-fund", "--fetch-retry-mintimeout=500")
QUICK += ("--fetch-retries=3", "--fetch-retry-factor=2")

# Seconds; an installation takes three of them, a program less than one.
INSTALL_SECONDS = 50
RUN_SECONDS = 60


def _missing(what: str) -> NoReturn:
    """Leave the test out; where everything has to run, in CI, fail it."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def _install(folder: Path, packages: tuple[str, ...]) -> None:
    """Install packages below a folder, with the first npm that can."""
    environment = dict(os.environ)
    if "SSL_CERT_FILE" in environment:
        # Node does not look there by itself.
        environment.setdefault("NODE_EXTRA_CA_CERTS", environment["SSL_CERT_FILE"])
    said = "there is no npm on this machine"
    # One that came with a virtual environment does not know the settings of the machine's own.
    for place in os.get_exec_path():
        npm = shutil.which("npm", path=place)
        if npm is None:
            continue
        done = subprocess.run(
            [npm, "install", *QUICK, *packages],
            cwd=folder,
            # The program for this Node.
            env=environment | {"PATH": os.pathsep.join((place, *os.get_exec_path()))},
            capture_output=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
        if not done.returncode:
            return
        words = done.stderr.decode(errors="replace").strip()
        said = f"npm could not install {' '.join(packages)}: {words[-300:]}"
    _missing(said)


class Node:
    """Node with packages, installed below a folder; CHATSDK_NODE_MODULES names them elsewhere.

    Args:
        folder: where to install.
        packages: of npm, with their versions.
        programs: the folder of the programs to run.
    """

    def __init__(
        self,
        folder: Path,
        packages: tuple[str, ...] = PACKAGES,
        programs: Path = Path(__file__).parent,
    ) -> None:
        self._programs = programs
        self._node = shutil.which("node") or _missing("there is no node on this machine")
        given = os.environ.get("CHATSDK_NODE_MODULES")
        self._modules = Path(given) if given else folder / "node_modules"
        if given is None:
            _install(folder, packages)

    def run(self, program: str, *arguments: str) -> Any:
        """Run a program and return the JSON that it prints."""
        done = subprocess.run(
            [self._node, str(self._programs / program), *arguments],
            env=os.environ | {"NODE_PATH": str(self._modules)},
            capture_output=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return json.loads(done.stdout)
