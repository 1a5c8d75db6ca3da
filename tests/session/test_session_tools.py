"""Tools in a session: the round trip over real sockets, and all that can go wrong in it."""

from __future__ import annotations

import functools
import json
import pickle
import re
import threading
import time

import pytest
from session_fakes import WAIT, FakeClient, FakeStream, FakeUI, asking, eventually, said

from chatsdk import HTTPStatusError, LimitExceeded, Message, ToolCall, Usage, dialects
from chatsdk.parts import (
    Citation,
    Citations,
    Finish,
    Identity,
    Reasoning,
    Text,
    TextSnapshot,
    ToolCallDelta,
)
from chatsdk.session import ChatSession, Edit, Regenerate, use_chat
from chatsdk.testing import ChatServer

OPENAI = {"dialect": "openai", "defaults": {"model": "m"}}
PATHS = {
    "openai": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "ollama": "/api/chat",
    "gemini": "/v1beta/models/m:streamGenerateContent",
    "openai_responses": "/v1/responses",
}


ID = Identity(conversation_id="t1")


def weather(city: str, days: int = 1) -> dict:
    """Tell the weather."""
    return {"city": city, "days": days}


def call(name, id="c1", **arguments):
    return {"id": id, "name": name, "arguments": arguments}


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


def hook(server, *answers, dialect="openai", **options):
    """A session with a server that gives these answers."""
    for answer in answers:
        server.answer(dialect, **answer)
    return use_chat(server.url + PATHS[dialect], dialect=dialect, **options)


def sent(server, number=-1):
    return json.loads(server.requests[number].body)


def results(server, number=-1):
    """The calls that an OpenAI server received."""
    return {
        message["tool_call_id"]: message["content"]
        for message in sent(server, number)["messages"]
        if message["role"] == "tool"
    }


@pytest.mark.parametrize("dialect", PATHS)
def test_one_round_in_each_dialect(server, dialect):
    """The function gets the arguments, the backend its result, and the answer goes on."""
    told = []
    session = hook(
        server,
        {"text": "Let me look. ", "tool_calls": [call("weather", city="Lüneburg", days=2)]},
        {"text": "It rains."},
        dialect=dialect,
        on_tool=lambda call, result: told.append((call.name, result)),
    )
    with session:
        answer = session.run("Weather?", tools={"weather": weather})
    assert answer.text == "Let me look. It rains."
    assert (answer.finish_reason, answer.tool_calls) == ("stop", ())
    assert told == [("weather", {"city": "Lüneburg", "days": 2})]
    assert "Tell the weather." in server.requests[0].body.decode()
    body = server.requests[1].body.decode().replace("\\", "")
    # Gemini takes an object, the others take text.
    assert '{"city": "Lüneburg", "days": 2}' in body
    assert said(session.messages) == [
        ("user", "Weather?"),
        ("assistant", "Let me look. "),
        ("tool", '{"city": "Lüneburg", "days": 2}'),
        ("assistant", "It rains."),
    ]


def test_what_openai_is_sent(server):
    """The declaration, the call and its result are in the bodies as OpenAI requires."""
    with hook(server, {"tool_calls": [call("weather", city="Rome")]}, {"text": "Dry."}) as session:
        session.run("Weather?", tools={"weather": weather}, temperature=0)
    first, second = sent(server, 0), sent(server, 1)
    assert first["tools"] == second["tools"]
    assert first["tools"][0]["function"] == {
        "name": "weather",
        "description": "Tell the weather.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    }
    assert second["temperature"] == 0
    assert "max_rounds" not in second
    assert second["messages"] == [
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city": "Rome"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": '{"city": "Rome", "days": 1}'},
    ]


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_two_calls_and_two_rounds(server, dialect):
    """Calls are run in their order, and each round sees what the earlier ones did."""
    order = []

    def note(number: int) -> str:
        order.append((number, threading.current_thread()))
        return f"noted {number}"

    session = hook(
        server,
        {"tool_calls": [call("note", "a", number=1), call("note", "b", number=2)]},
        {"tool_calls": [call("note", "c", number=3)]},
        {"text": "Done."},
        dialect=dialect,
    )
    with session:
        assert session.run("Go", tools={"note": note}).text == "Done."
    assert order == [(number, threading.current_thread()) for number in (1, 2, 3)]
    assert [(m.role, m.tool_call_id, m.content) for m in session.messages] == [
        ("user", None, "Go"),
        ("assistant", None, ""),
        ("tool", "a", "noted 1"),
        ("tool", "b", "noted 2"),
        ("assistant", None, ""),
        ("tool", "c", "noted 3"),
        ("assistant", None, "Done."),
    ]
    assert len(sent(server)["messages"]) == (6 if dialect == "openai" else 5)


