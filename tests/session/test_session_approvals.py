"""Tools that ask: the turn waits for a person, who allows, rejects or answers each call."""

from __future__ import annotations

import itertools
import json
import os
import signal
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from session_fakes import WAIT, FakeClient, FakeUI, asking, eventually, said

from chatsdk import Tool, ToolCall, ToolRejected, dialects
from chatsdk.parts import Finish, ToolCallDelta
from chatsdk.session import ChatSession, Resume, use_chat
from chatsdk.session.turn import STOPPED, Turn
from chatsdk.testing import ChatServer

PATHS = {
    "openai": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "ollama": "/api/chat",
    "gemini": "/v1beta/models/m:streamGenerateContent",
    "openai_responses": "/v1/responses",
    "deepseek": "/chat/completions",
    "dashscope": "/api/v1/services/aigc/text-generation/generation",
}


def delete(path: str = "/tmp/x") -> str:
    """Delete a file."""
    return f"deleted {path}"


class Waiting:
    """Follows a session, and knows when it waits for a person."""

    def __init__(self, session: ChatSession) -> None:
        self._session = session
        self._waits = threading.Event()
        session.subscribe(self._look)

    def _look(self) -> None:
        if self._session.pending:
            self._waits.set()

    def ids(self) -> list[str]:
        eventually(self._waits)
        return [call.id for call in self._session.pending]


def deciding(session, decide):
    """Decide about each call on the spot, in a listener."""

    def listener():
        for call in session.pending:
            decide(call.id)

    session.subscribe(listener)


@pytest.mark.parametrize("dialect", PATHS)
@pytest.mark.parametrize("allowed", [True, False])
def test_a_person_decides_in_each_dialect(dialect, allowed):
    """An approved call runs and a rejected one does not; the model hears of either."""
    with ChatServer() as server:
        call = {"id": "c1", "name": "delete", "arguments": {"path": "/a"}}
        server.answer(dialect, "Let me. ", tool_calls=[call])
        server.answer(dialect, "Done.")
        url = server.url + PATHS[dialect]
        # In Gemini's API the URL names the model.
        defaults = {} if dialect == "gemini" else {"model": "m"}
        with use_chat(url, dialect=dialect, defaults=defaults) as session:
            waiting = Waiting(session)
            handle = session.start("Go", tools=[Tool(delete, approve=True)])
            (id,) = waiting.ids()
            assert (session.status, session.done, session.answer.text) == (
                *("waiting", False, "Let me. "),
            )
            assert [call.parsed for call in session.pending] == [{"path": "/a"}]
            assert not handle.done
            assert len(server.requests) == 1
            assert session.approve(id) if allowed else session.reject(id, "too risky")
            assert handle.result(WAIT).text == "Let me. Done."
            assert (session.status, session.pending) == ("finished", ())
            told = "deleted /a" if allowed else "error: the user rejected this call: too risky"
            assert told in server.requests[1].body.decode()
            assert said(session.messages)[1:] == [
                *(("assistant", "Let me. "), ("tool", told), ("assistant", "Done.")),
            ]


@pytest.mark.parametrize("way", ["listener", "dispatch"])
def test_a_listener_decides_on_the_spot(way):
    """A listener may decide while it is called, on the reading thread or on a GUI's."""
    ui = FakeUI() if way == "dispatch" else None
    client = FakeClient(asking("delete", "delete"), ["Done."])
    session = ChatSession(client, dispatch=ui)
    deciding(session, session.approve)
    if ui is None:
        assert session.run("Go", tools=[Tool(delete, approve=True)]).text == "Done."
    else:
        handle = session.start("Go", tools=[Tool(delete, approve=True)])
        ui.run_until(lambda: handle.wait(0))
        assert handle.result(WAIT).text == "Done."
    assert [message.content for message in session.messages if message.role == "tool"] == [
        *(["deleted /tmp/x"] * 2),
    ]


def test_the_text_before_the_question_is_shown():
    """A window that is updated rarely has all text when the person is asked."""
    ui, shown, asked = FakeUI(), [], threading.Event()
    client = FakeClient(asking("delete", text="Shall I?"), ["Done."])
    session = ChatSession(client, dispatch=ui, on_answer=lambda answer: shown.append(answer.text))
    tools = [Tool(delete, approve=lambda call: asked.set() or True)]
    handle = session.start("Go", tools=tools)
    eventually(asked)
    ui.run_until(lambda: session.pending)
    ui.run()
    assert (session.status, shown[-1]) == ("waiting", "Shall I?")
    session.approve("c0")
    ui.run_until(lambda: handle.wait(0))


