"""`output=`: an object of the caller's own type, over every dialect, on real sockets."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
import threading
from itertools import pairwise
from typing import Literal

import attrs
import pytest

from chatsdk import (
    BackendError,
    Cancel,
    ChatClient,
    ChatError,
    Image,
    Limits,
    OutputError,
    Retry,
    dialects,
)
from chatsdk.client.objects import Asking
from chatsdk.messages import Message
from chatsdk.output import shape_of
from chatsdk.parts import Finish, Text, ToolCallDelta
from chatsdk.testing import ChatServer

pytest.importorskip("cattrs")
pytest.importorskip("jiter")


@attrs.define
class Recipe:
    title: str
    steps: list[str]
    minutes: int | None = None


@attrs.define
class Oven:
    degrees: int = attrs.field(validator=attrs.validators.le(300))


@attrs.define
class Bake:
    ovens: list[Oven]


PANCAKES = {"title": "Pancakes", "steps": ["Mix.", "Fry."], "minutes": None}
TEXT = json.dumps(PANCAKES)
OBJECT = Recipe("Pancakes", ["Mix.", "Fry."])

# The place of the schema or the mode in the body of each dialect's first way, and its type.
FIELDS = {
    "anthropic": ("output_config", "format", "type", "json_schema"),
    "bedrock": ("outputConfig", "textFormat", "type", "json_schema"),
    "dashscope": ("parameters", "response_format", "type", "json_object"),
    "deepseek": ("response_format", "type", "json_object"),
    "gemini": ("generationConfig", "responseMimeType", "application/json"),
    "ollama": ("format", "type", "object"),
    "openai": ("response_format", "type", "json_schema"),
    "openai_responses": ("text", "format", "type", "json_schema"),
}
# Their backends decide about the model, so they are asked in words.
IN_WORDS = ("agui", "coze", "dify", "fastgpt", "ragflow", "vercel")
MODEL_IN_URL = ("bedrock", "gemini")


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


def client_of(server, dialect, **options):
    defaults = {} if dialect in MODEL_IN_URL else {"model": "m"}
    path = "/models/m/converse-stream" if dialect == "bedrock" else "/chat"
    if dialect == "gemini":
        path = "/v1beta/models/m:streamGenerateContent?alt=sse"
    extra = {"coze": {"bot_id": "b", "user_id": "u"}, "dify": {"user": "u"}}
    return ChatClient(
        server.url + path,
        dialect=dialect,
        exact_url=True,
        retry=Retry(attempts=1),
        defaults=extra.get(dialect, defaults),
        **options,
    )


def at(body, *path):
    for name in path:
        body = body[name]
    return body


@pytest.mark.parametrize("dialect", [*FIELDS, *IN_WORDS])
def test_each_dialect_gives_the_object(server, dialect):
    """The steps have partial objects, and the result the complete one."""
    server.answer(dialect, [TEXT[:9], TEXT[9:30], TEXT[30:]])
    with client_of(server, dialect) as client:
        stream = client.ask("Pancakes?", output=Recipe)
        values = [answer.value for answer in stream]
        assert stream.result().value == OBJECT
    titles = [value.title for value in values if value is not None]
    assert titles[-1] == "Pancakes"
    assert all((later or "").startswith(sooner or "") for sooner, later in pairwise(titles))
    body = server.requests[0].json
    if dialect in FIELDS:
        *path, kind = FIELDS[dialect]
        assert at(body, *path) == kind
    else:
        assert "JSON schema" in json.dumps(body)
        assert "Pancakes?" in json.dumps(body)


@pytest.mark.parametrize(
    "dialect", ["anthropic", "bedrock", "gemini", "openai", "openai_responses"]
)
def test_a_tool_stands_for_the_answer(server, dialect):
    """With ``output_by="tool"`` its arguments are the text, and no call is left to answer."""
    call = ToolCallDelta(0, "c1", "Recipe", TEXT)
    server.answer(dialect, parts=[call, Finish("tool_calls")])
    with client_of(server, dialect) as client:
        answer = client.ask("Pancakes?", output=Recipe, output_by="tool").result()
    assert answer.value == OBJECT
    assert json.loads(answer.text) == PANCAKES
    assert (answer.tool_calls, answer.finish_reason) == ((), "stop")
    assert "Recipe" in json.dumps(server.requests[0].json)


def test_calls_of_other_tools_stay_calls(server):
    """Another tool than the one for the answer is called as usual, and nothing is checked yet."""
    server.answer(
        "openai",
        parts=[ToolCallDelta(0, "c1", "look", '{"at": "shop"}'), Finish("tool_calls")],
    )
    tool = {"name": "look", "description": "", "parameters": {"type": "object"}}
    with client_of(server, "openai") as client:
        answer = client.ask("?", output=Recipe, output_by="tool", tools=[tool]).result()
    assert [call.name for call in answer.tool_calls] == ["look"]
    assert answer.finish_reason == "tool_calls"
    assert server.requests[0].json["tool_choice"] == "required"


@pytest.mark.parametrize(
    ("text", "path", "expected", "came"),
    [
        ('{"title": "P", "steps": ["a", 2]}', "steps[1]", "a string", "2"),
        ('{"title": "P"}', "steps", "an array", "nothing"),
        ('{"title": "P", "steps": [], "minutes": "3"}', "minutes", "an integer or null", '"3"'),
        ('{"title": "P", "steps": [], "cook": 1}', "", "an object whose fields are", '{"cook": 1}'),
        ('{"title": "P", "steps": [', "", "a complete JSON object", '"{'),
        ("I cannot cook.", "", "a JSON object", '"I cannot cook."'),
        ('{"title": "P", "steps": [],}', "", "JSON (", '"{'),
    ],
)
def test_an_answer_that_does_not_fit(server, text, path, expected, came):
    """The error has the place, the expected and the received value, and the text."""
    server.answer("openai", text)
    with client_of(server, "openai") as client:
        stream = client.ask("Pancakes?", output=Recipe)
        with pytest.raises(OutputError) as caught:
            stream.result()
    error = caught.value
    assert error.path == path
    assert error.expected.startswith(expected)
    assert error.came.startswith(came)
    assert error.text == error.answer.text == text
    assert isinstance(error, ChatError)
    assert stream.outcome.reason == "error"
    assert stream.outcome.error is error
    assert pickle.loads(pickle.dumps(error)).path == path


def test_the_class_itself_may_reject_it(server):
    """A validator of the class raises `OutputError` at its place."""
    server.answer("openai", '{"ovens": [{"degrees": 200}, {"degrees": 900}]}')
    with client_of(server, "openai") as client, pytest.raises(OutputError) as caught:
        client.ask("?", output=Bake).result()
    assert caught.value.path.startswith("ovens[1]")
    assert "300" in caught.value.expected


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a list"])
def test_a_validator_of_pydantic_may_raise_anything(server, inside):
    """Any exception of a validator is an `OutputError`, and one of many prompts goes on."""
    pydantic = pytest.importorskip("pydantic")

    class Place(pydantic.BaseModel):
        city: str

        @pydantic.field_validator("city")
        @classmethod
        def known(cls, city):
            return {"Rome": "IT"}[city]

    text = '{"city": "Paris"}'
    server.answer("openai", f'{{"value": [{text}]}}' if inside else text)
    output = list[Place] if inside else Place
    with client_of(server, "openai") as client:
        (outcome,) = client.map(["?"], output=output, progress=False)
    assert isinstance(outcome.error, OutputError)
    assert "Paris" in outcome.error.expected
    assert outcome.error.path == ("[0]" if inside else "")


def test_a_cut_answer_says_what_to_change(server):
    """The error of an answer at its token limit mentions the limit."""
    server.answer("openai", '{"title": "P', finish_reason="length")
    with client_of(server, "openai") as client, pytest.raises(OutputError, match="max_tokens"):
        client.ask("?", output=Recipe).result()


@pytest.mark.parametrize("reason", ["refusal", "content_filter"])
@pytest.mark.parametrize("dialect", ["anthropic", "gemini"])
def test_a_refusal_is_the_backends_error(server, dialect, reason):
    """A model that declines raises `BackendError` with its words, not a broken object."""
    server.answer(dialect, parts=[Text("I may not."), Finish(reason)])
    with client_of(server, dialect) as client, pytest.raises(BackendError) as caught:
        client.ask("?", output=Recipe).result()
    assert caught.value.message == "I may not."
    assert caught.value.answer.text == "I may not."


def test_openai_refuses_in_a_field_of_its_own(server):
    """The text in ``delta.refusal`` is the error's message."""
    refused = b'data: {"choices":[{"delta":{"refusal":"I may not."}}]}\n\n'
    stop = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    server.stream([refused, stop])
    with client_of(server, "openai") as client, pytest.raises(BackendError) as caught:
        client.ask("?", output=Recipe).result()
    assert caught.value.message == "I may not."


