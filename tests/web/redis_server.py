"""A real Redis server of a test's own, which can be ended and started again."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

WAIT_SECONDS = 20


class RedisServer:
    """Redis on a free port of the loopback, without persistence unless it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        redis = pytest.importorskip("redis")
        program = shutil.which("redis-server")
        if program is None:
            pytest.skip("redis-server is not installed")
        command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        command += ["--dir", str(self._folder), "--appendonly", "no"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        retry: Any = redis.retry.Retry(redis.backoff.ConstantBackoff(0.02), 500)
        with redis.Redis(
            port=self.port, retry=retry, retry_on_error=[redis.ConnectionError]
        ) as client:
            client.ping()

    def kill(self) -> None:
        """End it without a word; what it held is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(WAIT_SECONDS)
            self._process = None