def test_a_person_does_the_work():
    """`answer_call` gives a result in place of the tool, as text or as JSON."""
    runs, told = [], []
    client = FakeClient(asking("delete", "delete"), ["Done."])
    session = ChatSession(client, on_tool=lambda call, result: told.append(result))
    results = iter(["by hand", {"done": True}])
    deciding(session, lambda id: session.answer_call(id, next(results)))
    session.run("Go", tools={"delete": Tool(lambda: runs.append(1), approve=True)})
    assert (runs, told) == ([], ["by hand", {"done": True}])
    assert said(client.asked[1][0])[-2:] == [("tool", "by hand"), ("tool", '{"done": true}')]


@pytest.mark.parametrize("where", ["list", "mapping", "call"])
def test_a_tool_without_a_function(where):
    """A declaration in a Tool waits for a person's result, and cannot be approved."""
    declaration = {"name": "ask_user", "description": "Ask.", "parameters": {"type": "object"}}
    tools = [Tool(declaration)] if where == "list" else {"ask_user": Tool(declaration)}
    if where == "call":
        tools = [declaration | {"call": Tool(lambda: "asked", approve=True)}]
    client = FakeClient(asking("ask_user"), ["Done."])
    session = ChatSession(client)

    def decide(id):
        if where == "call":
            return session.approve(id)
        with pytest.raises(ValueError, match=r"no function to run.*answer_call\(\)"):
            session.approve(id)
        return session.answer_call(id, "asked")

    deciding(session, decide)
    assert session.run("Go", tools=tools).text == "Done."
    assert client.asked[0][1]["tools"] == [declaration]
    assert said(client.asked[1][0])[-1] == ("tool", "asked")


def test_only_some_calls_ask():
    """`approve` may decide by the call; calls that need no person run before the question."""
    order, asked = [], []

    def write(path: str) -> str:
        order.append(path)
        return path

    def risky(call):
        asked.append(call)
        return call.parsed["path"].startswith("/etc")

    calls = [ToolCallDelta(n, f"c{n}", "write", f'{{"path": "{path}"}}') for n, path in PATHS_TO]
    client = FakeClient([*calls, Finish("tool_calls")], ["Done."])
    session = ChatSession(client)
    waiting = Waiting(session)
    handle = session.start("Go", tools=[Tool(write, approve=risky)])
    assert waiting.ids() == ["c0", "c2"]
    assert order == ["/home/a", "/home/b"]
    # In either order: they run in that of the calls.
    assert session.approve("c2")
    assert session.approve("c0")
    assert handle.result(WAIT).text == "Done."
    assert order == ["/home/a", "/home/b", "/etc/a", "/etc/b"]
    assert {type(call) for call in asked} == {ToolCall}
    assert len(asked) == 4
    assert said(client.asked[1][0])[2:] == [("tool", path) for _, path in PATHS_TO]


PATHS_TO = list(enumerate(["/etc/a", "/home/a", "/etc/b", "/home/b"]))


def test_an_approve_that_raises_asks(caplog):
    """If `approve` itself fails, the person is asked: nothing runs by mistake."""
    client = FakeClient(asking("delete"), ["Done."])
    session = ChatSession(client)
    deciding(session, session.reject)
    session.run("Go", tools=[Tool(delete, approve=lambda call: call.nothing)])
    assert said(client.asked[1][0])[-1] == ("tool", "error: the user rejected this call")
    assert "approve of the tool 'delete' raised" in caplog.text


def test_calls_that_cannot_run_do_not_ask():
    """A person is not asked about arguments that do not fit: the model corrects itself."""
    call = ToolCallDelta(0, "c0", "delete", '{"file": 1}')
    client = FakeClient([call, Finish("tool_calls")], ["Sorry."])
    session = ChatSession(client)
    asked = []
    deciding(session, asked.append)
    assert session.run("Go", tools=[Tool(delete, approve=True)]).text == "Sorry."
    assert asked == []
    assert said(client.asked[1][0])[-1] == ("tool", "error: unknown argument 'file'")