def test_repair_asks_once_more(server):
    """The second question has the answer and what is wrong; its answer takes the place."""
    server.answer("openai", '{"title": "Waffles", "steps": 3}')
    server.answer("openai", TEXT)
    with client_of(server, "openai") as client:
        stream = client.ask("Pancakes?", output=Recipe, repair=1)
        answers = list(stream)
    assert answers[-1].value == OBJECT
    assert stream.answer.text == TEXT
    assert stream.outcome.reason == "finished"
    assert [answer.text for answer in answers if answer.rewritten] == [
        next(answer.text for answer in answers if answer.rewritten)
    ]
    again = server.requests[1].json["messages"]
    assert [message["role"] for message in again] == ["user", "assistant", "user"]
    assert again[1]["content"] == '{"title": "Waffles", "steps": 3}'
    assert "steps" in again[2]["content"]
    assert "an array" in again[2]["content"]


def test_repair_gives_up_in_the_end(server):
    """After as many repairs as allowed the last error is raised."""
    for _ in range(3):
        server.answer("openai", "no")
    with client_of(server, "openai") as client:
        stream = client.ask("?", output=Recipe, repair=2)
        with pytest.raises(OutputError):
            stream.result()
        assert stream.outcome.reason == "error"
    assert len(server.requests) == 3


