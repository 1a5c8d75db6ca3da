"""sse-starlette, which many Python servers use, writes what chatsdk reads."""

from __future__ import annotations

import pytest

from chatsdk import sse

sse_starlette = pytest.importorskip("sse_starlette")


def test_the_transcript_is_the_softwares_own():
    """The transcript that sse-starlette wrote is still what it writes."""
    import written_by_sse_starlette as written

    assert written.BODY.read_bytes() == written.body()


@pytest.mark.parametrize("sep", ["\n", "\r", "\r\n"])
def test_same_events(sep):
    """An event of several lines comes back as it was, whatever the line ends."""
    given = sse_starlette.ServerSentEvent("a\n\n b\u2028", event="fact", id="7", sep=sep)
    (event,) = sse.parse([given.encode()])
    assert (event.event, event.data, event.id) == ("fact", "a\n\n b\u2028", "7")
