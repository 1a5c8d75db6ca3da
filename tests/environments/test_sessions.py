"""Sessions of other packages, given as ``http=``."""

from __future__ import annotations

import hashlib
import re
import selectors
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from backend import TEXT
from rows import Row

ROWS = [
    Row("google-auth", ("google-auth",), "`AuthorizedSession`"),
    Row(
        "requests-oauthlib",
        ("requests-oauthlib",),
        "`OAuth2Session`, with a token that it refreshes, and `OAuth1Session`",
    ),
    Row("authlib", ("authlib",), "`OAuth2Session`"),
    Row(
        "requests-unixsocket",
        ("requests-unixsocket",),
        "an answer over a unix socket, a silence, `stop()`, a missing socket",
        "`ChatClient('http+unix://...', http=requests_unixsocket.Session())`",
    ),
    Row("requests-aws4auth", ("requests-aws4auth",), "the signature covers the body that is sent"),
]


@pytest.mark.parametrize("package", ["google", "requests_oauthlib", "refreshing", "authlib"])
def test_bearer(programs, backend, package):
    """The backend gets the token that the session has, or fetched."""
    assert programs.both("signing", package).startswith(TEXT)
    chats = [item for item in backend.server.requests if item.path != "/token"]
    sent = {item.headers["authorization"] for item in chats}
    assert sent == {"Bearer fresh" if package == "refreshing" else "Bearer ya29.token"}


def test_oauth1(programs, backend):
    """The request is signed."""
    assert programs.both("signing", "oauth1").startswith(TEXT)
    assert all(
        item.headers["authorization"].startswith("OAuth ") for item in backend.server.requests
    )


def test_aws(programs, backend):
    """The signature is of the body that was sent."""
    assert programs.both("signing", "aws").startswith(TEXT)
    for request in backend.server.requests:
        assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 ")
        assert request.headers["x-amz-content-sha256"] == hashlib.sha256(request.body).hexdigest()
        assert re.search(
            "SignedHeaders=[^,]*x-amz-content-sha256", request.headers["authorization"]
        )


@contextmanager
def forwarded(path: Path, port: int) -> Iterator[None]:
    """Listen on a unix socket, and pass on what comes there to a port, and back."""
    ended, stop = socket.socketpair()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    peers: dict[socket.socket, socket.socket] = {}

    def serve() -> None:
        with selectors.DefaultSelector() as ready:
            for item in (listener, ended):
                ready.register(item, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    if key.fileobj is ended:
                        return
                    if key.fileobj is listener:
                        one, other = (
                            listener.accept()[0],
                            socket.create_connection(("127.0.0.1", port)),
                        )
                        peers[one], peers[other] = other, one
                        for item in (one, other):
                            ready.register(item, selectors.EVENT_READ)
                        continue
                    source = key.fileobj
                    assert isinstance(source, socket.socket)
                    if source not in peers:
                        continue
                    if data := source.recv(65536):
                        peers[source].sendall(data)
                        continue
                    for item in (source, peers[source]):
                        ready.unregister(item)
                        item.close()
                    del peers[peers.pop(source)]

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        stop.close()
        thread.join()
        for item in (listener, ended, *peers):
            item.close()


def test_unix_socket(programs, backend):
    """A backend on a unix socket answers, its silence is limited, and its absence is an error."""
    # The path of a unix socket has about 100 characters at most; pytest's folders are longer.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "backend"
        url = f"http+unix://{quote(str(path), safe='')}/v1/chat/completions"
        with forwarded(path, backend.server.port):
            assert programs.both("unix_socket", "fast", url=url) == f"{TEXT} in time"
            assert programs.both("unix_socket", "silent", url=url) == "an error of the wire in time"
        path.unlink()
        assert programs.both("unix_socket", "fast", url=url) == "an error of the wire in time"