@pytest.mark.parametrize("end", ["answered", "failed", "closed", "dropped", "refused"])
def test_stop_leaves_the_callers_switch_alone(server, end):
    """The caller's `Cancel` may serve other requests: it is not set, and let go of at the end."""
    cancel = Cancel()
    texts = {"answered": ["no", TEXT], "failed": ["no", "no"], "refused": []}.get(end, ["no"])
    for text in texts:
        server.answer("openai", text)
    if end == "refused":
        server.reply(401, json={"error": {"message": "Wrong key."}})
    server.answer("openai", "Fine.")
    with client_of(server, "openai") as client:
        if end == "refused":
            with pytest.raises(ChatError):
                client.ask("?", output=Recipe, repair=1, cancel=cancel)
        else:
            stream = client.ask("?", output=Recipe, repair=1, cancel=cancel)
            if end in ("answered", "failed"):
                with contextlib.suppress(OutputError):
                    stream.result()
            elif end == "closed":
                stream.close()
            stream.stop()
            del stream
        assert not cancel.is_set()
        assert cancel._scopes == []
        assert client.ask("And?", cancel=cancel).result().text == "Fine."


def test_the_callers_switch_stops_the_second_question(server):
    """The caller's `Cancel` counts in every phase."""
    server.answer("openai", "no")
    script = server.stream(hold_head=True)
    cancel = Cancel()
    with client_of(server, "openai") as client:
        stream = client.ask("?", output=Recipe, repair=1, cancel=cancel)
        reader = threading.Thread(target=lambda: list(stream))
        reader.start()
        script.wait_for_request()
        cancel.set()
        reader.join(30)
        assert not reader.is_alive()
        assert stream.outcome.reason == "stopped"


