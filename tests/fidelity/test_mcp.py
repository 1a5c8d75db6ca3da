"""A server of MCP's own SDK answers chatsdk, and still writes what was recorded."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from reading import transcripts

from chatsdk import BackendError, ChatClient

pytest.importorskip("mcp.server.mcpserver")
uvicorn = pytest.importorskip("uvicorn")

from written_by_mcp import app, written  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")

TRANSCRIPTS = {item.name.removeprefix("mcp/"): item for item in transcripts("mcp")}


class Server(uvicorn.Server):
    """Print the port once it listens."""

    def __init__(self) -> None:
        super().__init__(uvicorn.Config(app("127.0.0.1"), port=0, log_level="error"))
        self.ready = threading.Event()

    async def startup(self, sockets=None):
        await super().startup(sockets)
        self.ready.set()

    @property
    def url(self) -> str:
        port = self.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}/mcp"


@pytest.fixture
def url() -> Iterator[str]:
    server = Server()
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert server.ready.wait(30)
        yield server.url
    finally:
        server.should_exit = True
        thread.join(30)


def test_the_recordings():
    """The server still writes the transcripts."""
    for name, body in written().items():
        assert body.encode() == TRANSCRIPTS[name].body


def test_a_call(url):
    """The address alone is enough to ask; progress is reasoning, and the result the text."""
    with ChatClient(url, defaults={"tool_name": "forecast"}) as client:
        stream = client.ask("Look")
        answer = stream.result()
        assert stream.outcome.end == "marker"
        assert answer.text == "It is calm 🙂"
        assert answer.reasoning == "Looking for Zürich\nAsking the station 🙂\n"
        with pytest.raises(BackendError, match="the station is closed"):
            client.ask("Break").result()
