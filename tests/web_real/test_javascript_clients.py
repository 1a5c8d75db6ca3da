"""The packages that web developers use: useChat, EventSource, fetch-event-source, openai."""

from __future__ import annotations

import json

import pytest
from browser import user
from node import Node
from servers import GUNICORN, SERVERS, Server, running

from chatsdk import StreamInterrupted
from chatsdk.parts import Citation
from chatsdk.web.error_responses import message_of

SITES = ["gthread", "django-4.2-uvicorn", "django-5.2-uvicorn", "django-5.2-gthread"]

everywhere = pytest.mark.parametrize("server", SITES)


@pytest.fixture
def site(server, backend, djangos):
    with running(server, backend.url, djangos, HEARTBEAT=0.2) as url:
        yield f"{url}/api/chat"


def texts(message) -> str:
    return "".join(part["text"] for part in message["parts"] if part["type"] == "text")


@everywhere
def test_use_chat(site, backend, node: Node) -> None:
    """An answer with reasoning and sources, and the next question with the history."""
    backend.answer(
        "openai",
        "It is sunny",
        reasoning="Let me see",
        citations=[Citation("Weather", "https://example.com/w")],
    )
    backend.answer("openai", "Yes")
    found = node.run("use_chat.cjs", site, json.dumps(["send Weather?", "send Sure?"]))
    assert (found["errors"], found["status"]) == ([], "ready")
    _first, answer, _second, last = found["messages"]
    assert (texts(answer), texts(last)) == ("It is sunny", "Yes")
    assert [part["type"] for part in answer["parts"]] == [
        "step-start",
        "reasoning",
        "text",
        "source-url",
    ]
    assert answer["parts"][3]["url"] == "https://example.com/w"
    assert answer["id"] != last["id"]
    asked = backend.requests[1].json["messages"]
    assert [(one["role"], one["content"]) for one in asked] == [
        ("user", "Weather?"),
        ("assistant", "It is sunny"),
        ("user", "Sure?"),
    ]


@everywhere
def test_use_chat_resumes(site, backend, node: Node) -> None:
    """A reload in mid-answer: the new page gets the whole answer."""
    backend.answer("openai", "One two three four", pace=0.2, pieces=4)
    steps = ["begin Count", "leave", "resume"]
    found = node.run("use_chat.cjs", site, json.dumps(steps))
    assert (found["errors"], found["status"]) == ([], "ready")
    assert [texts(message) for message in found["messages"]] == ["Count", "One two three four"]
    assert len(backend.requests) == 1


@everywhere
def test_use_chat_has_nothing_to_resume(site, backend, node: Node) -> None:
    """A page that is opened when nothing is under way resumes nothing, and no error is shown."""
    found = node.run("use_chat.cjs", site, json.dumps(["resume"]))
    assert found == {"messages": [], "status": "ready", "errors": []}


@everywhere
def test_use_chat_regenerates(site, backend, node: Node) -> None:
    """`regenerate` replaces the answer."""
    backend.answer("openai", "One")
    backend.answer("openai", "Two")
    found = node.run("use_chat.cjs", site, json.dumps(["send Hi", "regenerate"]))
    assert [texts(message) for message in found["messages"]] == ["Hi", "Two"]
    assert backend.requests[1].json["messages"] == [{"role": "user", "content": "Hi"}]


@everywhere
def test_use_chat_shows_a_tool_call(site, backend, node: Node) -> None:
    """A tool call comes with its name and its arguments."""
    call = {"name": "weather", "arguments": '{"city": "Paris"}'}
    backend.answer("openai", tool_calls=[call])
    found = node.run("use_chat.cjs", site, json.dumps(["send Weather?"]))
    (part,) = [part for part in found["messages"][1]["parts"] if "toolCallId" in part]
    assert (part["type"], part["input"]) == ("tool-weather", {"city": "Paris"})
    assert (found["errors"], part["state"]) == ([], "input-available")


@everywhere
def test_use_chat_shows_an_error(site, backend, node: Node) -> None:
    """An answer that breaks off is an error with our words; what came stays."""
    backend.answer("openai", "One")
    script = backend.answer("openai")
    script.say("Half")
    script.cut()
    found = node.run("use_chat.cjs", site, json.dumps(["send Hi", "send Again"]))
    assert found["errors"] == [message_of(StreamInterrupted("cut"))]
    assert texts(found["messages"][-1]) == "Half"


@everywhere
def test_event_source(site, backend, node: Node) -> None:
    """POST gives an address; `EventSource` follows it and is ended by 204."""
    backend.answer("openai", "One two", pieces=2)
    found = node.run("event_source.cjs", site, json.dumps(user("Hi")))
    assert (found["status"], found["id"], found["ended"]) == (202, "chat-1", 204)
    datas = [event["data"] for event in found["events"]]
    assert datas[-1] == "[DONE]"
    said = [json.loads(data) for data in datas[:-1]]
    assert "".join(one["delta"] for one in said if one["type"] == "text-delta") == "One two"
    ids = [event["id"] for event in found["events"]]
    assert len(set(ids)) == len(ids)


@everywhere
@pytest.mark.parametrize("after", [1, 4, 7])
def test_fetch_event_source_reconnects(site, backend, node: Node, after) -> None:
    """A POST that is repeated with the last id goes on with the turn, and begins none."""
    backend.answer("openai", "a b c d e f", pieces=6, pace=0.05)
    found = node.run("fetch_event_source.cjs", site, json.dumps(user("Hi")), str(after))
    datas = [event["data"] for event in found["events"]]
    assert (found["requests"], len(backend.requests), datas[-1]) == (2, 1, "[DONE]")
    said = [json.loads(data) for data in datas[:-1]]
    assert "".join(one["delta"] for one in said if one["type"] == "text-delta") == "a b c d e f"
    assert len({event["id"] for event in found["events"]}) == len(datas)


def test_openai_sdk(backend, djangos, node: Node, monkeypatch) -> None:
    """OpenAI's SDK for JavaScript talks to a gateway."""
    command = [*GUNICORN, "-k", "gthread", "--threads", "4", "sites:app_gateway"]
    monkeypatch.setitem(SERVERS, "gateway", Server(command))
    backend.answer("openai", "Hello there", pieces=2)
    backend.answer("openai", "Whole")
    with running("gateway", backend.url, djangos) as url:
        found = node.run("openai_sdk.cjs", f"{url}/v1")
    assert found == {
        "texts": ["Hello", " there"],
        "reason": "stop",
        "whole": "Whole",
        "models": ["chat"],
    }