def fails(city: str) -> str:
    raise RuntimeError("no such city")


def silent(city: str) -> str:
    raise KeyError


def odd(city: str) -> object:
    return {1, 2}


WRONG = {
    "raises": ("fails", '{"city": "Rome"}', "error: no such city", RuntimeError),
    "raises without a message": ("silent", '{"city": "Rome"}', "error: KeyError", KeyError),
    "no JSON": (
        "weather",
        '{"city": "Ro',
        "error: the arguments are not a JSON object",
        ValueError,
    ),
    "a list": (
        "weather",
        "[1]",
        "error: the arguments are not a JSON object: they are [1]",
        ValueError,
    ),
    "unknown tool": ("wether", "{}", "error: there is no tool 'wether'; there are: ", ValueError),
    "too few": ("weather", "{}", "error: missing argument 'city'", ValueError),
    "nothing": ("weather", "", "error: missing argument 'city'", ValueError),
    "too many": (
        "weather",
        '{"city": "Rome", "wind": 1}',
        "error: unknown argument 'wind'",
        ValueError,
    ),
    "another type": (
        "weather",
        '{"city": "Rome", "days": "two"}',
        "error: the argument 'days' must be an integer",
        ValueError,
    ),
    "too few of a declared one": (
        "declared",
        "{}",
        "error: missing a required argument: 'city'",
        ValueError,
    ),
    "a result that is no JSON": ("odd", '{"city": "x"}', "error: the tool's result", TypeError),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_goes_wrong_is_told_to_the_model(server, case):
    """An error in a call is its result, for the model and for on_tool; the turn goes on."""
    name, arguments, message, kind = WRONG[case]
    told = []
    session = hook(
        server,
        {"tool_calls": [ToolCall("c1", name, arguments)]},
        {"text": "Sorry."},
        on_tool=lambda call, error: told.append(error),
    )
    tools = {"weather": weather, "fails": fails, "silent": silent, "odd": odd}
    tools["declared"] = {"parameters": {"type": "object"}, "call": weather}
    with session:
        assert session.run("Weather?", tools=tools).text == "Sorry."
    assert results(server)["c1"].startswith(message)
    assert [type(error) for error in told] == [kind]
    assert session.messages[2].status == "error"


def test_stop_during_a_tool(server):
    """The session is stopped at once; the turn ends when the tool returns, and sends nothing."""
    running, release = threading.Event(), threading.Event()
    finished, told, more = [], [], []

    def slow() -> str:
        running.set()
        eventually(release)
        return "late"

    session = hook(
        server,
        {"text": "Wait. ", "tool_calls": [call("slow"), call("other", "c2")]},
        on_finish=lambda outcome: finished.append(outcome),
        on_tool=lambda *result: told.append(result),
    )
    with session:
        handle = session.start("Go", tools={"slow": slow, "other": lambda: more.append(1)})
        eventually(running)
        session.stop()
        assert (session.status, session.done, finished) == ("stopped", True, [])
        assert not handle.wait(0)
        release.set()
        assert handle.result(WAIT).text == "Wait. "
        assert [outcome.reason for outcome in finished] == ["stopped"]
        assert (told, more, len(server.requests)) == ([], [], 1)
        # The call without a result is not sent again: backends refuse that.
        server.answer("openai", "Yes?")
        session.run("Still there?")
        assert sent(server)["messages"] == [
            {"role": "user", "content": "Go"},
            {"role": "assistant", "content": "Wait. "},
            {"role": "user", "content": "Still there?"},
        ]


def test_stop_by_a_tool(server):
    """A tool that stops the session ends the turn."""
    with hook(server, {"tool_calls": [call("halt")]}) as session:
        answer = session.run("Go", tools={"halt": session.stop})
        assert (session.status, len(server.requests)) == ("stopped", 1)
        assert [call.name for call in answer.tool_calls] == ["halt"]


def test_a_newer_turn_during_a_tool():
    """With latest=True a newer turn wins; nothing of the older one is sent or said after it."""
    ends = []
    client = FakeClient(asking("slow"), ["new"])
    session = ChatSession(client, latest=True, on_finish=lambda outcome: ends.append(outcome))
    answers = []
    session.run("old", tools={"slow": lambda: answers.append(session.run("new").text)})
    assert answers == ["new"]
    assert [outcome.reason for outcome in ends] == ["stopped", "finished"]
    assert len(client.asked) == 2
    assert said(session.messages)[-1] == ("assistant", "new")


def test_closing_during_a_tool():
    """Closing the stream from another thread ends the turn; the tool's result goes nowhere."""
    running, release, ends = threading.Event(), threading.Event(), []

    def slow() -> str:
        running.set()
        eventually(release)
        return "late"

    client = FakeClient(asking("slow", text="Wait."))
    session = ChatSession(client, on_finish=lambda outcome: ends.append(outcome))
    stream = session.ask("Go", tools={"slow": slow})
    reader = threading.Thread(target=stream.result)
    reader.start()
    eventually(running)
    stream.close()
    assert [(outcome.reason, outcome.answer.text) for outcome in ends] == [("stopped", "Wait.")]
    release.set()
    reader.join(WAIT)
    assert (reader.is_alive(), len(ends), len(client.asked)) == (False, 1, 1)


def test_a_tool_that_reads_its_own_stream():
    """The tools of a round are run once: a second reader gets an error."""
    runs, errors = [], []

    def again() -> None:
        runs.append(1)
        with pytest.raises(RuntimeError, match="is already being read"):
            next(stream)

    session = ChatSession(FakeClient(asking("again"), ["Done."]), on_error=errors.append)
    stream = session.ask("Go", tools={"again": again})
    assert list(stream)[-1] is session.answer
    assert (len(runs), len(errors), session.status) == (1, 0, "finished")


def test_ctrl_c_in_a_tool():
    """An interrupt is not sent to the model: it ends the turn as stopped, and is raised."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    client = FakeClient(asking("interrupted"))
    session = ChatSession(client)
    with pytest.raises(KeyboardInterrupt):
        session.run("Go", tools={"interrupted": interrupted})
    assert (session.status, len(client.asked)) == ("stopped", 1)


def test_max_rounds(server):
    """A model that asks once more than max_rounds ends the turn with LimitExceeded."""
    runs = []
    answers = [{"text": f"{n}", "tool_calls": [call("again", f"c{n}")]} for n in range(3)]
    with hook(server, *answers) as session:
        with pytest.raises(LimitExceeded, match="after 2 rounds") as caught:
            session.run("Go", tools={"again": lambda: runs.append(1)}, max_rounds=2)
        assert "max_rounds" not in sent(server)
        assert (caught.value.limit, len(runs), len(server.requests)) == ("max_rounds", 2, 3)
        assert caught.value.answer.text == session.answer.text == "012"
        assert session.error is caught.value
        assert session.messages[-1].status == "error"


@pytest.mark.parametrize(
    "tools",
    [
        {"weather": None, "other": weather},
        {"weather": {"description": "Tell it.", "parameters": {"type": "object"}}},
        [{"name": "weather", "description": "", "parameters": {"type": "object"}}],
    ],
)
def test_declarations_leave_the_calls_to_the_user(server, tools):
    """Without a function the turn finishes with the calls, and asking with results goes on."""
    with hook(server, {"tool_calls": [call("weather", city="Rome")]}, {"text": "Dry."}) as session:
        answer = session.run("Weather?", tools=tools)
        assert [(call.id, call.parsed) for call in answer.tool_calls] == [("c1", {"city": "Rome"})]
        assert (answer.finish_reason, session.status) == ("tool_calls", "finished")
        assert sent(server)["tools"][0]["function"]["name"] == "weather"
        session.run([Message("tool", "sunny", tool_call_id="c1")], tools=tools)
        assert results(server) == {"c1": "sunny"}
        # The user's remark about a tool is the question.
        server.answer("openai", "Dry, again.")
        session.run(Regenerate())
        assert results(server) == {"c1": "sunny"}


def test_calls_of_the_server_are_not_run():
    """Calls with another finish reason have been run on the server already."""
    client = FakeClient([ToolCallDelta(0, "c", "search", "{}"), "Found.", Finish("stop")])
    runs = []
    answer = ChatSession(client).run("Go", tools={"search": lambda: runs.append(1)})
    assert (answer.text, len(answer.tool_calls), runs) == ("Found.", 1, [])


def test_usage_adds_up(server):
    """The usage is that of all rounds; a count that only one of them has, stays."""
    session = hook(
        server,
        {"tool_calls": [call("weather", city="x")], "usage": Usage(10, 5, 15, reasoning=2)},
        {"text": "Dry.", "usage": Usage(20, 7, 27, cached=8)},
    )
    with session:
        answer = session.run("Weather?", tools={"weather": weather})
    assert answer.usage == Usage(30, 12, 42, reasoning=2, cached=8)


def test_steps_run_on():
    """Deltas give the text, also reasoning; citations and events add up over the rounds."""
    first, second = Citation(title="one"), Citation(title="two")
    client = FakeClient(
        asking("f", text="Hel", plus=(ID, Reasoning("Hm. "), Citations((first,)))),
        lambda cancel: ended(cancel, "lo", Reasoning("Ah."), Citations((first, second))),
    )
    deltas, thoughts, ends = [], [], []
    session = ChatSession(
        client,
        on_answer=lambda answer: deltas.append(answer.delta),
        on_finish=lambda outcome: ends.append(outcome),
    )
    with session.ask("Go", tools={"f": lambda: "x"}) as stream:
        steps = list(stream)
    thoughts = [step.reasoning_delta for step in steps]
    answer = session.answer
    assert "".join(deltas) == "".join(step.delta for step in steps) == answer.text == "Hello"
    assert "".join(thoughts) == answer.reasoning == "Hm. Ah."
    assert answer.citations == (first, second)
    assert (answer.conversation_id, session.conversation_id) == ("t1", "t1")
    assert not any(step.rewritten for step in steps)
    assert steps[-1].since(steps[0]).delta == "lo"
    assert [(outcome.reason, outcome.answer) for outcome in ends] == [("finished", answer)]
    assert [message.reasoning for message in session.messages] == ["", "Hm. ", "", "Ah."]
    assert session.messages[-1].citations == (second,)


def ended(cancel, *parts):
    stream = FakeStream(cancel, *parts)
    stream.finish()
    return stream


def test_a_round_that_rewrites():
    """A later round that rewrites its own text leaves that of the earlier ones alone."""
    client = FakeClient(
        asking("f", text="One. "),
        lambda cancel: ended(cancel, TextSnapshot("Tow."), TextSnapshot("Two.")),
    )
    session = ChatSession(client)
    answer = session.run("Go", tools={"f": lambda: "x"})
    assert answer.text == "One. Two."
    assert said(session.messages)[-1] == ("assistant", "Two.")


def test_timings_run_on(server):
    """The duration is that of the whole turn, and all events count."""
    began = time.monotonic()
    with hook(server, {"text": "a b c d", "tool_calls": [call("f")]}, {"text": "e"}) as session:
        with session.ask("Go", tools={"f": lambda: "x"}) as stream:
            steps = [step.timings for step in stream]
        last = session.answer.timings
    assert last.events == len(last.gaps) + 1 == len(steps)
    assert [step.duration for step in steps] == sorted(step.duration for step in steps)
    assert 0 < last.first_text <= last.duration <= time.monotonic() - began
    assert [step.bytes for step in steps] == sorted(step.bytes for step in steps)


def test_an_error_in_a_later_round(server):
    """An error of the second request ends the turn; what was said and done before is kept."""
    ends = []
    server.answer("openai", "One. ", tool_calls=[call("weather", city="x")])
    server.reply(status=400, body=b'{"error": {"message": "no"}}')
    session = use_chat(server.url + "/v1/chat/completions", on_finish=ends.append, **OPENAI)
    with session:
        with pytest.raises(HTTPStatusError) as caught:
            session.run("Go", tools={"weather": weather})
        assert caught.value.answer.text == session.answer.text == "One. "
        assert [outcome.reason for outcome in ends] == ["error"]
        assert [message.role for message in session.messages] == [
            *("user", "assistant", "tool", "assistant")
        ]
        assert [call.name for call in session.messages[1].tool_calls] == ["weather"]
        assert (session.messages[3].content, session.messages[3].tool_calls) == ("", ())


def test_regenerating_begins_at_the_question(server):
    """regenerate and edit run the tools again, with the same ones."""
    runs = []

    def look() -> str:
        runs.append(1)
        return "seen"

    answers = [{"tool_calls": [call("look")]}, {"text": "Fine."}] * 3
    with hook(server, *answers) as session:
        session.run("Go", tools={"look": look})
        session.run(Regenerate())
        assert len(sent(server, 2)["messages"]) == 1
        assert said(session.messages) == [
            *(("user", "Go"), ("assistant", ""), ("tool", "seen"), ("assistant", "Fine."))
        ]
        session.run(Edit(session.messages[0].id, "Go on"))
        assert said(session.messages)[0] == ("user", "Go on")
    assert len(runs) == 3


def test_a_saved_session_goes_on(server):
    """to_dict keeps calls and results, and the next question sends them."""
    answers = [{"tool_calls": [call("weather", city="x")]}, {"text": "Dry."}, {"text": "Bye."}]
    with hook(server, *answers) as session:
        session.run("Go", tools={"weather": weather})
        saved = json.loads(json.dumps(session.to_dict()))
        messages = session.messages
    with use_chat(server.url, saved=saved, **OPENAI) as session:
        assert session.messages == messages
        session.run("Thanks")
        assert results(server) == {"c1": '{"city": "x", "days": 1}'}
        ids = [message.id for message in session.messages]
        assert len(set(ids)) == len(ids) == 6


def test_on_tool_comes_where_callbacks_run():
    """With a dispatcher on_tool runs on the window's thread; one that raises is only logged."""
    ui, told = FakeUI(), []

    def on_tool(call, result):
        told.append((call.name, result, threading.current_thread()))
        raise RuntimeError("in the window")

    session = ChatSession(FakeClient(asking("f"), ["Done."]), dispatch=ui, on_tool=on_tool)
    handle = session.start("Go", tools={"f": lambda: 7})
    assert handle.result(WAIT).text == "Done."
    assert told == []
    ui.run()
    assert told == [("f", 7, threading.current_thread())]


def test_on_tool_that_raises(caplog):
    """Exceptions of on_tool are logged, and the turn continues."""
    client = FakeClient(asking("f"), ["Done."])
    session = ChatSession(client, on_tool=lambda call, result: 1 / 0)
    assert session.run("Go", tools={"f": lambda: "x"}).text == "Done."
    assert "on_tool raised" in caplog.text


def test_where_the_server_keeps_the_history(server):
    """Only the results go back to a backend that keeps the conversation."""
    session = hook(
        server,
        {"tool_calls": [call("weather", city="x")], "id": "resp_1"},
        {"text": "Dry.", "id": "resp_2"},
        {"text": "Bye."},
        dialect="openai_responses",
    )
    with session:
        session.run("Weather?", tools={"weather": weather})
        body = sent(server)
        assert body["previous_response_id"] == "resp_1"
        assert [item["type"] for item in body["input"]] == ["function_call_output"]
        session.run("Thanks")
        assert sent(server)["previous_response_id"] == "resp_2"
        assert len(sent(server)["input"]) == 1


def test_what_the_server_has_is_not_sent():
    """If the backend has sent its conversation's id, a round sends only the results."""
    client = FakeClient(asking("f", "f", plus=(ID,)), ["Done."], dialect="openai_responses")
    ChatSession(client).run("Go", tools={"f": lambda: "x"})
    messages, options = client.asked[1]
    assert said(messages) == [("tool", "x"), ("tool", "x")]
    assert options["conversation_id"] == "t1"


def test_an_idempotency_key_is_of_one_request(server):
    """Each round has its own key, derived from the given one."""
    answers = [{"tool_calls": [call("f", f"c{n}")]} for n in range(2)]
    with hook(server, *answers, {"text": "Done."}) as session:
        session.run("Go", tools={"f": lambda: "x"}, idempotency_key="k")
    keys = [request.headers["Idempotency-Key"] for request in server.requests]
    assert keys == ["k", "k-2", "k-3"]


def test_the_conversation_keeps_its_id():
    """Even if the client keeps the history, the backend gets the conversation's id."""
    client = FakeClient([Identity(conversation_id="t1"), "one"], ["two"], dialect="agui")
    session = ChatSession(client)
    session.run("first")
    session.run("second")
    assert client.asked[1][1] == {"conversation_id": "t1"}
    assert said(client.asked[1][0]) == [("user", "first"), ("assistant", "one"), ("user", "second")]


@pytest.mark.parametrize("name", dialects.names())
def test_any_dialect_may_be_told_of_a_conversation(name):
    """If the client keeps the history, the id adds at most a field to the request."""
    dialect, messages = dialects.get(name), [Message("user", "Hi")]
    try:
        without = dialect.body(messages)
    except ValueError:
        return
    if dialect.history("http://127.0.0.1/chat") == "client":
        body = dialect.body(messages, conversation_id="c1")
        changed = [
            key
            for key in body
            if body[key] != without.get(key) and '"c1"' not in json.dumps(body[key])
        ]
        assert changed in ([], ["runId"]), "a run has a new id each time"
        assert body["messages" if "messages" in body else next(iter(body))]


def test_langgraph_without_a_thread_keeps_nothing():
    """The URL decides who keeps the conversation: without a thread everything is sent again."""
    asked = []
    for path in ("/runs/stream", "/threads/t1/runs/stream"):
        client = FakeClient([Identity(conversation_id="t1"), "one"], ["two"], dialect="langgraph")
        client.url = "http://127.0.0.1" + path
        session = ChatSession(client)
        session.run("first")
        session.run("second")
        asked.append(len(client.asked[1][0]))
    assert asked == [3, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tools": "weather"}, r"tools are \[function, ...\] or"),
        ({"tools": ["weather"]}, "a list of tools holds functions and declarations"),
        ({"tools": {"weather": 1}}, "the tool 'weather' is a function, a declaration"),
        ({"tools": {"weather": {"call": 1}}}, "has a 'call' that cannot be run"),
        ({"tools": {1: weather}}, "a tool's name is a string"),
        (
            {"tools": {"f": lambda *args: 1}},
            r"parameter \*args of the tool 'f'.*\"call\": function",
        ),
        ({"max_rounds": "2"}, "max_rounds is a whole number"),
    ],
)
def test_wrong_tools_change_nothing(options, message):
    """Tools that cannot work are a TypeError before anything has happened."""
    client = FakeClient()
    session = ChatSession(client)
    with pytest.raises(TypeError, match=message):
        session.ask("Go", **options)
    assert (session.status, session.messages, client.asked) == ("idle", (), [])


