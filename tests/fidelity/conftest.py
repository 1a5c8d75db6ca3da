"""A server on the loopback for the backends' own clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chatsdk.testing import ChatServer


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server
