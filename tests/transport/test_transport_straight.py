"""The way past urllib3 to a body ends as the way through it does."""

from __future__ import annotations

import io
from functools import partial

import pytest
import urllib3
from scripted_socket import CHUNKED, HEAD, WholeSocket, chunk

from chatsdk.transport.http1.body import body_reader
from chatsdk.transport.http1.chunked import CoalescingResponse

EVENT = b"data: Hi\n\n"
END = b"0\r\n\r\n"


class Connection:
    """Notes whether it is given back or closed."""

    def __init__(self):
        self.said = []

    def close(self):
        self.said.append("closed")


class Pool:
    def __init__(self, connection):
        self.connection = connection

    def __repr__(self):
        return "a pool"

    def _put_conn(self, connection):
        assert connection is self.connection
        connection.said.append("given back")


def opened(pieces, *, ends=True):
    wire = WholeSocket(pieces, ends=ends)
    response = CoalescingResponse(wire, method="POST")
    response.begin()
    connection = Connection()
    raw = urllib3.HTTPResponse(
        response,
        headers=dict(response.getheaders()),
        preload_content=False,
        original_response=response,
        connection=connection,
        pool=Pool(connection),
    )
    return wire, raw, connection.said


def passes(reader):
    """Whether it is the way past urllib3."""
    return reader.__name__ == "past"


def all_of(read, said):
    """Each piece, what was said of the connection by then, and what it ended with."""
    found = []
    try:
        while piece := read():
            found.append((piece, list(said)))
    except Exception as error:
        return [*found, type(error), str(error), type(error.__cause__)], list(said)
    return found, list(said)


BODIES = {
    "whole": (CHUNKED, chunk(EVENT), chunk(EVENT) * 2, END),
    "whole, the end at once": (CHUNKED + chunk(EVENT) + END,),
    "whole, the end with the last": (CHUNKED, chunk(EVENT), chunk(EVENT) + END),
    "whole, and more": (CHUNKED, chunk(EVENT), END + b"HTTP/1.1 200 OK"),
    "trailers": (CHUNKED, chunk(EVENT), b"0\r\nX: y\r\n\r\n"),
    "cut in a chunk": (CHUNKED, chunk(EVENT), b"20\r\ndata"),
    "cut in a size": (CHUNKED, chunk(EVENT), b"2"),
    "cut between chunks": (CHUNKED, chunk(EVENT)),
    "no CRLF": (CHUNKED, chunk(EVENT), b"2\r\nabcd\r\n"),
    "no size": (CHUNKED, chunk(EVENT), b"x\r\n"),
    "nothing": (CHUNKED, END),
    "close-delimited": (HEAD + b"\r\n", EVENT, EVENT),
    "close-delimited, nothing": (HEAD + b"\r\n",),
}


@pytest.mark.parametrize("pieces", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("ends", [True, False])
def test_the_same(pieces, ends):
    """The same pieces, the same error, and the connection given back or closed at the same time."""
    found = []
    for past in (True, False):
        wire, raw, said = opened(pieces, ends=ends)
        read = body_reader(raw)
        assert passes(read)
        if not past:
            read = partial(raw.read1, 65536, decode_content=True)
        found.append((all_of(read, said), raw.closed, raw._fp.isclosed()))
        raw.close()
        wire.close()
    assert found[0] == found[1]


OTHERS = {
    "gzip": HEAD + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a length": HEAD + b"Content-Length: 10\r\n\r\n",
}


@pytest.mark.parametrize("head", OTHERS.values(), ids=OTHERS)
def test_through(head):
    """A compressed body is decompressed by urllib3, and a length is checked there."""
    wire, raw, _ = opened([head])
    assert not passes(body_reader(raw))
    raw.close()
    wire.close()


def test_a_length_that_is_not_reached():
    """A body that is shorter than its length raises, as ever."""
    wire, raw, said = opened([HEAD + b"Content-Length: 10\r\n\r\n", b"data"])
    found, said = all_of(body_reader(raw), said)
    assert found[:2] == [(b"data", []), urllib3.exceptions.ProtocolError]
    assert said == ["closed", "given back"]
    wire.close()


def test_other_responses():
    """A response of another connection, such as a mock, is read as urllib3 reads it."""
    raw = urllib3.HTTPResponse(io.BytesIO(EVENT), preload_content=False)
    read = body_reader(raw)
    assert not passes(read)
    assert read() == EVENT
    assert read() == b""