@pytest.mark.parametrize("ids", [(None, None), ("c", "c"), ("call-2", None)])
def test_calls_without_ids_of_their_own(ids):
    """Each pending call has a unique id; its result carries the backend's."""
    client = FakeClient(asking("delete", "delete", ids=ids), ["Done."])
    session = ChatSession(client)
    waiting = Waiting(session)
    handle = session.start("Go", tools=[Tool(delete, approve=True)])
    first, second = waiting.ids()
    assert first != second
    assert session.answer_call(second, "two")
    assert session.answer_call(first, "one")
    handle.result(WAIT)
    assert [(message.tool_call_id, message.content) for message in client.asked[1][0][-2:]] == [
        *zip(ids, ("one", "two"), strict=True),
    ]


def test_a_decision_counts_once():
    """The first decision counts; a later one, and one after the end, returns False."""
    client = FakeClient(asking("delete", "delete"), ["Done."])
    session = ChatSession(client)
    assert session.approve("c0") is False
    waiting = Waiting(session)
    handle = session.start("Go", tools=[Tool(delete, approve=True)])
    waiting.ids()
    assert [session.reject("c0"), session.approve("c0")] == [True, False]
    assert [call.id for call in session.pending] == ["c1"]
    with pytest.raises(
        ValueError, match="no call with the id 'c7' waits for a person; these do: 'c0'"
    ):
        session.approve("c7")
    with pytest.raises(TypeError, match=r"id of a call of session\.pending, not int"):
        session.approve(1)
    with pytest.raises(TypeError, match="the reason is a string"):
        session.reject("c1", 7)
    with pytest.raises(TypeError, match="cannot be written as JSON"):
        session.answer_call("c1", {1, 2})
    assert session.approve("c1")
    handle.result(WAIT)
    assert session.approve("c1") is False
    assert [message.status for message in session.messages[2:4]] == ["error", "finished"]


def test_nobody_decides_in_time():
    """After `approval_timeout` the call is rejected, and the model hears why."""
    told = []
    client = FakeClient(asking("delete"), ["Done."])
    session = ChatSession(client, on_tool=lambda call, result: told.append(result))
    tool = Tool(delete, approve=True, approval_timeout=0.05)
    assert session.run("Go", tools=[tool]).text == "Done."
    ((error,),) = (told,)
    assert isinstance(error, ToolRejected)
    assert error.reason == "nobody decided within 0.05 s"
    assert said(client.asked[1][0])[-1][1].endswith(error.reason)


def test_each_call_has_its_own_limit():
    """One call that is too late leaves another one waiting."""
    client = FakeClient(asking("delete", "remove"), ["Done."])
    session = ChatSession(client)
    tools = {
        "delete": Tool(delete, approve=True, approval_timeout=0.05),
        "remove": Tool(delete, approve=True),
    }
    late = threading.Event()
    session.subscribe(lambda: [call.id for call in session.pending] == ["c1"] and late.set())
    handle = session.start("Go", tools=tools)
    eventually(late)
    assert session.approve("c1")
    assert handle.result(WAIT).text == "Done."


@pytest.mark.parametrize("way", ["stop", "handle", "close", "reset", "latest"])
def test_the_wait_ends_at_once(way):
    """Stopping, closing, resetting and a newer turn end the wait; nothing runs or is sent."""
    runs, ends = [], []
    client = FakeClient(asking("delete", text="Shall I?"), ["new"])
    session = ChatSession(client, on_finish=ends.append)
    waiting = Waiting(session)
    handle = session.start("Go", tools={"delete": Tool(lambda: runs.append(1), approve=True)})
    (id,) = waiting.ids()
    if way == "handle":
        handle.stop()
    elif way == "latest":
        assert session.run("Newer", latest=True).text == "new"
    else:
        getattr(session, way)()
    assert session.pending == ()
    assert session.approve(id) is False
    assert handle.wait(WAIT)
    assert (ends[0].reason, ends[0].answer.text, runs) == ("stopped", "Shall I?", [])
    assert len(client.asked) == (2 if way == "latest" else 1)


