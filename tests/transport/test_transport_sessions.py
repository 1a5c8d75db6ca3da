"""Sessions, adapters and responses of other packages take part in a request."""

from __future__ import annotations

import io
import os
import socket
import ssl
import threading
import time

import pytest
import requests
import trustme
import urllib3
from provoking import CHUNK, HELLO, Reader
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from chatsdk import ChatClient, ChatTimeout, HTTPStatusError, Timeout
from chatsdk.testing import ChatServer

EVENTS = b"".join(HELLO)


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


# --- bodies ---------------------------------------------------------------------------------------


class Blocks:
    """Has `read` with a size, and nothing else."""

    def __init__(self, file):
        self._file = file
        self.asked = []

    def read(self, size):
        self.asked.append(size)
        return self._file.read(size)

    def close(self):
        self._file.close()


class Lines(Blocks):
    """Has `readline`, too."""

    def readline(self, size):
        return self._file.readline(size)


class OnlyPieces:
    """A response that has no file, but gives its body in pieces."""

    status_code = 200
    request = None

    def __init__(self, file):
        self.headers = {"Content-Type": "text/event-stream"}
        self._file = file

    def iter_content(self, chunk_size=1, decode_unicode=False):
        while piece := self._file.read(chunk_size):
            yield piece

    def close(self):
        self._file.close()


class Reread(requests.Response):
    """A response that decodes its body itself."""

    def iter_content(self, chunk_size=1, decode_unicode=False):
        for piece in super().iter_content(chunk_size):
            yield piece.swapcase()


def with_raw(kind=requests.Response):
    def respond(raw):
        response = kind()
        response.status_code = 200
        response.headers["Content-Type"] = "text/event-stream"
        response.raw = raw
        return response

    return respond


def consumed(raw):
    response = with_raw()(raw)
    assert response.content
    return response


def of_urllib3(file):
    return with_raw()(urllib3.HTTPResponse(file, preload_content=False))


BODIES = {
    "a file": with_raw(),
    "urllib3's": of_urllib3,
    "urllib3's over blocks": lambda file: of_urllib3(Blocks(file)),
    "blocks": lambda file: with_raw()(Blocks(file)),
    "lines": lambda file: with_raw()(Lines(file)),
    "pieces": OnlyPieces,
}


class Handing(requests.Session):
    """A session whose `send` returns whatever it likes."""

    def __init__(self, respond):
        super().__init__()
        self._respond = respond

    def send(self, request, **options):
        return self._respond()


@pytest.mark.parametrize("respond", BODIES.values(), ids=BODIES)
def test_a_body_of_any_kind_is_read(respond):
    """To its end, whatever it can be read with."""
    with Handing(lambda: respond(io.BytesIO(EVENTS))) as http:
        with ChatClient("http://backend.test/", dialect="openai", http=http) as client:
            assert client.send({}).result().text == "Hello"


@pytest.mark.parametrize("respond", BODIES.values(), ids=BODIES)
def test_a_body_of_any_kind_streams(respond):
    """An event is given as soon as the file beneath has it, though a large read would wait."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as file, os.fdopen(writing, "wb", 0) as writer:
        with Handing(lambda: respond(file)) as http:
            with ChatClient("http://backend.test/", dialect="openai", http=http) as client:
                stream = client.send({})
                writer.write(HELLO[0])
                assert next(stream).text == "Hel"
                writer.write(b"".join(HELLO[1:]))
                writer.close()
                assert stream.result().text == "Hello"


def test_a_body_that_a_hook_has_read():
    """The data that a hook has read is still there."""
    with Handing(lambda: consumed(io.BytesIO(EVENTS))) as http:
        with ChatClient("http://backend.test/", dialect="openai", http=http) as client:
            assert client.send({}).result().text == "Hello"


def test_a_response_that_decodes_its_body_itself():
    """Its own `iter_content` is used."""
    with Handing(lambda: with_raw(Reread)(io.BytesIO(EVENTS.swapcase()))) as http:
        with ChatClient("http://backend.test/", dialect="openai", http=http) as client:
            assert client.send({}).result().text == "Hello"


# --- hooks, tokens, users' own header fields ------------------------------------------------------


def test_the_hooks_of_a_session_are_called(server):
    """Ours does not replace them, and a redirect's location is given back to its response."""
    seen = []
    server.redirect("/new")
    with requests.Session() as http:
        http.hooks["response"].append(lambda response, **_: seen.append(response))
        with ChatClient(server.url, http=http) as client, pytest.raises(HTTPStatusError):
            client.send({})
    assert [response.headers["location"] for response in seen] == ["/new"]


