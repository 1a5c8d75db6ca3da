"""Programs that write transcripts with a backend's own server, each with its own packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TRANSCRIPTS = HERE.parent / "transcripts"

# Seconds to install the packages of a server, and to run it.
INSTALL_SECONDS = 600
RUN_SECONDS = 180


class Recorder:
    """Installs packages below a folder, and runs a program of this folder there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def node(self, program: str, *packages: str) -> dict[str, bytes]:
        """Run a program of Node's; return the transcripts that it wrote, by name."""
        for tool in ("node", "npm"):
            if shutil.which(tool) is None:
                pytest.skip(f"there is no {tool} on this machine")
        self._folder.joinpath("package.json").write_text("{}")
        quiet = ("--silent", "--no-audit", "--no-fund")
        self._run("npm", "install", *quiet, *packages, seconds=INSTALL_SECONDS)
        return self._written("node", str(HERE / program))

    def python(self, program: str, *packages: str) -> dict[str, bytes]:
        """Run a program of Python's; return the transcripts that it wrote, by name."""
        environment = self._folder / "environment"
        self._run(sys.executable, "-m", "venv", str(environment), seconds=INSTALL_SECONDS)
        python = str(environment / "bin" / "python")
        self._run(python, "-m", "pip", "install", "-q", *packages, seconds=INSTALL_SECONDS)
        return self._written(python, str(HERE / program))

    def _written(self, *command: str) -> dict[str, bytes]:
        output = self._folder / "written"
        output.mkdir()
        self._run(*command, str(output), seconds=RUN_SECONDS)
        return {path.stem: path.read_bytes() for path in sorted(output.glob("*.txt"))}

    def _run(self, *command: str, seconds: int) -> None:
        done = subprocess.run(
            command,
            cwd=self._folder,
            env=os.environ | {"PYTHONHASHSEED": "0"},
            capture_output=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path)


def check(dialect: str, written: dict[str, bytes]) -> None:
    """Compare what was written with the transcripts that are kept."""
    assert written
    for name, body in written.items():
        kept = (TRANSCRIPTS / dialect / f"{name}.txt").read_bytes()
        assert body == kept, name
