"""The pytest plugin: fixtures `chat_server` and `chat_recording`, option ``--chat-record``."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from chatsdk.testing import ChatServer

__all__ = ["chat_recording", "chat_server", "pytest_addoption"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--chat-record``."""
    parser.getgroup("chatsdk").addoption(
        "--chat-record",
        action="store_true",
        default=False,
        help="pass the requests of chat_recording on to the real backends, and record the "
        "responses again, secrets masked",
    )


@pytest.fixture
def chat_server() -> Iterator[ChatServer]:
    """A new `chatsdk.testing.ChatServer`."""
    from chatsdk.testing import ChatServer

    with ChatServer() as server:
        yield server


@pytest.fixture
def chat_recording(request: pytest.FixtureRequest) -> Iterator[Callable[..., ChatServer]]:
    """A function ``chat_recording(file, url)`` that returns a server.

    The server plays the recording `file`, next to the test file. With ``--chat-record`` it forwards
    each request to the backend at `url` and records the response in `file`.
    """
    from chatsdk.testing import RelayServer, replay

    beside = Path(request.path).parent
    record = request.config.getoption("--chat-record")
    with contextlib.ExitStack() as servers:

        def serve(file: str | os.PathLike[str], url: str, *, speed: float = 0) -> ChatServer:
            path = beside / file
            if record:
                path.parent.mkdir(parents=True, exist_ok=True)
                return servers.enter_context(RelayServer(url, record=path))
            if not path.exists():
                pytest.fail(
                    f"there is no recording {path.name} beside this test: run pytest with "
                    f"--chat-record once, which asks {_shown(url)} and writes it",
                    pytrace=False,
                )
            return servers.enter_context(replay(path, speed))

        yield serve


def _shown(url: str) -> str:
    from chatsdk.transport import shown_url

    return shown_url(url)
