"""A client of Dify's and chatsdk read the same events alike, and it reads what we write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from conversation import FAILING, PARTS, answer_of
from reading import read, transcripts

from chatsdk import dialects
from chatsdk.answer import Answer
from chatsdk.messages import Image, Message
from chatsdk.parts import Citations, Part, Text
from chatsdk.testing import ChatServer

dify_client = pytest.importorskip("dify_client")
if not hasattr(dify_client, "models"):
    pytest.skip("this is Dify's thin client, which reads no streams", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("default")

TRANSCRIPTS = {item.name.removeprefix("dify/"): item for item in transcripts("dify")}
# Its types take no null and its lines end at U+2028.
WHOLE = ["agent", "error_in_mid_stream", "new_agent", "replaced", "sdk_types", "workflow_paused"]


def request(**more: Any) -> Any:
    return dify_client.models.ChatRequest(query="Hi", user="u-1", response_mode="streaming", **more)


def events(server: ChatServer, body: bytes, **more: Any) -> Iterator[Any]:
    server.reply(200, body=body, content_type="text/event-stream")
    client = dify_client.Client(api_key="key", api_base=f"{server.url}/v1")
    yield from client.chat_messages(request(**more))


def check(found: list[Any], answer: Answer) -> None:
    """Compare the client's events with chatsdk's answer."""
    text = ""
    for event in found:
        if event.event == "agent_message" or (event.event == "message" and event.answer):
            text = event.answer if text and event.answer.startswith(text) else text + event.answer
        elif event.event == "message_replace":
            text = event.answer
    assert text == answer.text
    tools = [e.tool for e in found if e.event == "agent_thought" and e.tool]
    called = [call.name for call in answer.tool_calls]
    assert {name for tool in tools for name in tool.split(";")} == set(called)
    last = found[-1]
    assert (last.message_id, last.task_id) == (answer.id, answer.task_id)
    if last.event == "message_end":
        assert last.conversation_id == answer.conversation_id
        usage, ours = last.metadata.usage, answer.usage
        assert ours is not None
        counts = (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)
        assert counts == (ours.input, ours.output, ours.total)
        theirs = [(r.document_name, r.content, r.score) for r in last.metadata.retriever_resources]
        assert theirs == [(c.title, c.snippet, c.score) for c in answer.citations]


@pytest.mark.parametrize("name", [name for name in WHOLE if "end" in TRANSCRIPTS[name].facts])
def test_same_bytes_same_answer(server, name):
    """The client and chatsdk agree about text, tools, usage, sources and ids."""
    body = TRANSCRIPTS[name].body
    if name in ("agent", "new_agent", "replaced"):
        # Its usage has to name every price.
        body = body.replace(b'"prompt_unit_price": "0.001"', PRICES)
    check(list(events(server, body)), read(dialects.get("dify"), [body], "").answer)


PRICES = (
    b'"prompt_unit_price": "0.001", "prompt_price_unit": "0.001", "prompt_price": "1", '
    b'"completion_unit_price": "0", "completion_price_unit": "0.001", "completion_price": "1"'
)


@pytest.mark.parametrize("name", ["error_in_mid_stream", "error_first"])
def test_same_bytes_same_error(server, name):
    """The client gives an error as the last event; for chatsdk it is one, in the same words."""
    transcript = TRANSCRIPTS[name]
    *_, error = events(server, transcript.body)
    ours = transcript.facts["error"]
    assert (error.event, error.message, error.code) == ("error", ours["message"], ours["code"])


def parts_of(parts: tuple[Part, ...]) -> list[Part]:
    """The conversation without U+2028, which ends the client's lines, and with scores."""
    written = []
    for part in parts:
        if isinstance(part, Text):
            part = Text(part.text.replace("\u2028", " "))
        elif isinstance(part, Citations):
            part = Citations(tuple(item._replace(score=0.5) for item in part.items))
        written.append(part)
    return written


def test_the_client_reads_what_we_write(server):
    """The client reads our events to the answer that went into them."""
    parts = parts_of(tuple(PARTS))
    body = b"".join(dialects.get("dify").encode(parts))
    ours = read(dialects.get("dify"), [body], "").answer
    expected = answer_of(parts)
    assert (ours.text, ours.reasoning) == (expected.text, expected.reasoning)
    assert ours.tool_calls == expected.tool_calls
    check(list(events(server, body)), ours)


