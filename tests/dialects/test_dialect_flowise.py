"""Flowise: what is asked, and an answer that comes whole."""

from __future__ import annotations

import json

import pytest

from chatsdk import ChatClient, ChatSession, dialects
from chatsdk.dialects.urls import guess
from chatsdk.messages import Image, Message
from chatsdk.testing import ChatServer, EmbeddedServer

flowise = dialects.get("flowise")

HI = Message("user", "Hi")


def test_what_is_asked():
    """The new question, the session among the overrides, pictures as uploads."""
    pictures = (Image(url="https://e.example/a.png"), Image(data="aGk=", media_type="image/gif"))
    messages = [HI, Message("assistant", "Yes?"), Message("user", "See", images=pictures)]
    assert flowise.body(
        messages, conversation_id="s1", overrideConfig={"temperature": 0}, chatId="c1"
    ) == {
        "question": "See",
        "streaming": True,
        "uploads": [
            {
                "data": "https://e.example/a.png",
                "type": "url",
                "name": "picture-1",
                "mime": "image/png",
            },
            {
                "data": "data:image/gif;base64,aGk=",
                "type": "file",
                "name": "picture-2.gif",
                "mime": "image/gif",
            },
        ],
        "overrideConfig": {"sessionId": "s1", "temperature": 0},
        "chatId": "c1",
    }


def test_a_first_question():
    """Without a session there are no overrides: Flowise begins one."""
    assert flowise.body([HI]) == {"question": "Hi", "streaming": True}


def test_what_cannot_be_asked():
    """Tools and instructions belong to the flow; the error explains it."""
    with pytest.raises(ValueError, match="to the flow"):
        flowise.body([HI], tools=[{"name": "f"}])
    with pytest.raises(ValueError, match="system message"):
        flowise.body([Message("system", "Brief."), HI])


def test_the_address_tells():
    """The path of the prediction API is Flowise's alone."""
    assert guess("http://localhost:3000/api/v1/prediction/ab-1") == "flowise"


def test_an_answer_that_comes_whole():
    """A flow that cannot stream answers with a document, which is read with all that it holds."""
    payload = {
        "text": "Ten days.",
        "chatId": "c1",
        "chatMessageId": "m1",
        "sessionId": "s1",
        "usedTools": [{"tool": "find", "toolInput": {"q": "tea"}, "toolOutput": "found"}],
        "sourceDocuments": [{"pageContent": "ten days", "metadata": {"source": "hr.pdf"}}],
    }
    with ChatServer() as server:
        headers = {"Content-Type": "application/json"}
        server.reply(200, body=json.dumps(payload).encode(), headers=headers)
        with ChatClient(f"{server.url}/api/v1/prediction/f") as client:
            answer = client.ask("How long?").result()
    assert (answer.text, answer.id, answer.conversation_id) == ("Ten days.", "m1", "s1")
    assert [(call.name, call.parsed) for call in answer.tool_calls] == [("find", {"q": "tea"})]
    assert [item.document for item in answer.citations] == ["hr.pdf"]


def test_the_conversation_goes_on():
    """A session asks the second question in the session of the first."""
    with EmbeddedServer("flowise", pace=0) as server:
        client = ChatClient(f"{server.url}/api/v1/prediction/f")
        with client, ChatSession(client) as session:
            list(session.ask("Hi"))
            known = session.answer.conversation_id
            assert known
            list(session.ask("Again"))
        body = server.requests[-1].json
    assert body["question"] == "Again"
    assert body["overrideConfig"] == {"sessionId": known}
