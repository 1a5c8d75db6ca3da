"""RAGFlow's own client and chatsdk read the same streams, up to where the client goes wrong."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from conversation import PARTS, answer_of
from reading import read, transcripts

from chatsdk import dialects
from chatsdk.testing import ChatServer

pytest.importorskip("ragflow_sdk")
from ragflow_sdk import RAGFlow
from ragflow_sdk.modules.session import Session

pytestmark = pytest.mark.filterwarnings("default")

# The release for Python 3.12 and newer; up to 3.11 pip finds 0.22 at most.
CURRENT = sys.version_info >= (3, 12)

# The client shows text wrongly without the charset, see below.
CONTENT_TYPE = "text/event-stream; charset=utf-8"
KNOWN = {item.name: item for item in transcripts()}


def messages(server: ChatServer, body: bytes, kind: str, content_type: str) -> list[Any]:
    server.reply(200, body=body, content_type=content_type)
    session = Session(RAGFlow("key", server.url), {"id": "s-1", f"{kind}_id": "c-1"})
    return list(session.ask("Hi", stream=True))


def client_text(
    server: ChatServer, body: bytes, kind: str, content_type: str = CONTENT_TYPE
) -> str:
    """Return the text that the client shows: the last snapshot, or all pieces of an agent."""
    found = messages(server, body, kind, content_type)
    if kind == "agent":
        return "".join(message.content for message in found)
    return str(found[-1].content)


def our_text(name: str, body: bytes) -> str:
    return read(dialects.get(name), [body], CONTENT_TYPE).answer.text


@pytest.mark.parametrize(
    "name",
    [
        "ragflow_legacy/rewritten",
        "ragflow_legacy/extended",
        "ragflow_legacy/prologue",
        "ragflow_legacy/sdk_types",
    ],
)
def test_same_bytes_same_text(server, name):
    """The client's last message is our text where the server sends snapshots."""
    transcript = KNOWN[name]
    found = messages(server, transcript.body, "chat", CONTENT_TYPE)
    ours = read(dialects.get("ragflow_legacy"), [transcript.body], CONTENT_TYPE).answer
    assert found[-1].content == ours.text
    cited = [item.title for item in ours.citations]
    assert [chunk["document_name"] for chunk in found[-1].reference or ()] == cited


def test_the_client_knows_no_deltas(server):
    """The client's messages are pieces since 0.24, and its user has to put them together."""
    body = KNOWN["ragflow/no_final"].body
    found = messages(server, body, "chat", CONTENT_TYPE)
    assert [message.content for message in found] == ["Hi", " you"]
    assert our_text("ragflow", body) == "Hi you"


@pytest.mark.parametrize("name", ["ragflow", "ragflow_agent"])
def test_same_bytes_of_the_clients_own_types(server, name):
    """The client puts the same text together, with the thinking in it, and the same passages."""
    body = KNOWN[f"{name}/sdk_types"].body
    kind = "agent" if name == "ragflow_agent" else "chat"
    ours = read(dialects.get(name), [body], CONTENT_TYPE).answer
    found = messages(server, body, kind, CONTENT_TYPE)
    assert "".join(message.content for message in found) == ours.reasoning + ours.text
    if kind == "chat":
        cited = [(item.title, item.document, item.score) for item in ours.citations]
        names = ("document_name", "document_id", "similarity")
        assert [tuple(chunk[name] for name in names) for chunk in found[-1].reference] == cited
    else:
        # The passages of an agent come with its `message_end`, where the client is gone.
        assert {message.reference for message in found} == {None}
        assert ours.usage
        assert (len(ours.citations), ours.usage.total) == (2, 42)


@pytest.mark.skipif(not CURRENT, reason="an older release of the SDK writes fewer fields")
def test_the_transcripts_are_the_sdks_own():
    """The transcripts that the SDK's types wrote are still what they write."""
    import written_by_ragflow_sdk as written

    for path, body in written.bodies().items():
        assert path.read_bytes() == body, path


def test_the_client_drops_text_with_separators(server):
    """The client cuts lines at U+2028 and drops such a frame in silence; chatsdk reads it."""
    body = KNOWN["ragflow/lines"].body
    found = messages(server, body, "chat", CONTENT_TYPE)
    assert [message.content for message in found] == ["\x0bd", ""]
    assert our_text("ragflow", body) == "a\u2028b\x85c\x0bd"


def test_several_messages_of_an_agent(server):
    """An agent may send several messages; an old client ends with the first, chatsdk reads all."""
    body = KNOWN["ragflow_agent/continued"].body
    assert client_text(server, body, "agent") == our_text("ragflow_agent", body) == "Hello"
    several = KNOWN["ragflow_agent/run"].body
    ours = read(dialects.get("ragflow_agent"), [several], CONTENT_TYPE).answer
    assert ours.text == "Hello [ID:7]\nBye"
    if CURRENT:
        # It does not separate reasoning from text.
        assert client_text(server, several, "agent") == ours.reasoning + ours.text
        return
    with pytest.raises(KeyError):
        # The events of a new session have no content.
        messages(server, several, "agent", CONTENT_TYPE)


def test_the_client_needs_a_charset(server):
    """Without a charset, as the Go server sends it, the client shows mojibake; chatsdk does not."""
    body = "".join(
        f'data:{{"code": 0, "data": {data}}}\n\n'
        for data in ('{"answer": "Zürich", "reference": {}}', "true")
    ).encode()
    assert client_text(server, body, "chat", "text/event-stream") == "ZÃ¼rich"
    assert client_text(server, body, "chat") == our_text("ragflow", body) == "Zürich"


@pytest.mark.parametrize("name", ["ragflow_legacy", "ragflow"])
def test_the_client_reads_what_we_write(server, name):
    """The client gets our text and sources out of our frames."""
    parts = [part for part in PARTS if "\u2028" not in getattr(part, "text", "")]
    expected = answer_of(parts)
    body = b"".join(dialects.get(name).encode(parts))
    found = messages(server, body, "chat", CONTENT_TYPE)
    if name == "ragflow_legacy":
        text = found[-1].content
        assert text == f"<think>{expected.reasoning}</think>{expected.text}"
    else:
        assert "".join(message.content for message in found) == expected.reasoning + expected.text
    assert found[-1].reference[0]["document_name"] == "Weather"


def test_our_question_is_like_the_clients(server):
    """Our body has what the client sends, and the messages that the current endpoint takes."""
    from chatsdk.messages import Message

    messages(server, b'data:{"code": 0, "data": true}\n\n', "chat", CONTENT_TYPE)
    theirs = server.wait_for_request().json
    ours = dialects.get("ragflow").body([Message("user", "Hi")], conversation_id="s-1")
    assert theirs.items() <= ours.items()
