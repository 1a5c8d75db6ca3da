"""A server on the loopback for the backends' own clients, and Node for those of JavaScript."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from node import Node

from chatsdk.testing import ChatServer


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    return Node(tmp_path_factory.mktemp("node"))
