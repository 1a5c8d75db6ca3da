"""Ports that refuse or ignore connections."""

from __future__ import annotations

import contextlib
import socket
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["RefusingPort", "UnansweredPort"]

# Clients that fill the queue of a port: a queue of length 0 holds one, and on some systems a few
# more.
FILLERS = 8


class RefusingPort:
    """A port that refuses every connection; it stays reserved until `close`.

    `url` is its URL; a context manager.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._sockets = [socket.socket(socket.AF_INET, socket.SOCK_STREAM)]
        # Bound, but never listening.
        self._sockets[0].bind((host, 0))
        self.host: str
        self.port: int
        self.host, self.port = self._sockets[0].getsockname()

    @property
    def url(self) -> str:
        """The URL of the port, without a path."""
        return f"http://{self.host}:{self.port}"

    def close(self) -> None:
        """Free the port; twice is harmless."""
        while self._sockets:
            self._sockets.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class UnansweredPort(RefusingPort):
    """A port on which connecting neither succeeds nor fails, because its queue is full.

    This holds on Linux; other systems may refuse the connection instead.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__(host)
        self._sockets[0].listen(0)
        for _ in range(FILLERS):
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            filler.setblocking(False)
            self._sockets.append(filler)
            with contextlib.suppress(BlockingIOError):
                filler.connect((self.host, self.port))