def test_the_wait_ends_in_the_middle_of_a_stop(monkeypatch):
    """The reader may run in the middle of a stop, and ends the turn as stopped."""
    client = FakeClient(asking("delete"))
    session = ChatSession(client)
    waiting = Waiting(session)
    handle = session.start("Go", tools=[Tool(delete, approve=True)])
    waiting.ids()

    def stop_slowly(turn):
        # The first step of `Turn.stop`; those after it wait for the reader.
        turn.ending[STOPPED] = True
        if turn.bell is not None:
            turn.bell.ring()
        assert handle.wait(WAIT)

    monkeypatch.setattr(Turn, "stop", stop_slowly)
    session.stop()
    assert handle.result(WAIT).text == ""
    assert session.outcome.reason == "stopped"


def test_results_before_a_stop_are_kept():
    """After a stop at the question, the model receives the results of the calls that have run."""
    client = FakeClient(asking("read", "delete"), ["Yes?"])
    session = ChatSession(client)
    waiting = Waiting(session)
    handle = session.start(
        "Go", tools={"read": lambda: "text", "delete": Tool(delete, approve=True)}
    )
    waiting.ids()
    session.stop()
    handle.wait(WAIT)
    session.run("And now?")
    messages = client.asked[1][0]
    assert [call.name for call in messages[1].tool_calls] == ["read"]
    assert [message.content for message in messages[2:]] == [
        *("text", "[The answer was interrupted.]", "And now?"),
    ]


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="the system has no SIGUSR1")
def test_stop_in_a_signal_handler():
    """A signal handler may stop the turn while the main thread waits for a person."""
    client = FakeClient(asking("delete"))
    session = ChatSession(client)
    waiting = Waiting(session)

    def interrupt():
        waiting.ids()
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, lambda *args: session.stop())
    other = threading.Thread(target=interrupt)
    other.start()
    try:
        session.run("Go", tools=[Tool(delete, approve=True)])
    finally:
        other.join(WAIT)
        signal.signal(signal.SIGUSR1, before)
    assert (session.status, len(client.asked)) == ("stopped", 1)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        ((1,), {}, TypeError, "a Tool is made of a function, not of int"),
        ((delete,), {"approve": "yes"}, TypeError, "approve is True, False or a function"),
        ((delete,), {"timeout": "1"}, TypeError, "timeout is a number of seconds, not str"),
        ((delete,), {"timeout": 0}, ValueError, "timeout must be more than 0 seconds"),
        ((delete,), {"approval_timeout": -1}, ValueError, "approval_timeout must be more than 0"),
        ((delete,), {"parallel": 1}, TypeError, "parallel"),
    ],
)
def test_conditions_that_make_no_sense(arguments, options, error, words):
    """A Tool checks its arguments when it is made."""
    with pytest.raises(error, match=words):
        Tool(*arguments, **options)


# Saved and restored -----------------------------------------------------------------------------


def saved_in_the_middle(client, tools, *decisions):
    """Return the saved state of a waiting session, after these decisions."""
    with ChatSession(client) as session:
        waiting = Waiting(session)
        handle = session.start("Go", tools=tools)
        waiting.ids()
        for id in decisions:
            session.approve(id)
        saved = json.loads(json.dumps(session.to_dict()))
        session.stop()
        assert handle.wait(WAIT)
    return saved


@pytest.mark.parametrize("dialect", ["openai", "openai_responses"])
@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_restored_turn_goes_on(dialect, before):
    """Decisions from before the process ended count; the rest is asked again."""
    tools = {"read": lambda: "text", "delete": Tool(delete, approve=True)}
    plan = asking("delete", "read", "delete", text="Let me.")
    client = FakeClient(plan, dialect=dialect)
    decisions = ["c0", "c2"][:before]
    if before == 2:
        decisions = decisions[:1]
    saved = saved_in_the_middle(client, tools, *decisions)
    reads = []
    tools["read"] = lambda: reads.append(1)
    client = FakeClient(["Done."], dialect=dialect)
    with ChatSession.from_dict(saved, client) as session:
        assert (session.status, session.done) == ("idle", True)
        left = ["c0", "c2"][len(decisions) :]
        assert [call.id for call in session.pending] == left
        if before == 2:
            session.approve("c2")
        waiting = Waiting(session)
        handle = session.start(Resume(), tools=tools)
        if before < 2:
            assert waiting.ids() == left
            for id in left:
                session.reject(id)
        assert handle.result(WAIT).text == "Done."
        assert (session.status, session.pending, reads) == ("finished", (), [])
        results = [message for message in session.messages if message.role == "tool"]
        assert [message.tool_call_id for message in results] == ["c0", "c1", "c2"]
        assert results[1].content == "text"
        rejected = "error: the user rejected this call"
        approved = "deleted /tmp/x"
        assert [results[0].content, results[2].content] == [
            *([approved] * max(before, 0) + [rejected] * 2)[:2],
        ]
        assert [message.role for message in client.asked[0][0]] == [
            *("user", "assistant", "tool", "tool", "tool"),
        ]
        assert len({message.id for message in session.messages}) == 6


