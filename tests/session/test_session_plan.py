"""The plan of a turn: who keeps the conversation, the request, and what the backend has of it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from chatsdk import Message
from chatsdk.answer import ToolCall
from chatsdk.session.history import Conversation
from chatsdk.session.plan import TurnPlan
from chatsdk.session.request import Ask, Edit, Post, Regenerate
from chatsdk.session.snapshot import Snapshot

CALL = ToolCall("t1", "look", "{}")


def user(id: str) -> Message:
    return Message("user", f"question {id}", id=id)


def reply(id: str, status: str | None = "finished", **fields) -> Message:
    return Message("assistant", f"answer {id}", id=id, status=status, **fields)


# Two questions with their answers; as a backend that branches keeps them; cut short; with a call
# whose result is missing.
TALK = (user("1"), reply("2"), user("3"), reply("4"))
BRANCHING = (
    *(user("1"), reply("2", conversation_id="r2")),
    *(user("3"), reply("4", conversation_id="r4")),
)
STOPPED = (user("1"), reply("2"), user("3"), reply("4", "stopped"))
OWED = (user("1"), reply("2", tool_calls=(CALL,)))


def dialect_of(keeper: str):
    """The conversation is kept by the client, the server, or a server that branches."""
    return SimpleNamespace(
        history=lambda url: "client" if keeper in ("client", "named") else "server",
        branches=lambda id: keeper == "branches",
        new_conversation=lambda: "new" if keeper == "named" else None,
    )


def plan(keeper, request, messages=TALK, *, last=None, options=(), **conversation) -> TurnPlan:
    turn = None if last is None else SimpleNamespace(plan=SimpleNamespace(request=last))
    known = Conversation(messages, **conversation)
    ids = iter(f"m{number}" for number in range(1, 9))
    return TurnPlan.of(
        request,
        dict(options),
        Snapshot(turn=turn, conversation=known),
        dialect=dialect_of(keeper),
        url="http://x/",
        new_id=lambda: next(ids),
    )


def ids(messages) -> str | None:
    """The messages' ids, those of results that were made up as a dash."""
    if messages is None:
        return None
    return "".join((message.id or "-").removeprefix("m") for message in messages)


NEW = Ask((Message("user", "new", id="n"),))
# A message that a turn gives its id, which is `m1`.
UNNAMED = Ask((Message("user", "new"),))

# keeper, request, conversation: the ids kept and sent, and the backend's conversation.
CASES = [
    # The client sends everything again.
    ("client", NEW, {}, "1234n", "1234n", None),
    ("client", UNNAMED, {}, "12341", "12341", None),
    ("client", Regenerate(), {}, "123", "123", None),
    ("client", Regenerate("2"), {}, "1", "1", None),
    ("client", Regenerate("1"), {}, "1", "1", None),
    ("client", Edit(None, "x"), {}, "123", "123", None),
    ("client", Edit("1", "x"), {}, "1", "1", None),
    ("client", NEW, {"messages": STOPPED}, "1234n", "1234n", None),
    ("named", NEW, {"messages": ()}, "n", "n", "new"),
    ("named", NEW, {"id": "c1"}, "1234n", "1234n", "c1"),
    # The server has what was answered, and gets what is new.
    ("server", NEW, {"messages": ()}, "n", "n", None),
    ("server", NEW, {"id": "c1"}, "1234n", "n", "c1"),
    ("server", NEW, {"id": None}, "1234n", "1234n", None),
    ("server", NEW, {"id": "c1", "messages": STOPPED}, "1234n", "34n", "c1"),
    ("server", NEW, {"id": "c1", "messages": STOPPED, "last_on_server": "4"}, "1234n", "n", "c1"),
    ("server", NEW, {"id": "c1", "messages": OWED}, "12n", "-n", "c1"),
    ("server", Regenerate(), {"id": "c1"}, "123", "3", "c1"),
    ("server", Regenerate(), {"id": "c1", "messages": STOPPED}, "123", "3", "c1"),
    # A server that branches continues from any of its answers.
    ("branches", NEW, {"id": "r4", "messages": BRANCHING}, "1234n", "n", "r4"),
    ("branches", Regenerate(), {"id": "r4", "messages": BRANCHING}, "123", "3", "r2"),
    ("branches", Regenerate("2"), {"id": "r4", "messages": BRANCHING}, "1", "1", None),
    ("branches", Edit("3", "x"), {"id": "r4", "messages": BRANCHING}, "123", "3", "r2"),
    ("branches", Edit("1", "x"), {"id": "r4", "messages": BRANCHING}, "1", "1", None),
    ("branches", NEW, {"id": "r0", "resumed_from": "r0", "messages": ()}, "n", "n", "r0"),
]


