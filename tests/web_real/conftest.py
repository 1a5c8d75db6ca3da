from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "web"), str(HERE.parent / "fidelity")]

from node import Node  # noqa: E402

from chatsdk.testing import ChatServer  # noqa: E402

# Clients of JavaScript, in fixed versions, because the tests check how they read a stream.
PACKAGES = (
    "ai@6.0.326",
    "@ai-sdk/react@3.0.328",
    "@microsoft/fetch-event-source@2.0.1",
    "eventsource@4.1.1",
    "react@19.3.1",
    "react-dom@19.3.1",
    "esbuild@0.28.2",
    "openai@6.49.0",
)


@pytest.fixture(scope="session")
def djangos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with Django 4.2 and 5.2; the environment's own is one of them."""
    import django

    given = os.environ.get("CHATSDK_DJANGO_42")
    folder = Path(given) if given else tmp_path_factory.mktemp("django")
    if given is None:
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder)]
        subprocess.run(
            [*install, "django>=4.2,<4.3"],
            check=True,
            timeout=100,
        )
    assert django.VERSION[:2] == (5, 2)
    return {"4.2": folder, "5.2": Path(django.__file__).parent.parent}


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    return Node(tmp_path_factory.mktemp("node"), PACKAGES, HERE)


@pytest.fixture
def backend() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server
