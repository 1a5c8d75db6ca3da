"""Hugging Face's own client and chatsdk read the same tokens of TGI alike."""

from __future__ import annotations

import pytest
from reading import read, transcripts

from chatsdk import dialects
from chatsdk.messages import Message

hub = pytest.importorskip("huggingface_hub")

pytestmark = pytest.mark.filterwarnings("default")

TRANSCRIPTS = {item.name.removeprefix("tgi/"): item for item in transcripts("tgi")}


def tokens(server, body):
    server.reply(200, body=body, content_type="text/event-stream")
    client = hub.InferenceClient(model=server.url)
    return list(client.text_generation("Hi", details=True, stream=True, max_new_tokens=20))


@pytest.mark.parametrize("name", ["sdk_types", "sdk_types_length"])
def test_same_bytes_same_answer(server, name):
    """The client and chatsdk agree about text, counts and why it stopped."""
    body = TRANSCRIPTS[name].body
    ours = read(dialects.get("tgi"), [body], "text/event-stream").answer
    found = tokens(server, body)
    assert "".join(item.token.text for item in found if not item.token.special) == ours.text
    last = found[-1]
    assert last.generated_text == ours.text
    assert last.details is not None
    assert last.details.finish_reason == ours.native_finish_reason
    assert (last.details.input_length, last.details.generated_tokens) == ours.usage[:2]


def test_what_is_asked(server):
    """The client asks with the fields that we ask with."""
    tokens(server, TRANSCRIPTS["sdk_types"].body)
    theirs = server.requests[0].json
    ours = dialects.get("tgi").body([Message("user", "Hi")], max_new_tokens=20)
    assert theirs["inputs"] == ours["inputs"]
    given = {name: value for name, value in theirs["parameters"].items() if value is not None}
    assert ours["parameters"].items() <= given.items()
