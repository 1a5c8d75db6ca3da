"""Zstandard is decoded as urllib3 decodes it, but for how much a frame may have set aside."""

from __future__ import annotations

from itertools import pairwise

import pytest
import urllib3.response
from hypothesis import example, given
from hypothesis import strategies as st
from provoking import CHUNK, HELLO

from chatsdk import ChatClient, ProtocolError
from chatsdk.testing import ChatServer
from chatsdk.transport.http1.content_decoder import WINDOW_LOG, bound_decoder

zstd = getattr(urllib3.response, "zstd", None)
if not hasattr(zstd, "DecompressionParameter"):
    pytest.skip("needs the package that urllib3 reads zstd with", allow_module_level=True)


def frame(data: bytes, window_log: int) -> bytes:
    """A frame that asks for a window of this size, whatever the length of its data."""
    options = {zstd.CompressionParameter.window_log: window_log}
    compressor = zstd.ZstdCompressor(options=options)
    return compressor.compress(data) + compressor.flush()


class Response:
    """The attributes of a response that `bound_decoder` needs."""

    _decoder = None

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding

    def _init_decoder(self) -> None:
        self._decoder = urllib3.response._get_decoder(self._encoding)


def bounded(encoding: str = "zstd"):
    response = Response(encoding)
    bound_decoder(response)
    return response._decoder


@given(
    texts=st.lists(st.builds(bytes.__mul__, st.binary(max_size=9), st.integers(0, 3000))),
    cuts=st.lists(st.integers(0, 2000), max_size=5),
    most=st.sampled_from([-1, 0, 1, 100, 65536]),
    fault=st.sampled_from(["none", "cut", "junk"]),
)
@example([b"a", b"", b"b" * 9], [1], 1, "none")
def test_it_gives_what_urllib3_gives(texts, cuts, most, fault):
    """Frame after frame, cut anywhere, in pieces as small as wanted; then the same error."""
    whole = b"".join(map(zstd.compress, texts))
    whole = {"none": whole, "cut": whole[:-1], "junk": whole + b"junk"}[fault]
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[a:b] for a, b in pairwise(places)]
    results = []
    for decoder in (bounded(), urllib3.response.ZstdDecoder()):
        given, failed = b"", False
        try:
            for piece in pieces:
                # urllib3 never asks for nothing.
                given += decoder.decompress(piece, max_length=most or 1)
                while decoder.has_unconsumed_tail:
                    more = decoder.decompress(b"", max_length=most or 1)
                    assert len(more) <= (most or 1) or most < 0
                    given += more
            decoder.flush()
        except (urllib3.exceptions.DecodeError, zstd.ZstdError):
            failed = True
        results.append((given, failed))
    assert results[0][1] is results[1][1]
    if not results[0][1]:
        assert results[0] == results[1] == (b"".join(texts), False)


@pytest.mark.parametrize("encoding", ["zstd", "zstd, zstd"])
def test_a_frame_that_asks_for_too_much_is_refused(encoding):
    """A window of more than 8 MiB, for which a recipient need not have the memory (RFC 9659)."""
    text = b"".join(HELLO)
    with ChatServer() as server, ChatClient(server.url, dialect="openai") as client:
        for window_log, fits in ((WINDOW_LOG, True), (WINDOW_LOG + 1, False), (27, False)):
            body = frame(text, window_log)
            if encoding != "zstd":
                # Applied first, so undone last.
                body = zstd.compress(body)
            server.stream([body], headers=[("Content-Encoding", encoding)])
            if fits:
                assert client.send({}).result().text == "Hello"
            else:
                with pytest.raises(ProtocolError, match="too much memory"):
                    client.send({}).result()


def test_too_many_codings_are_refused():
    """A chain of codings without end is a ProtocolError, before anything is read."""
    with ChatServer() as server, ChatClient(server.url, dialect="openai") as client:
        server.stream([CHUNK % b"Hi"], headers=[("Content-Encoding", ", ".join(["zstd"] * 9))])
        with pytest.raises(ProtocolError, match="Too many"):
            client.send({})


@pytest.mark.parametrize(
    "coding", ["none", "None", "utf-8", "UTF-8", "identity, none", "charset=utf-8"]
)
def test_a_coding_that_names_no_compression(coding):
    """Servers write such words to keep proxies from compressing: the body is read as it is."""
    with ChatServer() as server, ChatClient(server.url, dialect="openai") as client:
        server.stream(HELLO, headers=[("Content-Encoding", coding)])
        assert client.send({}).result().text == "Hello"
