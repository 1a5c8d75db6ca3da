"""Tools on threads of their own: side by side, within a limit of time, left behind by a stop."""

from __future__ import annotations

import contextvars
import threading
import time

import pytest
from session_fakes import WAIT, FakeClient, asking, eventually, said

from chatsdk import Tool, ToolCall
from chatsdk.session import ChatSession
from chatsdk.session.tool_runner import Run
from chatsdk.session.tools import result_of
from chatsdk.transport.clock import now


@pytest.fixture
def release():
    """Set at the end of a test: what hangs until then does not outlive it."""
    event = threading.Event()
    yield event
    event.set()


def results(client, number=1):
    return [message.content for message in client.asked[number][0] if message.role == "tool"]


def threads_of_tools():
    return [thread for thread in threading.enumerate() if thread.name.startswith("chatsdk-tool")]


def test_side_by_side():
    """Calls whose tools allow it run at the same time; their results keep the model's order."""
    together = threading.Barrier(3)

    def look() -> str:
        # Each waits for the two others: one after the other, none would return.
        return str(together.wait(WAIT))

    told = []
    client = FakeClient(asking("look", "look", "look"), ["Done."])
    session = ChatSession(client, on_tool=lambda call, result: told.append(call.id))
    assert session.run("Go", tools=[Tool(look, parallel=True)]).text == "Done."
    assert sorted(results(client)) == ["0", "1", "2"]
    assert told == ["c0", "c1", "c2"]
    ids = [message.tool_call_id for message in client.asked[1][0] if message.role == "tool"]
    assert ids == ["c0", "c1", "c2"]


def test_never_more_than_eight():
    """Only some of many calls run at the same time."""
    lock, running, most = threading.Lock(), [], []

    def look() -> None:
        with lock:
            running.append(1)
            most.append(len(running))
        with lock:
            running.pop()

    client = FakeClient(asking(*["look"] * 20), ["Done."])
    ChatSession(client).run("Go", tools=[Tool(look, parallel=True)])
    assert len(most) == 20
    assert max(most) <= 8


def test_one_after_the_other():
    """A tool that does not allow it runs alone, in the model's order."""
    order = []

    def noting(name):
        def tool() -> None:
            order.append(f"{name} begins")
            order.append(f"{name} ends")

        return tool

    client = FakeClient(asking("look", "write", "plain", "look"), ["Done."])
    tools = {
        "look": Tool(noting("look"), parallel=True),
        "write": Tool(noting("write")),
        "plain": lambda: order.append(threading.current_thread()),
    }
    ChatSession(client).run("Go", tools=tools)
    look = ["look begins", "look ends"]
    assert order == [*look, "write begins", "write ends", threading.current_thread(), *look]


def test_the_context_goes_along():
    """A tool on a separate thread sees the context variables of the reader."""
    user = contextvars.ContextVar("user")
    user.set("Ada")
    client = FakeClient(asking("who"), ["Done."])
    ChatSession(client).run("Go", tools={"who": Tool(lambda: user.get())})
    assert results(client) == ["Ada"]


def test_past_its_limit(release):
    """A call past its time is left behind: the model hears of it, and its result is dropped."""
    told, returned = [], threading.Event()

    def slow() -> str:
        eventually(release)
        returned.set()
        return "late"

    client = FakeClient(asking("slow", "quick"), ["Done."])
    session = ChatSession(client, on_tool=lambda call, result: told.append(result))
    tools = [Tool(slow, timeout=0.05, parallel=True), Tool(quick, timeout=WAIT, parallel=True)]
    assert session.run("Go", tools=tools).text == "Done."
    assert results(client) == ["error: the tool did not return within 0.05 s", "quick"]
    assert [type(result) for result in told] == [TimeoutError, str]
    before = session.messages
    release.set()
    eventually(returned)
    for thread in threads_of_tools():
        thread.join(WAIT)
    assert (session.messages, len(told)) == (before, 2)


def test_late_although_the_reader_was_busy(release):
    """A result after the limit does not count, even if the limit was not checked."""
    rung = threading.Event()

    def slow():
        eventually(release)
        return result_of("late")

    run = Run(ToolCall("c1", "slow", "{}"), slow, 0.05, rung.set)
    while now() <= run.deadline:
        rung.wait(0.05)
    release.set()
    eventually(rung)
    result = run.result()
    assert (result.failed, type(result.value)) == (True, TimeoutError)


def quick() -> str:
    return "quick"


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("way", ["stop", "close", "latest"])
def test_one_that_hangs_does_not_hold_a_stop(release, way, parallel):
    """The turn ends at once, although its tool never returns."""
    running, ends, told = threading.Event(), [], []

    def hang() -> None:
        running.set()
        eventually(release)

    client = FakeClient(asking("hang", "quick", text="Wait."), ["new"])
    session = ChatSession(
        client, on_finish=ends.append, on_tool=lambda call, result: told.append(call)
    )
    handle = session.start("Go", tools=[Tool(hang, parallel=parallel), quick])
    eventually(running)
    if way == "latest":
        assert session.run("Newer", latest=True).text == "new"
    else:
        getattr(session, way)()
    assert handle.wait(WAIT)
    assert not release.is_set()
    assert (ends[0].reason, ends[0].answer.text, told) == ("stopped", "Wait.", [])
    assert session.done


def test_a_tool_that_exits():
    """An extraordinary exception is raised through the reader, as if it had run there."""

    def leave() -> None:
        raise SystemExit(3)

    client = FakeClient(asking("leave"))
    session = ChatSession(client)
    with pytest.raises(SystemExit) as caught:
        session.run("Go", tools=[Tool(leave)])
    assert (caught.value.code, session.status) == (3, "stopped")


def test_an_error_on_a_thread():
    """An ordinary exception is the result of its call, for the model and for on_tool."""
    told = []
    client = FakeClient(asking("fail"), ["Sorry."])
    session = ChatSession(client, on_tool=lambda call, result: told.append(result))
    session.run("Go", tools={"fail": Tool(lambda: 1 / 0, parallel=True)})
    assert results(client) == ["error: division by zero"]
    assert [type(error) for error in told] == [ZeroDivisionError]


def test_limits_with_a_frozen_clock(monkeypatch, release):
    """A limit holds while a test freezes time."""
    monkeypatch.setattr(time, "monotonic", lambda: 1.0)
    client = FakeClient(asking("slow"), ["Done."])
    tools = {"slow": Tool(lambda: eventually(release), timeout=0.05)}
    assert ChatSession(client).run("Go", tools=tools).text == "Done."
    assert results(client) == ["error: the tool did not return within 0.05 s"]


def test_approved_calls_side_by_side():
    """Approved calls of a parallel tool run at the same time, too."""
    together = threading.Barrier(2)
    client = FakeClient(asking("look", "look"), ["Done."])
    session = ChatSession(client)
    session.subscribe(lambda: [session.approve(call.id) for call in session.pending])
    tools = {"look": Tool(lambda: str(together.wait(WAIT)), approve=True, parallel=True)}
    session.run("Go", tools=tools)
    assert sorted(results(client)) == ["0", "1"]
    assert said(session.messages)[-1] == ("assistant", "Done.")