def test_a_restored_turn_of_a_backend_that_keeps_the_history():
    """Only the results are sent, with the id of the response that called the tools."""
    with ChatServer() as server:
        server.answer(
            "openai_responses",
            tool_calls=[{"id": "c1", "name": "delete", "arguments": {}}],
            id="resp_1",
        )
        server.answer("openai_responses", "Done.", id="resp_2")
        url = server.url + "/v1/responses"
        options = {"dialect": "openai_responses", "defaults": {"model": "m"}}
        tools = [Tool(delete, approve=True)]
        with use_chat(url, **options) as session:
            waiting = Waiting(session)
            session.start("Go", tools=tools)
            waiting.ids()
            saved = json.loads(json.dumps(session.to_dict()))
        with use_chat(url, saved=saved, **options) as session:
            session.approve("c1")
            assert session.run(Resume(), tools=tools, temperature=0).text == "Done."
        body = server.requests[1].json
        assert (body["previous_response_id"], body["temperature"]) == ("resp_1", 0)
        assert [item["type"] for item in body["input"]] == ["function_call_output"]


def test_what_cannot_be_resumed():
    """Resuming needs a turn that waits, and its tools; nothing changes otherwise."""
    session = ChatSession(FakeClient())
    with pytest.raises(ValueError, match="no turn waits for a person"):
        session.run(Resume())
    tools = [Tool(delete, approve=True)]
    saved = saved_in_the_middle(FakeClient(asking("delete")), tools)
    session = ChatSession.from_dict(saved, FakeClient())
    for options in ({}, {"tools": [print_it]}):
        with pytest.raises(
            ValueError, match="a call of the tool 'delete' waits: give tools= again"
        ):
            session.run(Resume(), **options)
    assert (session.status, len(session.pending)) == ("idle", 1)


def print_it(text: str) -> None:
    print(text)


@pytest.mark.parametrize("then", ["ask", "set_messages", "reset", "regenerate"])
def test_a_restored_question_may_be_dropped(then):
    """Asking something else instead leaves the calls without results, and nothing waits."""
    tools = [Tool(delete, approve=True)]
    saved = saved_in_the_middle(FakeClient(asking("delete")), tools)
    client = FakeClient(["Fine."])
    session = ChatSession.from_dict(saved, client)
    if then == "ask":
        session.run("Never mind")
        assert said(client.asked[0][0]) == [("user", "Go"), ("user", "Never mind")]
    elif then == "regenerate":
        session.regenerate().result()
        assert said(client.asked[0][0]) == [("user", "Go")]
    elif then == "reset":
        session.reset()
    else:
        session.set_messages([])
    assert session.pending == ()


def test_a_resumed_turn_may_be_saved_again():
    """A resumed turn that waits, or was stopped, is saved like any other."""
    tools = [Tool(delete, approve=True)]
    saved = saved_in_the_middle(FakeClient(asking("delete")), tools)
    session = ChatSession.from_dict(saved, FakeClient())
    waiting = Waiting(session)
    handle = session.start(Resume(), tools=tools)
    waiting.ids()
    status = threading.Event()
    session.subscribe(lambda: session.status == "waiting" and status.set())
    if session.status != "waiting":
        eventually(status)
    again = session.to_dict()
    assert (again["pending"], again["messages"]) == (saved["pending"], saved["messages"])
    session.stop()
    assert handle.wait(WAIT)
    assert session.to_dict()["pending"] == []
    assert session.messages[-1].status == "stopped"


