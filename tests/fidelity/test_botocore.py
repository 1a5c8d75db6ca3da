"""Amazon's own reader of event streams cuts the frames that we read, and those that we write."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conversation import FAILING, PARTS
from reading import transcripts

from chatsdk import dialects
from chatsdk.amazon_frames import FrameParser
from chatsdk.errors import ProtocolError

eventstream = pytest.importorskip("botocore.eventstream")


def theirs(body: bytes) -> list[tuple[str, Any]]:
    buffer = eventstream.EventStreamBuffer()
    buffer.add_data(body)
    found = []
    for message in buffer:
        kind = message.headers[":message-type"]
        found.append((message.headers[f":{kind}-type"], json.loads(message.payload)))
    return found


def ours(body: bytes) -> list[tuple[str, Any]]:
    events = FrameParser().feed(body)
    return [(event.event.removeprefix("exception:"), json.loads(event.data)) for event in events]


@pytest.mark.parametrize(
    "transcript", [pytest.param(item, id=item.name) for item in transcripts("bedrock")]
)
def test_same_bytes_same_events(transcript):
    """The client and chatsdk cut the same events out of the same bytes."""
    assert ours(transcript.body) == theirs(transcript.body) != []


@pytest.mark.parametrize("parts", [PARTS, FAILING])
def test_the_client_reads_what_we_write(parts):
    """The client reads our frames, their checksums among them."""
    body = b"".join(dialects.get("bedrock").encode(parts))
    assert ours(body) == theirs(body)


def test_the_client_finds_the_same_damage():
    """A frame whose checksum is wrong is refused by both."""
    damaged = bytearray(b"".join(dialects.get("bedrock").encode(PARTS)))
    damaged[-6] ^= 1
    with pytest.raises(eventstream.ChecksumMismatch):
        theirs(bytes(damaged))
    with pytest.raises(ProtocolError, match="checksum"):
        ours(bytes(damaged))
