"""Going back in a conversation that the backend keeps: OpenAI's responses, each with its own id."""

from __future__ import annotations

import json

import pytest
from session_fakes import said

from chatsdk import BackendError
from chatsdk.session import Edit, Regenerate, use_chat
from chatsdk.testing import ChatServer


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


def hook(server, *answers, **options):
    for number, answer in enumerate(answers, 1):
        server.answer("openai_responses", answer, id=f"resp_{number}")
    return use_chat(server.url + "/v1/responses", **options)


def sent(server, number=-1):
    """From which response the request goes on, and what it adds."""
    body = json.loads(server.requests[number].body)
    return body.get("previous_response_id"), [item["content"] for item in body["input"]]


def test_editing_goes_on_from_the_response_before(server):
    """An edited question follows the answer before it, and not the one that is replaced."""
    with hook(server, "one", "two", "three", "again") as session:
        for question in ("1", "2", "3"):
            session.run(question)
        assert sent(server) == ("resp_2", ["3"])
        session.run(Edit(session.messages[2].id, "two?"))
        assert sent(server) == ("resp_1", ["two?"])
        assert said(session.messages) == [
            *(("user", "1"), ("assistant", "one"), ("user", "two?"), ("assistant", "again"))
        ]
        server.answer("openai_responses", "on", id="resp_5")
        session.run("3?")
        assert sent(server) == ("resp_4", ["3?"])


def test_editing_the_first_question_begins_anew(server):
    """Before the first answer there is no response to go on from."""
    with hook(server, "one", "two", "again", messages=["Be kind."]) as session:
        session.run("1")
        session.run("2")
        session.edit(session.messages[1].id, "one?").result()
        assert sent(server) == (None, ["Be kind.", "one?"])


def test_regenerating_leaves_the_old_answer_out(server):
    """The question is asked again after the answer before it, the last one or one further up."""
    with hook(server, "one", "two", "two again", "one again") as session:
        session.run("1")
        session.run("2")
        session.run(Regenerate())
        assert sent(server) == ("resp_1", ["2"])
        session.run(Regenerate(session.messages[0].id))
        assert sent(server) == (None, ["1"])


def test_a_saved_session_can_go_back(server):
    """The ids of the answers are saved with them."""
    with hook(server, "one", "two", "again") as session:
        session.run("1")
        session.run("2")
        saved = json.loads(json.dumps(session.to_dict()))
    with use_chat(server.url + "/v1/responses", saved=saved) as session:
        session.run(Edit(session.messages[2].id, "two?"))
        assert sent(server) == ("resp_1", ["two?"])


def test_an_older_saved_session_goes_on(server):
    """If only the latest id was saved, the next question continues from it, not earlier."""
    with hook(server, "one", "two") as session:
        session.run("1")
        saved = session.to_dict()
    del saved["origin"], saved["messages"][1]["conversation_id"]
    with use_chat(server.url + "/v1/responses", saved=saved) as session:
        with pytest.raises(ValueError, match="the backend keeps"):
            session.edit(session.messages[0].id, "one?")
        session.run("2")
        assert sent(server) == ("resp_1", ["2"])


def test_what_was_there_before_stays(server):
    """A session that began with a response goes back to it, and not to before it."""
    with hook(server, "one", "again", conversation_id="resp_0") as session:
        session.run("1")
        assert sent(server) == ("resp_0", ["1"])
        session.run(Edit(session.messages[0].id, "one?"))
        assert sent(server) == ("resp_0", ["one?"])


def test_a_conversation_only_grows(server):
    """In a `conversation` of OpenAI's nothing can be said in place of something else."""
    with hook(server, "one", conversation_id="conv_1") as session:
        session.run("1")
        with pytest.raises(ValueError, match="the backend keeps"):
            session.edit(session.messages[0].id, "one?")


def test_a_round_of_tools_is_gone_back_over(server):
    """A question whose answer used tools is asked again after the answer before it."""
    server.answer("openai_responses", "one", id="resp_1")
    for number in (2, 4):
        call = {"id": f"c{number}", "name": "look", "arguments": {}}
        server.answer("openai_responses", tool_calls=[call], id=f"resp_{number}")
        server.answer("openai_responses", "seen", id=f"resp_{number + 1}")
    with use_chat(server.url + "/v1/responses") as session:
        session.run("1")
        session.run("2", tools={"look": lambda: "a cat"})
        assert json.loads(server.requests[2].body)["previous_response_id"] == "resp_2"
        session.run(Regenerate())
        assert sent(server, 3) == ("resp_1", ["2"])


def frames(*payloads):
    return "".join(f"data: {json.dumps(payload)}\n\n" for payload in payloads)


@pytest.mark.parametrize("kept", [None, {"id": "conv_1"}], ids=["responses", "conversation"])
@pytest.mark.parametrize("whole", [True, False])
def test_results_are_sent_until_the_backend_has_answered_them(server, kept, whole):
    """A round whose answer broke off is sent again; one that was answered is not."""
    call = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}

    def ended(id, *output):
        response = {"id": id, "conversation": kept, "status": "completed", "output": output}
        return {"type": "response.completed", "response": response}

    begun = [
        {"type": "response.created", "response": {"id": "resp_2"}},
        {"type": "response.output_text.delta", "delta": "A c"},
    ]
    second = [*begun, ended("resp_2")] if whole else [*begun, {"type": "error", "message": "no"}]
    for payloads in ([ended("resp_1", call)], second, [ended("resp_3")]):
        server.reply(body=frames(*payloads), headers={"Content-Type": "text/event-stream"})
    given = {} if kept is None else {"conversation_id": "conv_1"}
    with use_chat(server.url + "/v1/responses", **given) as session:
        if whole:
            session.run("What?", tools={"look": lambda: "a cat"})
        else:
            with pytest.raises(BackendError):
                session.run("What?", tools={"look": lambda: "a cat"})
        session.run("Well?")
    body = json.loads(server.requests[2].body)
    result = {"type": "function_call_output", "call_id": "c1", "output": "a cat"}
    assert (result in body["input"]) is not whole
    assert body["input"][-1]["content"] == "Well?"
    if kept is None:
        assert body["previous_response_id"] == ("resp_2" if whole else "resp_1")
    else:
        assert body["conversation"] == "conv_1"


@pytest.mark.parametrize("kept", [None, {"id": "conv_1"}], ids=["responses", "conversation"])
def test_a_stop_in_the_second_round(server, kept):
    """Only the call of the newest round waits for a result; the one before has been answered."""
    for number in (1, 2, 3):
        item = {"type": "function_call", "call_id": f"c{number}", "name": "look", "arguments": "{}"}
        output = [item] if number < 3 else []
        response = {"id": f"resp_{number}", "conversation": kept, "status": "completed"}
        end = {"type": "response.completed", "response": response | {"output": output}}
        server.reply(body=frames(end), headers={"Content-Type": "text/event-stream"})
    runs = []

    def look():
        runs.append(1)
        if len(runs) == 2:
            session.stop()
        return "a cat"

    given = {} if kept is None else {"conversation_id": "conv_1"}
    with use_chat(server.url + "/v1/responses", **given) as session:
        session.run("What?", tools={"look": look})
        session.run("Well?")
    assert [item.get("call_id") for item in json.loads(server.requests[2].body)["input"]] == [
        *("c2", None)
    ]
