"""The requests of a session with tools: no call without a result, no more calls than wanted."""

from __future__ import annotations

import json

import pytest
from session_fakes import FakeClient
from test_session_tools import PATHS, call, fails, hook, results, sent, weather

from chatsdk import HTTPStatusError, Message, ToolCall
from chatsdk.session import ChatSession, use_chat
from chatsdk.testing import ChatServer


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


def owed(dialect, body):
    """The calls in a request that have no result, and the results that have no call.

    If the backend keeps the conversation, its own calls are those of `HALT`.
    """
    calls, answered = [], []
    if dialect == "openai_responses":
        kinds = {"function_call": calls, "function_call_output": answered}
        for item in body["input"]:
            kinds.get(item.get("type"), []).append(item.get("call_id"))
        if body.get("previous_response_id") == "resp_1":
            calls.append("c1")
    elif dialect == "gemini":
        for part in (part for turn in body["contents"] for part in turn["parts"]):
            calls += [part["functionCall"]["name"]] if "functionCall" in part else []
            answered += [part["functionResponse"]["name"]] if "functionResponse" in part else []
    elif dialect == "anthropic":
        for turn in body["messages"]:
            for block in turn["content"] if isinstance(turn["content"], list) else ():
                calls += [block["id"]] if block["type"] == "tool_use" else []
                answered += [block["tool_use_id"]] if block["type"] == "tool_result" else []
    else:
        for message in body["messages"]:
            name = "tool_name" if dialect == "ollama" else "tool_call_id"
            for item in message.get("tool_calls") or ():
                calls.append(item["function"]["name"] if dialect == "ollama" else item["id"])
            answered += [message[name]] if message["role"] == "tool" else []
    return sorted(set(calls) ^ set(answered))


HALT = {"text": "Wait. ", "tool_calls": [call("halt")], "id": "resp_1"}


@pytest.mark.parametrize("dialect", PATHS)
@pytest.mark.parametrize("how", ["stopped in the tool", "failed after it", "left to the user"])
def test_no_call_goes_without_its_result(server, dialect, how):
    """After any end of a call, the next question is a request that the backend accepts."""
    with hook(server, HALT, dialect=dialect) as session:
        tools = {"halt": session.stop if how == "stopped in the tool" else lambda: "done"}
        if how == "failed after it":
            server.reply(status=400, body=b'{"error": {"message": "no"}}')
            with pytest.raises(HTTPStatusError):
                session.run("Go", tools=tools)
        else:
            session.run("Go", tools={"halt": None} if how == "left to the user" else tools)
        saved = session.to_dict()
        server.answer(dialect, "Yes?", id="resp_2")
        session.run("Still there?")
        assert owed(dialect, sent(server)) == []
        text = server.requests[-1].body.decode()
        assert "Still there?" in text
        assert ("done" in text) is (how == "failed after it")
        server.answer(dialect, "Yes.", id="resp_3")
        session.run("And now?")
        assert owed(dialect, sent(server)) == []
        with use_chat(server.url + PATHS[dialect], dialect=dialect, saved=saved) as again:
            server.answer(dialect, "Yes?")
            again.run("Still there?")
            assert server.requests[-1].body.decode() == text


def test_a_server_that_waits_for_a_result_gets_one(server):
    """A call that the backend keeps, and that was not run, is reported as cancelled."""
    with hook(server, HALT, dialect="openai_responses") as session:
        session.run("Go", tools={"halt": session.stop})
        server.answer("openai_responses", "Yes?")
        session.run("Still there?")
    body = sent(server)
    assert body["previous_response_id"] == "resp_1"
    assert body["input"] == [
        {
            "type": "function_call_output",
            "call_id": "c1",
            "output": "error: the user ended the turn before this was run",
        },
        {"role": "user", "content": "Still there?"},
    ]


def test_one_of_two_results(server):
    """If one of two calls has a result, it stays; calls without ids go by their order."""
    calls = [call("halt"), call("halt", "c2")]
    with hook(server, {"tool_calls": calls}, {"text": "Yes?"}) as session:
        session.run("Go", tools={"halt": None})
        session.run([Message("tool", "x", tool_call_id="c2"), "Well?"], tools={"halt": None})
        assert [item["id"] for item in sent(server)["messages"][1]["tool_calls"]] == ["c2"]
        assert results(server) == {"c2": "x"}


def test_results_without_ids(server):
    """If calls have no ids, as many are answered as there are results."""
    client = FakeClient(["Done."])
    two = tuple(ToolCall(None, "look", f'{{"n": {n}}}') for n in (1, 2))
    before = [Message("user", "Go"), Message("assistant", tool_calls=two)]
    session = ChatSession(client, messages=[*before, Message("tool", "x", name="look")])
    session.run("Well?")
    assert client.asked[0][0][1].tool_calls == two[:1]