def test_repair_continues_the_backends_conversation(server):
    """A backend that keeps the conversation gets only the correction."""
    server.answer("dify", "no", conversation_id="c-1")
    server.answer("dify", TEXT, conversation_id="c-1")
    with client_of(server, "dify") as client:
        assert client.ask("Pancakes?", output=Recipe, repair=1).result().value == OBJECT
    assert server.requests[1].json["conversation_id"] == "c-1"
    assert "does not fit" in server.requests[1].json["query"]


def test_stop_keeps_the_partial_object(server):
    """A stopped answer is not checked; its object is what had come."""
    script = server.answer("openai")
    script.say(TEXT[:20])
    with client_of(server, "openai") as client:
        stream = client.ask("?", output=Recipe, repair=1)
        for answer in stream:
            if answer.text == TEXT[:20]:
                stream.stop()
        assert stream.outcome.reason == "stopped"
        assert stream.result().value == Recipe("Pancakes"[:9], None)  # type: ignore[arg-type]
    script.wait_for_disconnect()
    assert len(server.requests) == 1


def test_words_go_with_pictures(server):
    """In words, other content of the user's message than its text is sent unchanged."""
    server.answer("deepseek", TEXT)
    question = {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is it?", "cache_control": {"type": "ephemeral"}},
            Image("https://example.com/a.png"),
        ],
    }
    with client_of(server, "deepseek") as client:
        client.ask([question], output=Recipe).result()
    (message,) = server.requests[0].json["messages"]
    assert "JSON schema" in json.dumps(message)
    assert "a.png" in json.dumps(message)


def test_a_step_is_kept_as_it_was(server):
    """A step has the same object later, as a copy and as a pickle; equality is the text's."""
    server.answer("openai", [TEXT[:30], TEXT[30:]])
    with client_of(server, "openai") as client:
        answers = list(client.ask("?", output=Recipe))
    first = next(answer for answer in answers if answer.text == TEXT[:30])
    assert first.value == Recipe("Pancakes", None)  # type: ignore[arg-type]
    for answer in answers:
        assert pickle.loads(pickle.dumps(answer)).value == answer.value
        assert copy.deepcopy(answer).value == answer.value
        assert answer.since(None).value == answer.value
    plain = type(answers[-1])(TEXT, finish_reason="stop")
    assert plain.value is None
    assert plain.text == answers[-1].text


def test_a_list_and_a_choice_are_wrapped(server):
    """A value that is not an object is sent as the field ``value`` of one."""
    server.answer("openai", '{"value": ["red", "blue"]}')
    with client_of(server, "openai") as client:
        answer = client.ask("?", output=list[Literal["red", "blue"]]).result()
    assert answer.value == ["red", "blue"]
    schema = server.requests[0].json["response_format"]["json_schema"]["schema"]
    assert schema["required"] == ["value"]


def test_strict_mode_has_every_field(server):
    """Optional fields are required and nullable there; null is omitted again."""

    @attrs.define
    class Cake:
        name: str
        layers: int = 2

    server.answer("openai", '{"name": "Sacher", "layers": null}')
    with client_of(server, "openai") as client:
        answer = client.ask("?", output=Cake).result()
    assert answer.value == Cake("Sacher", 2)
    described = server.requests[0].json["response_format"]["json_schema"]
    assert described["strict"] is True
    assert described["name"] == "Cake"
    assert described["schema"] == {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "layers": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        },
        "required": ["name", "layers"],
        "additionalProperties": False,
    }


