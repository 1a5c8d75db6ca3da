"""A2A's own server is asked by chatsdk in both versions, and its types read what we write."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from conversation import FAILING, PARTS, answer_of
from reading import read

from chatsdk import dialects, sse

pytest.importorskip("a2a")
written = pytest.importorskip("written_by_a2a_sdk")

pytestmark = pytest.mark.filterwarnings("default")


@pytest.mark.parametrize("name", sorted(written.ASKED))
def test_the_transcripts_are_the_servers_own(name):
    """The server takes the bodies that we write, and answers with the transcripts."""
    body = asyncio.run(written.body(name))
    assert (written.FOLDER / f"{name}.txt").read_bytes() == body


def theirs(body: bytes, *, rest: bool = False) -> list[Any]:
    """The events of version 1.0 as the SDK's own types."""
    from a2a.types import StreamResponse
    from google.protobuf.json_format import ParseDict

    found = [json.loads(event.data) for event in sse.parse([body])]
    return [ParseDict(item if rest else item["result"], StreamResponse()) for item in found]


@pytest.mark.parametrize("path", ["/", "/message:stream"])
def test_the_types_read_what_we_write(path):
    """The SDK's types accept every event of chatsdk, and the text in them is the answer's."""
    rest = path != "/"
    dialect = dialects.a2a().at(f"http://agent{path}")
    body = b"".join(dialect.encode(PARTS))
    found = theirs(body, rest=rest)
    texts = [part.text for item in found for part in item.artifact_update.artifact.parts]
    assert "".join(texts) == answer_of(PARTS).text == read(dialect, [body], "").answer.text
    assert found[-1].status_update.status.state == 3


def test_the_types_read_our_failure():
    """A failed task has the words of the failure in its status."""
    last = theirs(b"".join(dialects.a2a().encode(FAILING)))[-1].status_update.status
    assert (last.state, last.message.parts[0].text) == (4, "the model is overloaded")


def test_the_types_read_what_we_write_in_0_3():
    """The SDK's types of version 0.3 accept every event of chatsdk."""
    from a2a.compat.v0_3.types import SendStreamingMessageSuccessResponse

    body = b"".join(dialects.a2a(version="0.3").encode(PARTS))
    found = [
        SendStreamingMessageSuccessResponse.model_validate_json(event.data).root
        if hasattr(SendStreamingMessageSuccessResponse, "root")
        else SendStreamingMessageSuccessResponse.model_validate_json(event.data)
        for event in sse.parse([body])
    ]
    assert [item.result.kind for item in found][:2] == ["task", "artifact-update"]
    assert found[-1].result.status.state.value == "completed"