@pytest.mark.parametrize("reason", ["tool-calls", None])
def test_only_its_own_tools_are_run_where_the_server_has_some_too(server, reason):
    """In parallel calls those of the server are left alone, and no result is made up."""
    calls = [
        {"type": "tool-input-available", "toolCallId": id, "toolName": name, "input": {}}
        for id, name in (("s1", "search"), ("c1", "look"))
    ]
    output = {"type": "tool-output-available", "toolCallId": "s1", "output": "found"}
    finish = {"type": "finish"} | ({"finishReason": reason} if reason else {})
    chunks = [calls[0], output, calls[1], finish]
    body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    server.reply(body=body, headers={"Content-Type": "text/event-stream"})
    server.answer("vercel", "A cat.")
    told = []
    with use_chat(
        server.url, dialect="vercel", on_tool=lambda call, result: told.append(call.id)
    ) as session:
        answer = session.run("What?", tools={"look": lambda: "a cat"})
    assert (answer.text, told) == ("A cat.", ["c1"])
    parts = sent(server)["messages"][1]["parts"]
    assert [(part["toolCallId"], part["output"]) for part in parts] == [("c1", "a cat")]


def test_a_failed_call_of_the_server_is_no_call_of_ours(server):
    """If only the server's tools were called, the turn ends, for any finish reason."""
    chunks = [
        {"type": "tool-input-error", "toolCallId": "s1", "toolName": "search", "input": "{"},
        {"type": "tool-output-error", "toolCallId": "s1", "errorText": "no"},
        {"type": "finish", "finishReason": "tool-calls"},
    ]
    body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    server.reply(body=body, headers={"Content-Type": "text/event-stream"})
    with use_chat(server.url, dialect="vercel") as session:
        session.run("What?", tools={"look": lambda: "a cat"})
        assert (session.status, len(server.requests)) == ("finished", 1)


@pytest.mark.parametrize(
    ("dialect", "mark"),
    [
        ("anthropic", ("is_error", True)),
        ("vercel", ("errorText", "error: no such city")),
        ("agui", ("error", "error: no such city")),
    ],
)
def test_a_failed_tool_is_marked_where_the_backend_asks(dialect, mark):
    """Backends with a field for it learn that a result is an error; good ones are not marked."""
    calls = [call("fails", city="x"), call("weather", "c2", city="Rome")]
    with ChatServer() as server:
        server.answer(dialect, tool_calls=calls)
        server.answer(dialect, "Sorry.")
        with use_chat(server.url, dialect=dialect) as session:
            session.run("Weather?", tools={"fails": fails, "weather": weather})
        marked = [item for item in objects(sent(server)) if mark[0] in item]
    assert [item[mark[0]] for item in marked] == [mark[1]]
    assert "c1" in marked[0].values()


def objects(value):
    """All the objects in a JSON value."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, (dict, list)):
            yield from objects(item)


def chunked(*deltas, reason):
    """A stream of OpenAI's with these deltas."""
    chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    if reason:
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"


@pytest.mark.parametrize(
    ("reason", "names", "runs"),
    [
        ("stop", ["look"], 1),
        (None, ["look"], 1),
        ("stop", ["look", "search"], 0),
        ("length", ["look"], 0),
        ("tool_calls", ["look", "serach"], 1),
    ],
)
def test_calls_that_end_with_another_reason(server, reason, names, runs):
    """A call that the request insisted on ends with "stop": it is run if its tool is ours."""
    calls = [
        {"index": place, "id": f"c{place}", "function": {"name": name, "arguments": "{}"}}
        for place, name in enumerate(names)
    ]
    server.reply(
        body=chunked({"tool_calls": calls}, reason=reason),
        headers={"Content-Type": "text/event-stream"},
    )
    server.answer("openai", "A cat.")
    ran = []
    with use_chat(server.url, dialect="openai") as session:
        session.run("What?", tools={"look": lambda: ran.append(1)})
    assert (len(ran), len(server.requests)) == (runs, runs + 1)


@pytest.mark.parametrize(
    ("choice", "kept"),
    [
        ("required", False),
        ({"type": "function", "function": {"name": "look"}}, False),
        ({"type": "any"}, False),
        ("auto", True),
        ({"type": "auto"}, True),
        (["odd"], True),
    ],
)
def test_a_choice_that_insists_is_for_the_first_request(server, choice, kept):
    """With tool_choice said again, a model that must call a tool would never come to an end."""
    with hook(server, {"tool_calls": [call("look")]}, {"text": "Done."}) as session:
        session.run("Go", tools={"look": lambda: "x"}, tool_choice=choice)
    assert sent(server, 0)["tool_choice"] == choice
    assert ("tool_choice" in sent(server, 1)) is kept