def test_a_type_beyond_strict_mode(server):
    """OpenAI gets it without strictness, Anthropic as a tool."""
    server.answer("openai", '{"a": 1}')
    server.answer("anthropic", parts=[ToolCallDelta(0, "c", "dict", '{"a": 1}'), Finish("stop")])
    for name in ("openai", "anthropic"):
        with client_of(server, name) as client:
            assert client.ask("?", output=dict[str, int]).result().value == {"a": 1}
    first, second = (request.json for request in server.requests)
    assert first["response_format"]["json_schema"]["strict"] is False
    assert second["tool_choice"] == {"type": "tool", "name": "dict"}


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"output": "Recipe"}, TypeError, "output= is a type"),
        ({"output": complex}, TypeError, "complex"),
        ({"output": {"properties": [1]}}, TypeError, "/properties is not an object"),
        ({"output": {"$defs": 5}}, TypeError, r"/\$defs is not an object"),
        ({"output": {"properties": {"a": 5}}}, TypeError, "/properties/a is not an object"),
        ({"output": {"required": 5}}, TypeError, "/required is not a list of names"),
        ({"output": {"anyOf": {}}}, TypeError, "/anyOf is not a list"),
        ({"output": {"items": [True, "x"]}}, TypeError, "/items/1 is not an object"),
        ({"output": {"type": "objct"}}, ValueError, "/type is 'objct'; did you mean 'object'"),
        ({"output": {"items": {"type": ["text"]}}}, ValueError, "/items/type is 'text'; "),
        ({"output": {"anyOf": [{"type": "qqq"}]}}, ValueError, "the types are string, number"),
        ({"output": {"type": []}}, TypeError, "/type is not a name or a list of names"),
        ({"output": {"type": dict}}, TypeError, "/type is not a name or a list of names"),
        ({"output": {"maxLength": "5"}}, TypeError, "/maxLength is not a count"),
        ({"output": {"minItems": -1}}, TypeError, "/minItems is not a count"),
        ({"output": {"minimum": "1"}}, TypeError, "/minimum is not a number"),
        ({"output": {"enum": "a"}}, TypeError, "/enum is not a list of values"),
        ({"output": {"pattern": 3}}, TypeError, "/pattern is not a string"),
        ({"output": Recipe, "output_by": "magic"}, ValueError, "'schema', 'json', 'tool'"),
        ({"output": Recipe, "repair": -1}, ValueError, "repair"),
        ({"output": Recipe, "repair": True}, ValueError, "repair"),
        ({"output": Recipe, "repair": 1, "cancel": 3}, TypeError, "cancel is a"),
    ],
)
def test_mistakes_are_found_before_anything_is_sent(server, options, error, words):
    """A wrong type, way or number of repairs raises at once, with the cure."""
    with client_of(server, "openai") as client, pytest.raises(error, match=words):
        client.ask("?", **options)
    assert server.requests == []


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "OBJECT", "properties": {"type": {"type": "STRING"}, "enum": {"type": "string"}}},
        {"type": ["object", "null"], "exclusiveMinimum": True, "x-note": 5, "enum": [None]},
        {"type": "object", "properties": {"n": {"type": "number", "minimum": 0.5}}},
    ],
)
def test_schemas_that_are_passed_on(server, schema):
    """Google's capitals, draft 4 and unknown keywords are left to the backend."""
    server.answer("openai", "{}")
    with client_of(server, "openai") as client, contextlib.suppress(OutputError):
        client.ask("?", output=schema).result()
    assert len(server.requests) == 1


def test_a_way_that_the_dialect_lacks(server):
    """The error names the ways that there are."""
    with client_of(server, "dify") as client, pytest.raises(ValueError, match="'words'"):
        client.ask("?", output=Recipe, output_by="schema")


def test_limits_and_broken_streams_are_reported_as_ever(server):
    """Only a complete answer is checked."""
    server.answer("openai", TEXT)
    with client_of(server, "openai", limits=Limits(event_bytes=20)) as client:
        with pytest.raises(ChatError) as caught:
            client.ask("?", output=Recipe).result()
    assert not isinstance(caught.value, OutputError)


