"""WSGI servers of other packages, which run ``programs/application.py``."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.error import URLError

__all__ = ["ask", "command_of", "running"]

PROGRAMS = Path(__file__).parent / "programs"

# Seconds for a server to start on a machine that does other things, too, and for one answer.
START_SECONDS = 30
ANSWER_SECONDS = 20


def command_of(server: str, port: int, *options: str) -> list[str]:
    """Return the command line of a server, with one worker process."""
    address = f"127.0.0.1:{port}"
    tool = str(Path(sys.executable).with_name(server))
    if server == "uwsgi":
        common = ["--master", "--processes", "1", "--need-app", "--die-on-term", "-H", sys.prefix]
        return [tool, "--http-socket", address, *common, "--module", "application:app", *options]
    if server == "waitress-serve":
        return [tool, f"--listen={address}", *options, "application:app"]
    return [tool, "--bind", address, "--workers", "1", *options, "application:app"]


@contextlib.contextmanager
def running(
    command: Sequence[str], port: int, variables: Mapping[str, str], log: Path
) -> Iterator[None]:
    """Run a server until the block ends; wait until it takes connections."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=PROGRAMS,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        # Servers listen before they have loaded the application, so this waits for an answer.
        for _ in range(START_SECONDS * 10):
            assert process.poll() is None, log.read_text(errors="replace")
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ask(port: int, prompt: str) -> str:
    """Return what the application answers to a prompt."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    url = f"http://127.0.0.1:{port}/{prompt.replace(' ', '-')}"
    try:
        with opener.open(url, timeout=ANSWER_SECONDS) as response:
            return str(response.read().decode())
    except (URLError, OSError) as error:
        return f"{type(error).__name__}: {error}"
