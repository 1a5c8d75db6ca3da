"""Real windows, without a screen: a display of Xvfb for Tk, Qt's own offscreen one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from applications import Threads

from chatsdk.testing import ChatServer

# Before any Qt is loaded.
os.environ["QT_QPA_PLATFORM"] = "offscreen"


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


@pytest.fixture
def artefact(request, tmp_path) -> Path:
    """The file for the picture of this test, in the folder CHATSDK_ARTEFACTS, if it is set."""
    folder = Path(os.environ.get("CHATSDK_ARTEFACTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{request.path.stem}-{request.node.name}.png".replace("test_", "")


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """A separate display for the tests of Tk."""
    if shutil.which("Xvfb") is None or shutil.which("xdotool") is None:
        missing = "needs Xvfb and xdotool: apt-get install xvfb xdotool"
        # In these tests, a window that was never opened does not work.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    reading, writing = os.pipe()
    command = [
        "Xvfb",
        "-displayfd",
        str(writing),
        "-screen",
        "0",
        "1000x700x24",
        "-nolisten",
        "tcp",
    ]
    process = subprocess.Popen(
        command, pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as pipe:
            # Xvfb writes the number once it takes connections; nothing, if it cannot.
            number = pipe.readline().strip()
        assert number, "Xvfb did not start"
        os.environ["DISPLAY"] = f":{number}"
        yield os.environ["DISPLAY"]
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def threads() -> Threads:
    return Threads()
