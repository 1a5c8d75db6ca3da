from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator

import pytest
from raw_client import POST, ask, dial, read_all

from chatsdk.testing import Authority, ChatServer

pytest.importorskip("trustme")


@pytest.fixture(scope="module")
def authority() -> Iterator[Authority]:
    authority = Authority()
    yield authority
    authority.close()


@pytest.fixture
def server(authority: Authority) -> Iterator[ChatServer]:
    with ChatServer(tls=authority) as server:
        yield server


def dial_tls(server: ChatServer, *, ragged: bool = True) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=server.ca_pem)
    return context.wrap_socket(
        dial(server), server_hostname="localhost", suppress_ragged_eofs=ragged
    )


def read_records(sock: ssl.SSLSocket) -> None:
    while socket.socket.recv(sock, 1000):
        pass


def test_tls_answers(server: ChatServer) -> None:
    """A TLS server answers a client that trusts its authority, on several requests."""
    server.reply(body="one")
    server.stream(["two"])
    assert server.url.startswith("https://127.0.0.1:")
    with dial_tls(server) as sock:
        sock.sendall(POST)
        assert sock.recv(1000).endswith(b"one")
        sock.sendall(POST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        assert read_all(sock).endswith(b"3\r\ntwo\r\n0\r\n\r\n")
    assert [request.connection for request in server.requests] == [1, 1]


def test_own_authority() -> None:
    """A server may make its own authority, whose file lives as long as the server."""
    with ChatServer(tls=True) as server:
        server.reply(body="ok")
        path = server.ca_pem
        with dial_tls(server) as sock:
            sock.sendall(POST)
            assert sock.recv(1000).endswith(b"ok")
    assert not os.path.exists(path)


def test_own_context(authority: Authority) -> None:
    """A server takes any context, and then knows no authority."""
    with ChatServer(tls=authority.server_context("localhost")) as server:
        server.reply(body="ok")
        with pytest.raises(ValueError, match="tls=True"):
            server.ca_pem  # noqa: B018
        context = authority.client_context()
        with context.wrap_socket(dial(server), server_hostname="localhost") as sock:
            sock.sendall(POST)
            assert sock.recv(1000).endswith(b"ok")


def test_stranger_is_noted(server: ChatServer) -> None:
    """A client that does not trust the authority fails, and the server notes it and goes on."""
    with dial(server) as sock, pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context().wrap_socket(sock, server_hostname="localhost")
    server.wait_until_no_connections()
    assert isinstance(server.errors[0], ssl.SSLError)
    with dial(server) as sock, contextlib.suppress(ConnectionResetError):
        sock.sendall(POST)
        read_all(sock)
    server.reply(body="ok")
    with dial_tls(server) as tls:
        tls.sendall(POST)
        assert tls.recv(1000).endswith(b"ok")


def test_proper_end_has_a_close_notify(server: ChatServer) -> None:
    """A close-delimited body that is whole ends with a close_notify."""
    server.stream(["x"], framing="close")
    with dial_tls(server, ragged=False) as sock:
        sock.sendall(POST)
        assert read_all(sock).endswith(b"\r\n\r\nx")


def test_cut_has_no_close_notify(server: ChatServer) -> None:
    """A cut under TLS is a FIN without close_notify."""
    server.cut_after(1, "xy", framing="close")
    with dial_tls(server, ragged=False) as sock:
        sock.sendall(POST)
        with pytest.raises(ssl.SSLEOFError):
            read_all(sock)


def test_tls_reset(server: ChatServer) -> None:
    """A cut under TLS may be an RST."""
    server.cut_after(1, "xy", how="reset")
    with dial_tls(server) as sock:
        sock.sendall(POST)
        # Below the TLS layer, which reports an RST as the end of the data.
        with pytest.raises(ConnectionResetError):
            read_records(sock)


@pytest.mark.parametrize("polite", [True, False])
def test_tls_disconnect_is_seen(server: ChatServer, polite) -> None:
    """A TLS client that leaves is seen, with and without a close_notify."""
    script = server.stream()
    sock = dial_tls(server)
    sock.sendall(POST)
    script.wait_for_request()
    if polite:
        sock.setblocking(False)
        with pytest.raises((ssl.SSLWantReadError, ssl.SSLError)):
            sock.unwrap()
    else:
        sock.close()
    assert script.wait_for_disconnect() > 0
    sock.close()


def test_close_wakes_blocked_tls(server: ChatServer) -> None:
    """close() ends a TLS stream that is not read, and a handshake that never begins."""
    script = server.stream(b"x" * 65_536 for _ in range(10_000))
    with dial_tls(server) as sock, dial(server):
        sock.sendall(POST)
        script.wait_for_request()
        server.wait_for_connections(2)
        server.close()
    script.wait_until_ended(timeout=0)
    assert server.open_connections == 0


def begin_handshake(server: ChatServer, *, timeout: float = 0.1) -> ssl.SSLSocket:
    sock = dial(server)
    sock.settimeout(timeout)
    context = ssl.create_default_context(cafile=server.ca_pem)
    return context.wrap_socket(sock, server_hostname="localhost", do_handshake_on_connect=False)


@pytest.mark.parametrize("how", ["silent", "half-handshake"])
def test_handshake_that_never_ends(server: ChatServer, how) -> None:
    """A handshake may never begin, or stop half-way, until the client goes."""
    broken = server.break_connection(how)
    with begin_handshake(server) as sock:
        with pytest.raises(TimeoutError):
            sock.do_handshake()
        broken.wait_for_connection()
        broken.wait_until_halfway()
    assert broken.wait_for_disconnect() > 0


def test_half_a_handshake_says_something(server: ChatServer) -> None:
    """Half a handshake is the beginning of a TLS record."""
    broken = server.break_connection("half-handshake")
    outgoing = ssl.MemoryBIO()
    hello = ssl.create_default_context().wrap_bio(
        ssl.MemoryBIO(), outgoing, server_hostname="localhost"
    )
    with pytest.raises(ssl.SSLWantReadError):
        hello.do_handshake()
    with dial(server) as sock:
        sock.sendall(outgoing.read())
        assert sock.recv(10_000)[:2] == b"\x16\x03"
        broken.wait_until_halfway()
    broken.wait_for_disconnect()


@pytest.mark.parametrize("how", ["close", "not-tls"])
def test_handshake_that_fails(server: ChatServer, how) -> None:
    """A handshake may fail at once: hung up, or answered in another language."""
    broken = server.break_connection(how)
    with begin_handshake(server, timeout=10) as sock, pytest.raises(ssl.SSLError):
        sock.do_handshake()
    broken.wait_until_ended()


def test_connection_that_is_reset(server: ChatServer) -> None:
    """A connection may be reset as soon as it is there."""
    broken = server.break_connection("reset")
    # It may come while the connection is still being made.
    with pytest.raises(ConnectionResetError), dial(server) as sock:
        sock.recv(1)
    with pytest.raises(ConnectionError, match="closed here"):
        broken.wait_for_disconnect()


def test_broken_plain_connection() -> None:
    """Only the next connection breaks; those after it are sound. Plain servers break too."""
    with ChatServer() as server:
        server.reply(body="ok")
        broken = server.break_connection("close")
        with dial(server) as sock:
            assert sock.recv(1) == b""
        broken.wait_for_disconnect()
        assert ask(server).endswith(b"ok")
        with pytest.raises(ValueError, match="half-handshake"):
            server.break_connection("vanish")  # type: ignore[arg-type]


def test_without_trustme() -> None:
    """Without trustme the error names the extra that brings it."""
    code = (
        "import sys; sys.modules['trustme'] = None\n"
        "from chatsdk.testing import ChatServer\n"
        "ChatServer().close()\n"
        "try:\n    ChatServer(tls=True)\n"
        "except ImportError as exc:\n    print(exc)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert "pip install trustme" in done.stdout
