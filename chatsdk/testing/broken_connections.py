"""Connections that break before their first request."""

from __future__ import annotations

import ssl
from typing import Literal, NoReturn

from chatsdk.testing.connection import Connection, ConnectionEnded
from chatsdk.testing.waitable import WAIT_SECONDS, Waitable

__all__ = ["BreakKind", "BrokenConnection"]

BreakKind = Literal["close", "reset", "silent", "half-handshake", "not-tls"]
_KINDS = ("close", "reset", "silent", "half-handshake", "not-tls")


class BrokenConnection(Waitable):
    """Breaks one connection instead of serving it; also the handle to wait for facts.

    "close" and "reset" end the connection at once with a FIN or an RST; after the FIN the server
    waits for the client to leave. "silent" accepts it and sends nothing, so that a TLS handshake
    does not begin. "half-handshake" answers the client's hello with the first half of the server's
    and then sends nothing. "not-tls" answers the hello with bytes that are not TLS.
    """

    def __init__(self, kind: BreakKind) -> None:
        if kind not in _KINDS:
            raise ValueError(f"no way to break {kind!r}; there are {', '.join(_KINDS)}")
        super().__init__()
        self.kind = kind
        self._accepted = False
        self._halfway = False

    def wait_for_connection(self, timeout: float = WAIT_SECONDS) -> None:
        """Wait until the connection has been accepted; else TimeoutError."""
        self._wait(lambda: self._accepted, timeout, "no connection came")

    def wait_until_halfway(self, timeout: float = WAIT_SECONDS) -> None:
        """Wait until everything that this fault sends has been sent; else TimeoutError."""
        self._wait(lambda: self._halfway, timeout, "the client said nothing")

    def serve(self, connection: Connection, context: ssl.SSLContext | None) -> NoReturn:
        """Break the connection; called by the server. Always ends with ConnectionEnded."""
        self._note("_accepted")
        try:
            if self.kind == "reset":
                connection.close(reset=True)
            elif self.kind == "close":
                connection.end_output()
            elif self.kind != "silent":
                self._answer_hello(connection, context)
            self._note("_halfway")
            connection.wait_for_end()
        except ConnectionEnded as end:
            self.connection_ended(end)
            raise

    def _answer_hello(self, connection: Connection, context: ssl.SSLContext | None) -> None:
        hello = connection.read_some()
        if self.kind == "not-tls" or context is None:
            connection.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            return
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        while not outgoing.pending:
            incoming.write(hello)
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                if not outgoing.pending:
                    hello = connection.read_some()
        flight = outgoing.read()
        connection.send(flight[: len(flight) // 2])

    def _note(self, fact: str) -> None:
        with self._facts:
            setattr(self, fact, True)
            self._facts.notify_all()