# The bodies of dialects that chatsdk can only read, in their first way.
READ_ONLY = {
    "cohere": ("response_format", "json_schema", "type", "object"),
    "llama_cpp": ("json_schema", "type", "object"),
    "mistral_conversations": ("completion_args", "response_format", "type", "json_schema"),
    "tgi": ("parameters", "grammar", "type", "json"),
}


def body_of(dialect, output=Recipe, by=None, **options):
    asking = Asking(shape_of(output), by)
    return asking.body(dialects.get(dialect), [Message("user", "Hi")], options, None)


@pytest.mark.parametrize("dialect", READ_ONLY)
def test_the_body_of_a_dialect_that_is_only_read(dialect):
    """It asks in the backend's own way."""
    *path, kind = READ_ONLY[dialect]
    assert (
        at(
            body_of(dialect, model="m")
            if dialect in ("cohere", "mistral_conversations")
            else body_of(dialect),
            *path,
        )
        == kind
    )


@pytest.mark.parametrize("name", sorted(set(dialects.names()) - {"auto", "raw"}))
def test_every_dialect_has_a_way(name):
    """The first way is one that the dialect has, and "words" is always one."""
    dialect = dialects.get(name) if name != "json" else dialects.get("json", text="text")
    assert "words" in dialect.output_ways
    if {"schema", "json"} & set(dialect.output_ways):
        assert dialect.output_field


def test_the_second_backend_gives_it_too(server):
    """`ChatClient.fallback` asks the next backend in its own way."""
    with ChatServer() as other:
        server.reply(503, json={"error": {"message": "down"}})
        other.answer("anthropic", TEXT)
        with client_of(server, "openai") as first, client_of(other, "anthropic") as second:
            answer = ChatClient.fallback(first, second).ask("?", output=Recipe, repair=1).result()
        assert answer.value == OBJECT
        assert "output_config" in other.requests[0].json


def test_many_prompts_give_it(server):
    """`client.map` has the object of each prompt."""
    for _ in range(3):
        server.answer("openai", TEXT)
    with client_of(server, "openai") as client:
        outcomes = list(client.map(["a", "b", "c"], output=Recipe, workers=2, progress=False))
    assert [outcome.value for outcome in outcomes] == [OBJECT] * 3


def test_a_tool_of_the_same_name_keeps_it(server):
    """The tool for the answer gets another name than the user's tools."""
    server.answer("openai", parts=[ToolCallDelta(0, "c", "Recipe_", TEXT), Finish("tool_calls")])
    tool = {"name": "Recipe", "description": "", "parameters": {"type": "object"}}
    with client_of(server, "openai") as client:
        answer = client.ask("?", output=Recipe, output_by="tool", tools=[tool]).result()
    assert answer.value == OBJECT


@pytest.mark.parametrize("by", ["schema", "tool"])
def test_an_answer_in_one_document(server, by):
    """A backend that does not stream gives the object in one step."""
    call = {"id": "c", "type": "function", "function": {"name": "Recipe", "arguments": TEXT}}
    message = {"content": TEXT} if by == "schema" else {"content": None, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    server.reply(json={"object": "chat.completion", "choices": [choice]})
    with client_of(server, "openai") as client:
        answer = client.ask("?", output=Recipe, output_by=by).result()
    assert answer.value == OBJECT
    assert answer.tool_calls == ()


def test_a_thread_stops_the_second_question(server):
    """`stop()` while it is asked again ends the stream as stopped."""
    server.answer("openai", "no")
    script = server.stream(hold_head=True)
    with client_of(server, "openai") as client:
        stream = client.ask("?", output=Recipe, repair=1)
        reader = threading.Thread(target=lambda: list(stream))
        reader.start()
        script.wait_for_request()
        stream.stop()
        reader.join(30)
        assert not reader.is_alive()
        assert stream.answer.text == "no"
        assert stream.outcome.reason == "stopped"
