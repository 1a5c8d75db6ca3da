"""The servers that people deploy with, each as a separate process on a free port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
WAIT_SECONDS = 30

# How often something that has a time limit is tried.
ATTEMPTS = 5

GUNICORN = [sys.executable, "-m", "gunicorn", "--bind", "fd://{fd}", "--log-level", "warning"]
UVICORN = [sys.executable, "-m", "uvicorn", "--fd", "{fd}", "--log-level", "warning"]
UWSGI = [str(Path(sys.executable).parent / "uwsgi"), "--socket-protocol", "http"]
UWSGI += ["--socket", "fd://{fd}", "--disable-logging", "--need-app", "--master", "--die-on-term"]
UWSGI += ["--enable-threads", "--threads", "16", "--pythonpath", str(HERE)]
WAITRESS = [sys.executable, str(HERE / "with_waitress.py")]


class Server(NamedTuple):
    """How a server is started; ``{fd}`` is its listening socket, ``{port}`` its port."""

    command: list[str]
    django: str | None = None


# Chats of one test at once, and some more.
SERVERS = {
    "werkzeug": Server([sys.executable, str(HERE / "sites.py")]),
    "gthread": Server([*GUNICORN, "-k", "gthread", "--threads", "16", "sites:app_flask"]),
    "gevent": Server([*GUNICORN, "-k", "gevent", "sites:app_flask"]),
    "waitress": Server([*WAITRESS, "app_flask"]),
    "uwsgi": Server([*UWSGI, "--eval", "import sites; application = sites.app_flask"]),
    "starlette": Server([*UVICORN, "sites:app_starlette"]),
}
for _version in ("4.2", "5.2"):
    SERVERS |= {
        f"django-{_version}-uvicorn": Server([*UVICORN, "sites:app_django_asgi"], _version),
        f"django-{_version}-gthread": Server(
            [*GUNICORN, "-k", "gthread", "--threads", "16", "sites:app_django_wsgi"], _version
        ),
        f"django-{_version}-gevent": Server(
            [*GUNICORN, "-k", "gevent", "sites:app_django_wsgi"], _version
        ),
    }

ASGI = [name for name in SERVERS if "uvicorn" in name or name == "starlette"]


@contextmanager
def running(
    name: str, backend: str, folders: dict[str, Path], *more: str, **environment: Any
) -> Iterator[str]:
    """Run a server, and give its address.

    Args:
        name: one of `SERVERS`.
        backend: the address of the backend.
        folders: where each version of Django is.
        more: arguments that are added to the command.
        environment: variables that are added to it.
    """
    server = SERVERS[name]
    path = [str(HERE)]
    if server.django is not None:
        path.insert(0, str(folders[server.django]))
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
        port = listening.getsockname()[1]
        fd = listening.fileno()
        command = [part.format(fd=fd, port=port) for part in [*server.command, *more]]
        process = subprocess.Popen(
            command,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(path),
                "LISTEN_FD": str(fd),
                "BACKEND": backend,
                **{key: str(value) for key, value in environment.items()},
            },
            pass_fds=[fd],
            start_new_session=True,
        )
        try:
            yield f"http://127.0.0.1:{port}"
            assert process.poll() is None, f"{name} ended with {process.poll()}"
        finally:
            end(process)


def end(process: subprocess.Popen[Any]) -> None:
    """End a server and its workers."""
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(3)
    # The workers are in the group that was made for this server.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(WAIT_SECONDS)


def once_within(seconds: float, attempt: Callable[[], float]) -> None:
    """Assert that one of a few attempts takes at most so many seconds.

    This machine may stall in one of them, but not in each.

    Args:
        seconds: the limit.
        attempt: does it once, and returns the seconds that it took.
    """
    took = []
    for _ in range(ATTEMPTS):
        took.append(attempt())
        if took[-1] < seconds:
            return
    raise AssertionError(f"none within {seconds} s: {took}")


now = time.monotonic