def test_a_session_that_caches_may_store_the_answer(server):
    """It stores responses if its user wants that; other caches are asked not to."""
    for cache, sent in (({}, None), (None, "no-store")):
        server.stream(HELLO)
        with requests.Session() as http:
            if cache is not None:
                http.cache = cache
            with ChatClient(server.url, dialect="openai", http=http) as client:
                client.send({}).result()
        assert server.requests[-1].headers.get("cache-control") == sent


class Signing(requests.Session):
    """Asks for a token before each request, over itself, and puts it into the header."""

    def __init__(self, address):
        super().__init__()
        self._address = address

    def request(self, method, url, headers=None, **options):
        token = super().request("GET", self._address, timeout=10).text
        headers = {**(headers or {}), "Authorization": f"Bearer {token}"}
        return super().request(method, url, headers=headers, **options)


def test_a_session_that_fetches_a_token_first(server):
    """Its request for the token does not count as the one that was sent."""
    with Signing(f"{server.url}/token") as http:
        server.reply(body="t0ken-of-the-session", path="/token", repeat=True)
        server.stream(HELLO, path="/chat")
        with ChatClient(
            f"{server.url}/chat", dialect="openai", http=http, exact_url=True
        ) as client:
            assert client.send({}).result().text == "Hello"
        assert server.requests[-1].headers["authorization"] == "Bearer t0ken-of-the-session"


def test_a_token_goes_before_that_of_a_session_that_signs(server):
    """An explicit `token=` is what is sent."""
    with Signing(f"{server.url}/token") as http:
        server.reply(body="t0ken-of-the-session", path="/token", repeat=True)
        server.stream(HELLO, path="/chat")
        options = {"dialect": "openai", "http": http, "token": "mine-0123", "exact_url": True}
        with ChatClient(f"{server.url}/chat", **options) as client:
            client.send({}).result()
        assert server.requests[-1].headers["authorization"] == "Bearer mine-0123"


# --- other schemes --------------------------------------------------------------------------------


class ElsewhereConnection(HTTPConnection):
    """Makes its socket itself, as that of a unix socket does."""

    def connect(self):

        self.sock = socket.create_connection(("127.0.0.1", self.to), self.timeout)


class ElsewherePool(HTTPConnectionPool):
    def _new_conn(self):
        connection = ElsewhereConnection("localhost")
        connection.to = self.to
        return connection


class ElsewhereAdapter(HTTPAdapter):
    """Sends ``test+http://PORT/path`` to a port of this machine."""

    def __init__(self, port):
        super().__init__()
        self._pool = ElsewherePool("localhost")
        self._pool.to = port

    def get_connection_with_tls_context(self, request, verify, proxies=None, cert=None):
        return self._pool

    def request_url(self, request, proxies):
        return "/chat"

    def close(self):
        self._pool.close()


@pytest.fixture
def elsewhere(server):
    """A client over an adapter with its own scheme."""
    with requests.Session() as http:
        http.mount("test+http://", ElsewhereAdapter(server.port))

        def client(**options):
            return ChatClient("test+http://socket/chat", dialect="openai", http=http, **options)

        yield client


