"""A backend that streams, and real programs between it and the doctor."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from chatsdk.doctor import Report, diagnose
from chatsdk.testing import ChatServer, Pause, Send

# Seconds in which a program must listen.
START_SECONDS = 90.0

# Examinations of one program.
TRIES = 3

# Number of events, seconds between them, bytes of each.
PACES = {
    "3 x 5 ms": (3, 0.005, 40),
    "3 x 200 ms": (3, 0.2, 40),
    "12 x 200 ms": (12, 0.2, 40),
    "3 x 2 s": (3, 2.0, 40),
    "1,000 x 5 ms": (1000, 0.005, 40),
}


def paced(count: int, gap: float, size: int) -> list[object]:
    """The steps of a stream."""
    steps: list[object] = []
    for number in range(count):
        if number:
            steps.append(Pause(gap))
        steps.append(Send(f'data: {{"number": {number}, "text": "{"x" * size}"}}\n\n'))
    return steps


class Backend(ChatServer):
    """Streams at a pace, to every request."""

    def at_pace(self, name: str, **options: object) -> None:
        self._expected = []
        count, gap, size = PACES[name]
        self.stream(lambda _: paced(count, gap, size), repeat=True, **options)  # type: ignore[arg-type]


@pytest.fixture
def backend() -> Iterator[Backend]:
    with Backend() as server:
        server.at_pace("12 x 200 ms")
        yield server


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
    return port


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """A function that starts a program and waits until it listens; its address.

    ``run([...], port, files={name: text}, env={...})``; ``{folder}`` in arguments and files is the
    folder that the files are in.
    """
    with contextlib.ExitStack() as programs:

        def start(
            command: list[str],
            port: int,
            files: dict[str, str] | None = None,
            env: dict[str, str] | None = None,
            cwd: Path | None = None,
        ) -> str:
            folder = tmp_path / str(port)
            folder.mkdir()
            for name, text in (files or {}).items():
                (folder / name).write_text(text.replace("{folder}", str(folder)))
            if shutil.which(command[0]) is None:
                pytest.skip(f"{command[0]} is not installed")
            output = programs.enter_context(open(folder / "output", "wb"))
            process = subprocess.Popen(
                [word.replace("{folder}", str(folder)) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=cwd or folder,
                env=os.environ | (env or {}),
                start_new_session=True,
            )
            programs.callback(_stop, process)
            _wait_for(process, port, folder / "output")
            return f"http://127.0.0.1:{port}"

        yield start


def _wait_for(process: subprocess.Popen[bytes], port: int, output: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    pytest.fail(f"it does not listen: {output.read_text(errors='replace')[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    # Its own session: workers that it started are in it.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def examined(url: str, verdict: str = "streams", *findings: str) -> Report:
    """Return the doctor's report, which has this verdict and exactly these errors and warnings.

    The doctor judges by times. If this machine stalls between two events, they come together as
    from a proxy that holds them back; but it does not stall in each of three examinations.

    Args:
        url: the program's.
        verdict: the verdict.
        findings: the code of each, with its culprit after a colon if that matters.
    """
    for _ in range(TRIES):
        report = diagnose(url, {}, timeout=60)
        if report.verdict == verdict and fits(grave(report), findings):
            return report
    pytest.fail(f"not {verdict} with {findings}: {report.verdict}, {grave(report)}")


def fits(found: list[tuple[str, str | None]], findings: Sequence[str]) -> bool:
    """Whether the findings are the expected ones."""
    return len(found) == len(findings) and all(
        expected in (code, f"{code}: {culprit}")
        for (code, culprit), expected in zip(found, findings, strict=True)
    )


def grave(report: Report) -> list[tuple[str, str | None]]:
    """Code and culprit of each error and warning."""
    return [(one.code, one.culprit) for one in report.findings if one.severity != "info"]