@pytest.mark.parametrize(("keeper", "request_", "state", "kept", "sent", "id"), CASES)
def test_what_is_kept_and_sent(keeper, request_, state, kept, sent, id):
    """The conversation from now on, the messages of it that are sent, and where they belong."""
    found = plan(keeper, request_, **state)
    assert (ids(found.messages), ids(found.sent), found.conversation_id) == (kept, sent, id)
    assert found.named == (id if keeper in ("client", "named") else None)
    assert found.branches == (keeper == "branches")
    assert isinstance(found.request, Ask)


@pytest.mark.parametrize(
    ("keeper", "request_", "state"),
    [
        ("server", Edit(None, "x"), {"id": "c1"}),
        ("server", Regenerate("2"), {"id": "c1"}),
        ("branches", Edit("1", "x"), {"id": "r4", "resumed_from": "r0"}),
        ("branches", Regenerate("2"), {"id": "r4", "resumed_from": "r0"}),
    ],
)
def test_a_server_that_keeps_the_history_is_not_contradicted(keeper, request_, state):
    """An earlier message of a conversation that the backend keeps cannot be replaced."""
    with pytest.raises(ValueError, match="the backend keeps this conversation"):
        plan(keeper, request_, **state)


@pytest.mark.parametrize("keeper", ["client", "server", "branches"])
def test_an_id_of_the_caller_comes_first(keeper):
    """With `conversation_id` among the options, that conversation is continued."""
    found = plan(keeper, NEW, id="c1", options={"conversation_id": "c9"})
    assert found.conversation_id == "c9"
    assert ids(found.sent) == ("1234n" if keeper == "client" else "n")


@pytest.mark.parametrize("request_", [Post({"a": 1}), Regenerate()])
def test_a_body_changes_no_conversation(request_):
    """A body is posted as it is, and posted again by `regenerate` after it."""
    found = plan("server", request_, last=Post({"a": 1}), id="c1")
    assert (found.request, ids(found.messages), found.sent) == (Post({"a": 1}), "1234", None)
    assert (found.conversation_id, found.asked) == (None, ())


def test_a_body_takes_no_options():
    """Options go with a question, not with a body."""
    with pytest.raises(TypeError, match="model: options are for asking"):
        plan("client", Post({}), options={"model": "m"})


@pytest.mark.parametrize("request_", [Regenerate(), Edit(None, "x")])
def test_the_options_of_the_last_question_are_used_again(request_):
    """`regenerate` and `edit` repeat the options, and new ones override them."""
    last = Ask((), {"model": "m", "temperature": 1})
    found = plan("client", request_, last=last, options={"temperature": 0})
    assert found.request.options == {"model": "m", "temperature": 0}
    assert found.asked == ("3",)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Regenerate("9"), "no message with the id '9'"),
        (Edit("9", "x"), "no message with the id '9'"),
        (Edit("2", "x"), "'2' is not the user's"),
    ],
)
def test_a_message_that_is_not_there(request_, message):
    """A missing message is an error, and so is one of another role."""
    with pytest.raises(ValueError, match=message):
        plan("client", request_)