@pytest.mark.parametrize(
    "pending",
    [
        1,
        [1],
        [{"place": 1, "id": "c0", "decision": None}],
        [{"place": 0, "id": None, "decision": None}],
        [{"place": 0, "id": "c0", "decision": ["maybe", ""]}],
        [{"place": 0, "id": "c0", "decision": ["rejected", 1]}],
        [{"place": 0, "id": "c0", "decision": None}] * 2,
    ],
)
def test_a_damaged_question(pending):
    """A saved session whose pending calls cannot be read is refused as damaged."""
    saved = saved_in_the_middle(FakeClient(asking("delete")), [Tool(delete, approve=True)])
    with pytest.raises(ValueError, match="the saved session is damaged"):
        ChatSession.from_dict(saved | {"pending": pending}, FakeClient())


def test_dialects_of_these_tests():
    """The paths above are those of dialects that take tools."""
    assert all(dialects.get(name).about.tools for name in PATHS)


# Any decisions, in any order --------------------------------------------------------------------

WORDS = ("free", "approve", "reject", "answer")


@pytest.mark.fuzz
@settings(deadline=None)
@given(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=6),
    st.randoms(use_true_random=False),
    st.integers(0, 6),
    st.booleans(),
)
def test_any_decisions_in_any_order(words, random, saved_after, same_ids):
    """For any decisions, and a turn saved at any point, each call gets its own result."""
    ids = ["same"] * len(words) if same_ids else None
    names = [f"{word}_{place}" for place, word in enumerate(words)]
    runs = []

    def tool(place):
        def run() -> str:
            runs.append(place)
            return f"ran {place}"

        return Tool(run, approve=words[place] != "free")

    tools = {name: tool(place) for place, name in enumerate(names)}
    decisions = itertools.count(1)
    saved = {}

    def decide():
        if not session.pending or session.status != "waiting":
            return
        if not saved and next(decisions) > saved_after:
            saved.update(json.loads(json.dumps(session.to_dict())))
            session.stop()
            return
        call = random.choice(session.pending)
        word, _, place = call.name.partition("_")
        if word == "approve":
            session.approve(call.id)
        elif word == "reject":
            session.reject(call.id, f"no {place}")
        else:
            session.answer_call(call.id, f"answer {place}")

    client = FakeClient(asking(*names, ids=ids), ["Done."])
    session = ChatSession(client)
    session.subscribe(decide)
    session.run("Go", tools=tools)
    if saved:
        assert session.status == "stopped"
        client = FakeClient(["Done."])
        session = ChatSession.from_dict(saved, client)
        session.subscribe(decide)
        session.run(Resume(), tools=tools)
    assert session.answer.text == "Done."
    told = {
        "free": "ran {}",
        "approve": "ran {}",
        "reject": "error: the user rejected this call: no {}",
        "answer": "answer {}",
    }
    results = [message.content for message in client.asked[-1][0] if message.role == "tool"]
    assert results == [told[word].format(place) for place, word in enumerate(words)]
    assert sorted(runs) == [n for n, word in enumerate(words) if word in ("free", "approve")]
    assert runs == [n for n, word in enumerate(words) if word == "free"] + [
        n for n, word in enumerate(words) if word == "approve"
    ]


def test_many_threads_decide():
    """With many threads that decide and one that stops, each call gets at most one decision."""
    for _ in range(20):
        client = FakeClient(asking(*["delete"] * 4), ["Done."])
        told = []
        session = ChatSession(client, on_tool=lambda call, result, told=told: told.append(call.id))
        waiting = Waiting(session)
        handle = session.start("Go", tools=[Tool(delete, approve=True)])
        ids = waiting.ids()
        counted = []

        def decide(session=session, ids=ids, counted=counted):
            for id in ids:
                counted.append((id, session.approve(id)))

        threads = [threading.Thread(target=decide) for _ in range(4)]
        threads.append(threading.Thread(target=session.stop))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT)
        assert handle.wait(WAIT)
        assert session.status in ("finished", "stopped")
        wins = [id for id, won in counted if won]
        assert len(wins) == len(set(wins))
        assert len(told) == len(set(told))
        if session.status == "finished":
            assert sorted(told) == sorted(ids)
