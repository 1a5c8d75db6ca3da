"""Errors of a wrong port or scheme name the host and port, and show what to write instead."""

from __future__ import annotations

import datetime
import os
import socket
import ssl
import subprocess
import sys

import pytest

from chatsdk import ChatClient, Retry, Timeout
from chatsdk.cli.remedies import in_one_line
from chatsdk.errors import (
    ChatError,
    ChatTimeout,
    ConnectError,
    HTTPStatusError,
    ProtocolError,
    StreamInterrupted,
)
from chatsdk.testing import (
    ChatServer,
    EmbeddedServer,
    ProxyServer,
    RefusingPort,
    UnansweredPort,
)
from chatsdk.transport.connect_errors import peer_of

ONCE = Retry(attempts=1)
LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)


def error_of(url: str, **options) -> ChatError:
    with ChatClient(url, dialect="openai", retry=ONCE, **options) as client:
        with pytest.raises(ChatError) as caught:
            client.send({})
    return caught.value


def test_refused_names_host_and_port() -> None:
    """With several backends in one program, the message shows which of them is down."""
    with RefusingPort() as port:
        error = error_of(port.url)
        peer = port.url.removeprefix("http://")
    assert isinstance(error, ConnectError)
    assert str(error) == f"{peer} refused the connection"


def test_unknown_name_is_shown() -> None:
    """A misspelt host is in the message, with the port."""
    error = error_of("http://no-such-host.invalid/chat?key=secret")
    assert "the host name no-such-host.invalid is unknown" in str(error)
    assert "secret" not in str(error)
    assert in_one_line(error).endswith("; check its spelling, and the network of this machine")


def test_refusing_proxy_is_shown() -> None:
    """If the proxy cannot be reached, its host and port are named and its password is not."""
    with RefusingPort() as port:
        address = port.url.removeprefix("http://")
        proxies = {"http": f"http://user:pass-word@{address}"}
        error = error_of("http://backend.invalid/", proxies=proxies)
    assert str(error) == f"the proxy {address} refused the connection; nothing was sent"


def test_unanswered_connect_names_the_peer() -> None:
    """A connect timeout names the host, and does not suggest asking again."""
    with UnansweredPort() as port:
        error = error_of(port.url, timeout=Timeout(connect=0.1))
        peer = port.url.removeprefix("http://")
    assert str(error) == f"could not connect to {peer} within 0.1 s (Timeout.connect)"
    assert "try again" not in in_one_line(error)


@pytest.mark.parametrize(
    ("greeting", "said"),
    [
        (b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80", "speaks only HTTP/2, as a gRPC port does"),
        (b"\r\nHTTP/1.1 200 OK\r\n\r\n", "is not an HTTP server: it answered an empty line"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "is not an HTTP server: it answered SSH-2.0-OpenSSH_9.2"),
    ],
)
def test_another_protocol_is_named(greeting, said) -> None:
    """The first bytes show that the port belongs to another protocol."""
    with ChatServer() as server:
        server.raw(greeting)
        error = error_of(server.url)
    assert isinstance(error, ProtocolError)
    assert said in str(error)
    assert str(error).endswith("; check the port")


def test_https_to_a_plain_server() -> None:
    """The embedded server answers a TLS handshake at once, and the message suggests http://."""
    with EmbeddedServer() as server:
        error = error_of(f"https://{server.host}:{server.port}/")
        assert isinstance(error, ConnectError)
        cure = "does not speak TLS; if it serves plain HTTP, write http:// instead of https://"
        assert str(error) == f"{server.host}:{server.port} {cure}"
        assert in_one_line(error) == str(error)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_hang_up_on_the_handshake(how) -> None:
    """A server that closes the connection on a TLS handshake may speak plain HTTP."""
    with ChatServer() as server:
        server.break_connection(how)
        error = error_of(f"https://{server.host}:{server.port}/")
    assert isinstance(error, ConnectError)
    assert "during the TLS handshake; if it serves plain HTTP, write http://" in str(error)


def test_silent_handshake() -> None:
    """A server that never answers the handshake is not called busy."""
    with ChatServer() as server:
        server.break_connection("silent")
        url = f"https://{server.host}:{server.port}/"
        error = error_of(url, timeout=Timeout(connect=0.2))
    assert isinstance(error, ChatTimeout)
    assert error.phase == "connect"
    assert str(error) == (
        f"{server.host}:{server.port} did not answer the TLS handshake within 0.2 s "
        "(Timeout.connect); if it serves plain HTTP, write http:// instead of https://"
    )
    assert in_one_line(error) == str(error)


GREETINGS = {
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
    "SMTP": b"220 mail.example.com ESMTP\r\n",
    "Redis": b"-ERR unknown command\r\n",
}


@pytest.mark.parametrize("greeting", GREETINGS.values(), ids=GREETINGS)
def test_not_an_http_server(greeting) -> None:
    """The error distinguishes a port of another protocol from a backend of another dialect."""
    with ChatServer() as server:
        server.raw(greeting)
        error = error_of(server.url)
    assert isinstance(error, ProtocolError)
    shown = greeting.decode().strip()
    peer = f"{server.host}:{server.port}"
    assert str(error) == f"{peer} is not an HTTP server: it answered {shown}; check the port"
    assert in_one_line(error) == str(error)


def test_a_greeting_steers_no_terminal() -> None:
    """Control characters of a greeting are shown as escapes."""
    with ChatServer() as server:
        server.raw(b"\x1b]0;title\x07 hello\r\n")
        error = error_of(server.url)
    assert "\x1b" not in str(error)


TLS_SERVERS = {
    "nginx": b"<title>400 The plain HTTP request was sent to HTTPS port</title>",
    "Apache": b"Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />",
    "Go": b"Client sent an HTTP request to an HTTPS server.\n",
    "Tomcat": b"Bad Request\nThis combination of host and port requires TLS.\n",
}


@pytest.mark.parametrize("body", TLS_SERVERS.values(), ids=TLS_SERVERS)
def test_http_to_a_tls_server_that_says_so(body) -> None:
    """The usual answers to plain HTTP on a port of TLS lead to https://."""
    with ChatServer() as server:
        server.reply(400, body=body, headers={"Content-Type": "text/html"})
        error = error_of(server.url)
    assert isinstance(error, HTTPStatusError)
    peer = f"{server.host}:{server.port}"
    assert f"{peer} expects TLS: write https:// instead of http://" in str(error)


def test_http_to_a_tls_server_that_sends_an_alert() -> None:
    """An alert of TLS in place of a response leads to https://."""
    with ChatServer() as server:
        server.raw(b"\x15\x03\x01\x00\x02\x02\x46")
        error = error_of(server.url)
    assert str(error).endswith("expects TLS: write https:// instead of http://")


def test_http_to_a_tls_server_that_hangs_up() -> None:
    """A real TLS server that only closes the connection: the message mentions https://."""
    pytest.importorskip("trustme")
    with ChatServer(tls=True) as server:
        error = error_of(f"http://{server.host}:{server.port}/")
    assert isinstance(error, (StreamInterrupted, ProtocolError))
    assert "write https://" in str(error)


def test_untrusted_certificate_names_the_peer() -> None:
    """The message of an untrusted certificate names its issuer."""
    pytest.importorskip("trustme")
    with ChatServer(tls=True) as server:
        error = error_of(server.url)
    assert f"the TLS certificate of {server.host}:{server.port} is not trusted" in str(error)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("127.0.0.1", {}, "is not trusted: verify= or REQUESTS_CA_BUNDLE names the file of its CA"),
        ("127.0.0.1", {"not_after": LONG_AGO}, "has expired, or this computer's clock is wrong"),
        ("elsewhere.test", {}, "is for another host name"),
    ],
)
def test_a_rejected_certificate_has_its_reason(tmp_path, name, options, said) -> None:
    """A proxy that inspects TLS, an old certificate and a wrong name need different cures."""
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, **options).configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    verify = True if "not trusted" in said else tmp_path / "ca.pem"
    with ChatServer(tls=context) as server:
        error = error_of(server.url, verify=verify)
        line = in_one_line(error)
    assert isinstance(error, ConnectError)
    assert f"the TLS certificate of {server.host}:{server.port} {said}" in str(error)
    assert line == str(error)