def test_a_scheme_that_the_session_knows(server, elsewhere):
    """Its adapter is used, and its connection kept."""
    with elsewhere() as client:
        for _ in range(2):
            server.stream(HELLO)
            assert client.send({}).result().text == "Hello"
    assert server.connections == 1


@pytest.mark.parametrize("head", [False, True])
def test_a_stop_over_a_scheme_of_its_own(server, elsewhere, head):
    """Also while the response's head is awaited."""
    silent = server.silent(head=head)
    with elsewhere() as client:
        reader = Reader(client)
        silent.wait_for_request()
        reader.stopped()
        silent.wait_for_disconnect()


def test_the_deadlines_over_a_scheme_of_its_own(server, elsewhere):
    """The first event, silence and the total."""
    for phase in ("first_event", "idle", "total"):
        server.silent(head=True, body=b"" if phase == "first_event" else CHUNK % b"Hi")
        begun = time.monotonic()
        with elsewhere(timeout=Timeout(**{phase: 0.3})) as client:
            with pytest.raises(ChatTimeout) as caught:
                client.send({}).result()
        assert caught.value.phase == phase
        assert 0.25 < time.monotonic() - begun < 2


def test_a_scheme_that_no_session_knows():
    """The error names a package with an adapter for it."""
    with requests.Session() as http:
        for session in (None, http):
            with pytest.raises(ValueError, match=r"http=requests_unixsocket\.Session\(\)"):
                ChatClient("http+unix://%2Ftmp%2Fmodel.sock/v1", http=session)
            with pytest.raises(ValueError, match="an adapter for it is mounted"):
                ChatClient("gopher://127.0.0.1/", http=session)


# --- a client certificate -------------------------------------------------------------------------


class Trusting:
    """An authority whose servers ask for a certificate of its clients."""

    def __init__(self, folder):
        self.authority = trustme.CA()
        self.path = str(folder / "ca.pem")
        self.authority.cert_pem.write_to_path(self.path)
        issued = self.authority.issue_cert("client@backend.test")
        self.both = str(folder / "both.pem")
        issued.private_key_and_cert_chain_pem.write_to_path(self.both)
        self.certificate = str(folder / "client.crt")
        issued.cert_chain_pems[0].write_to_path(self.certificate)
        self.key = str(folder / "client.key")
        issued.private_key_pem.write_to_path(self.key)

    def serve(self, listener):
        """Answer one request of a client that shows its certificate; return its subject."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("127.0.0.1").configure_cert(context)
        self.authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
        plain, _ = listener.accept()
        with context.wrap_socket(plain, server_side=True) as sock:
            sock.recv(65536)
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            sock.sendall(head + b"Content-Length: %d\r\n\r\n" % len(EVENTS) + EVENTS)
            sock.recv(1)


@pytest.mark.parametrize("form", ["one file", "two files"])
@pytest.mark.parametrize("mine", [False, True])
def test_a_client_certificate(tmp_path, form, mine):
    """It is shown to a server that asks for one, as in requests."""

    trusting = Trusting(tmp_path)
    cert = trusting.both if form == "one file" else (trusting.certificate, trusting.key)
    http = requests.Session() if mine else None
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=trusting.serve, args=(listener,))
        serving.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        options = {"dialect": "openai", "verify": trusting.path, "cert": cert, "http": http}
        with ChatClient(url, **options) as client:
            assert client.send({}).result().text == "Hello"
        if http is not None:
            http.close()
        serving.join(10)


def test_a_client_certificate_that_is_missing(tmp_path):
    """The complaint names the file, and comes before anything is sent."""
    with pytest.raises(ValueError, match=r"no\.pem"):
        ChatClient("https://127.0.0.1:1/", cert=str(tmp_path / "no.pem"))
    for wrong in (7, (), ("a", "b", "c"), ("a", 7)):
        with pytest.raises(TypeError, match="cert is a path"):
            ChatClient("https://127.0.0.1:1/", cert=wrong)