def test_the_client_reads_our_error(server):
    """The client gets the error that we write, after the text before it."""
    text, error = events(server, b"".join(dialects.get("dify").encode(FAILING)))
    assert text.answer == "Half an "
    assert (error.event, error.code) == ("error", "server_error")
    assert error.message == "the model is overloaded"


def test_our_request_is_like_the_clients(server):
    """chatsdk's body and headers equal the client's for the same question."""
    picture = {"type": "image", "transfer_method": "remote_url", "url": "https://e.example/a.png"}
    list(events(server, b"", conversation_id="c1", files=[picture]))
    message = Message("user", "Hi", images=(Image(url="https://e.example/a.png"),))
    dialect = dialects.get("dify")
    seen = server.wait_for_request()
    theirs = seen.json
    assert theirs.pop("auto_generate_name") is True
    for item in theirs["files"]:
        assert item.pop("upload_file_id") is None
    assert dialect.body([message], conversation_id="c1", user="u-1") == theirs
    assert seen.headers["authorization"] == dialect.headers("key")["Authorization"]


def test_our_stop_is_like_the_clients(server):
    """chatsdk's stop request has the URL and the content of the client's."""
    server.reply(200, json={"result": "success"})
    client = dify_client.Client(api_key="key", api_base=f"{server.url}/v1")
    client.stop_chat_messages("t1", dify_client.models.StopRequest(user="u-1"))
    seen = server.wait_for_request()
    stop = dialects.get("dify").stop_request(Answer(task_id="t1"), {"user": "u-1"})
    assert stop is not None
    assert (stop.method, f"/v1{stop.path}", stop.body) == (seen.method, seen.path, seen.json)


def run_of(server: ChatServer, body: bytes) -> list[Any]:
    server.reply(200, body=body, content_type="text/event-stream")
    client = dify_client.Client(api_key="key", api_base=f"{server.url}/v1")
    asked = {"inputs": {"query": "Hi"}, "response_mode": "streaming", "user": "u-1"}
    return list(client.run_workflows(dify_client.models.WorkflowsRunRequest(**asked)))


def test_a_workflow_is_read_alike(server):
    """The client and chatsdk agree about a workflow's text, ids and status."""
    body = TRANSCRIPTS["sdk_types_workflow"].body
    ours = read(dialects.get("dify"), [body], "").answer
    found = run_of(server, body)
    assert "".join(item.data.text for item in found if item.event == "text_chunk") == ours.text
    last = found[-1]
    assert (last.workflow_run_id, last.task_id) == (ours.id, ours.task_id)
    assert (last.data["status"], last.data["total_tokens"]) == ("succeeded", ours.usage.total)


def test_the_client_reads_the_workflow_that_we_write(server):
    """The client reads a workflow run that we write, and its failure."""
    workflow = dialects.dify(app="workflow")
    found = run_of(server, b"".join(workflow.encode([Text("It is "), Text("8 °C.")])))
    assert [item.data.text for item in found if item.event == "text_chunk"] == ["It is ", "8 °C."]
    assert found[-1].data["outputs"] == {"text": "It is 8 °C."}
    failed = run_of(server, b"".join(workflow.encode(FAILING)))[-1]
    assert (failed.data["status"], failed.data["error"]) == ("failed", "the model is overloaded")


def test_our_workflow_request_is_like_the_clients(server):
    """chatsdk's body and stop request equal the client's for a workflow."""
    run_of(server, b"")
    seen = server.wait_for_request()
    workflow = dialects.get("dify").at(f"{server.url}{seen.path}")
    assert workflow == dialects.dify(app="workflow")
    theirs = seen.json
    assert theirs.pop("files") == []
    assert workflow.body([Message("user", "Hi")], user="u-1") == theirs
    server.reply(200, json={"result": "success"})
    client = dify_client.Client(api_key="key", api_base=f"{server.url}/v1")
    client.stop_workflows("t1", dify_client.models.StopRequest(user="u-1"))
    seen = server.wait_for_request()
    stop = workflow.stop_request(Answer(task_id="t1"), {"user": "u-1"})
    assert stop is not None
    assert (stop.method, f"/v1{stop.path}", stop.body) == (seen.method, seen.path, seen.json)


@pytest.mark.parametrize("name", ["sdk_types", "sdk_types_workflow"])
def test_the_transcript_is_the_clients_own(name):
    """The transcripts that the client's types wrote are still what they write."""
    import written_by_dify_client as written

    assert (written.FOLDER / f"{name}.txt").read_bytes() == written.body(name)