@pytest.mark.parametrize("option", ["verify", "cert", "REQUESTS_CA_BUNDLE", "missing"])
def test_a_wrong_certificate_file_is_named(tmp_path, monkeypatch, option) -> None:
    """A file that is not a certificate is not taken for a failed handshake."""
    path = tmp_path / "no.pem"
    if option != "missing":
        path.write_text("no certificate")
    options = {option: path} if option in ("verify", "cert") else {}
    if not options:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    with ChatServer(tls=True) as server:
        error = error_of(server.url, **options)
    assert isinstance(error, ConnectError)
    assert str(error).startswith("a certificate file cannot be read: check verify=, cert=")


def test_https_written_for_a_plain_proxy() -> None:
    """Most proxies speak plain HTTP, whatever they are asked to connect to."""
    with ProxyServer() as proxy:
        proxies = {"https": proxy.url.replace("http:", "https:")}
        error = error_of("https://backend.invalid/", proxies=proxies)
    assert isinstance(error, ConnectError)
    assert "does not speak TLS; write http:// instead of https:// in its address" in str(error)
    assert str(error).endswith("; nothing was sent")


NO_DESCRIPTORS = """
import os, resource, sys
from chatsdk import ChatClient, ConnectError, Retry
client = ChatClient(sys.argv[1], dialect="openai", retry=Retry(attempts=1))
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
try:
    while True:
        held.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
try:
    client.send({})
except ConnectError as error:
    print(error)
for number in held:
    os.close(number)
print(client.send({}).result().text)
"""


@pytest.mark.skipif(os.name != "posix", reason="the limit is one of POSIX systems")
def test_without_a_free_descriptor() -> None:
    """A process that has too many files open gets the client's own error, which loads nothing."""
    with ChatServer() as server:
        server.stream([b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\ndata: [DONE]\n\n'])
        done = subprocess.run(
            [sys.executable, "-c", NO_DESCRIPTORS, server.url],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.stderr == ""
    first, text = done.stdout.splitlines()
    assert "could not connect to" in first
    assert "Too many open files" in first
    assert text == "Hi"


def test_status_error_has_its_url() -> None:
    """`HTTPStatusError.url` is the URL without user, password and query."""
    with ChatServer() as server:
        server.reply(404)
        error = error_of(f"http://me:pass-word@{server.host}:{server.port}/some/path?key=sk-secret")
    assert isinstance(error, HTTPStatusError)
    assert error.url == f"{server.url}/some/path"


def test_a_server_of_plain_http_notices_a_handshake() -> None:
    """The test server hangs up on a TLS handshake without waiting for the end of a head."""
    with ChatServer() as server:
        with socket.create_connection((server.host, server.port), timeout=5) as sock:
            sock.sendall(b"\x16\x03\x01")
            assert sock.recv(100).startswith(b"HTTP/1.1 400")
        server.wait_until_no_connections()


def test_a_unix_socket_is_shown() -> None:
    """The host of another scheme is its own: for a unix socket the path."""
    assert peer_of("http+unix://%2Fvar%2Frun%2FModel.sock/v1/chat?key=secret") == (
        "/var/run/Model.sock"
    )
    assert peer_of("https://api.example.com/v1") == "api.example.com:443"