def test_refused_by_the_dialect(server):
    """If the backend runs its own tools, giving some is its dialect's ValueError."""
    with (
        use_chat(server.url, dialect="dify", defaults={"user": "u"}) as session,
        pytest.raises(ValueError, match="tools"),
    ):
        session.run("Go", tools={"weather": weather})
    assert server.requests == []


def test_steps_are_values():
    """A step of a round is an answer like any other: it can be pickled and compared."""
    client = FakeClient(asking("f", text="a"), lambda cancel: ended(cancel, Text("b")))
    with ChatSession(client).ask("Go", tools={"f": lambda: "x"}) as stream:
        steps = list(stream)
    assert [pickle.loads(pickle.dumps(step)) for step in steps] == steps


def test_a_list_of_functions(server):
    """Functions in a list go by their own names, together with declarations."""

    class Sky:
        def rain(self, city: str) -> bool:
            """Tell whether it rains."""
            return True

    tools = [weather, Sky().rain, {"name": "ask_user"}]
    with hook(
        server,
        {"tool_calls": [call("weather", city="Rome"), call("rain", id="c2", city="Oslo")]},
        {"text": "Wet."},
    ) as session:
        session.run("?", tools=tools)
        assert [tool["function"]["name"] for tool in sent(server)["tools"]] == [
            "weather",
            "rain",
            "ask_user",
        ]
        assert results(server) == {"c1": '{"city": "Rome", "days": 1}', "c2": "true"}


@pytest.mark.parametrize(
    ("tools", "error", "said"),
    [
        ([lambda city: city], TypeError, "has no name for the model: give it as {name: function}"),
        ([weather, weather], ValueError, "two tools have the name 'weather'"),
        ([functools.partial(weather), weather], ValueError, "two tools have the name 'weather'"),
    ],
)
def test_a_list_needs_names(tools, error, said):
    """A function without a name, and two with one, are refused; no turn begins."""
    session = ChatSession(FakeClient())
    with pytest.raises(error, match=re.escape(said)):
        session.ask("?", tools=tools)
    assert session.status == "idle"
