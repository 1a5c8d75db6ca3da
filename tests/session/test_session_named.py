"""Conversations that the client names: the session names them once, and keeps the name."""

from __future__ import annotations

import json

import pytest

from chatsdk.session import use_chat
from chatsdk.testing import ChatServer

NAMES = {"vercel": "id", "agui": "threadId"}


def ids(server, dialect):
    return [json.loads(request.body)[NAMES[dialect]] for request in server.requests]


@pytest.mark.parametrize("dialect", NAMES)
def test_a_chat_keeps_its_id(dialect):
    """The id is the same over the turns and in a saved session, and a new one after reset()."""
    with ChatServer() as server:
        for _ in range(4):
            server.answer(dialect, "Hi")
        with use_chat(server.url + "/chat", dialect=dialect) as session:
            assert session.conversation_id is None
            session.run("1")
            id = session.conversation_id
            session.run("2")
            saved = json.loads(json.dumps(session.to_dict()))
            session.reset()
            session.run("new")
            other = session.conversation_id
        with use_chat(server.url + "/chat", dialect=dialect, saved=saved) as session:
            session.run("3")
        assert ids(server, dialect)[:1] != [None]
        if dialect == "vercel":
            # An AG-UI server names its thread, and chatsdk's has its own name.
            assert ids(server, dialect) == [id, id, other, id]
            assert other != id
        else:
            assert ids(server, dialect)[1] == ids(server, dialect)[3] == id


def test_an_id_of_the_user():
    """A chat that the user names has that name, for this turn and those after it."""
    with ChatServer() as server:
        for _ in range(3):
            server.answer("vercel", "Hi")
        with use_chat(server.url + "/chat", dialect="vercel", conversation_id="mine") as session:
            session.run("1")
            session.run("2", conversation_id="other")
            session.run("3")
        assert ids(server, "vercel") == ["mine", "other", "other"]


def test_the_rounds_of_a_turn_are_in_one_chat():
    """The request with the results of tools names the same chat."""
    with ChatServer() as server:
        server.answer("vercel", tool_calls=[{"id": "c1", "name": "look", "arguments": {}}])
        server.answer("vercel", "A cat.")
        with use_chat(server.url + "/chat", dialect="vercel") as session:
            session.run("What?", tools={"look": lambda: "a cat"})
            assert ids(server, "vercel") == [session.conversation_id] * 2


def test_who_is_not_named_is_not_named():
    """A backend that has no conversations, or names them itself, is not sent a name."""
    with ChatServer() as server:
        server.answer("openai", "Hi")
        with use_chat(server.url + "/v1/chat/completions") as session:
            session.run("1")
            assert session.conversation_id is None


def test_a_message_has_one_name():
    """A message of a round has the same id in all later requests."""
    with ChatServer() as server:
        server.answer("agui", tool_calls=[{"id": "c1", "name": "look", "arguments": {}}])
        for _ in range(2):
            server.answer("agui", "A cat.")
        with use_chat(server.url + "/chat", dialect="agui") as session:
            session.run("What?", tools={"look": lambda: "a cat"})
            session.run("Well?")
            ours = [message.id for message in session.messages]
        second, third = (
            [message["id"] for message in json.loads(request.body)["messages"]]
            for request in server.requests[1:]
        )
    assert second == third[:3]
    assert set(third) < set(ours)
