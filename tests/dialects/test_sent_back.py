"""A backend receives only content that it accepts, and nothing that was written is lost."""

from __future__ import annotations

import base64
import json

import pytest

from chatsdk import ChatClient, ChatError, File, Image, dialects
from chatsdk.answer import ToolCall
from chatsdk.dialects.backends.openai.calls import Calls
from chatsdk.messages import Message
from chatsdk.parts import Text
from chatsdk.sse import ServerSentEvent
from chatsdk.testing import ChatServer

ASK = Message("user", "Hi")


def body_of(name, messages, **options):
    return dialects.get(name).body(Message.all_of(messages), **options)


def answer_of(name, *payloads):
    """The answer that events give."""
    from chatsdk.answer import AnswerBuilder

    decoder, builder = dialects.get(name).decoder(), AnswerBuilder()
    for payload in payloads:
        builder.step(decoder.decode(ServerSentEvent("message", json.dumps(payload))))
    builder.step(decoder.close())
    return builder.flush()


def assistant(answer):
    """The message that a session keeps of an answer."""
    return Message(
        "assistant",
        answer.text,
        tool_calls=tuple(answer.tool_calls),
        reasoning=answer.reasoning,
        native=answer.native,
    )


# --- calls ----------------------------------------------------------------------------------------


def found(value, *names):
    """All values under these names, at any depth."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in names:
                yield inner
            yield from found(inner, *names)
    elif isinstance(value, list):
        for inner in value:
            yield from found(inner, *names)


CALLERS = {
    "openai": ("arguments",),
    "deepseek": ("arguments",),
    "dashscope": ("arguments",),
    "openai_responses": ("arguments",),
    "anthropic": ("input",),
    "gemini": ("args",),
    "ollama": ("arguments",),
    "agui": ("arguments",),
}


@pytest.mark.parametrize("given", ["", " \n", "null"])
@pytest.mark.parametrize("name", sorted(CALLERS))
def test_empty_arguments_are_an_object(name, given):
    """A call without arguments goes back as ``{}`` in every dialect that takes calls."""
    call = ToolCall("c", "now", given)
    messages = [
        ASK,
        Message("assistant", tool_calls=(call,)),
        Message("tool", "12:00", tool_call_id="c", name="now"),
    ]
    options = {"model": "m"} if name not in ("gemini",) else {}
    sent = list(found(body_of(name, messages, **options), *CALLERS[name]))
    assert sent
    assert all((json.loads(one) if isinstance(one, str) else one) == {} for one in sent)


def test_arguments_that_are_null_or_an_object_are_read():
    """A message of OpenAI's with ``null`` or an object as arguments is read."""
    for given, wanted in ((None, "{}"), ({"a": 1}, '{"a": 1}')):
        call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": given}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        (sent,) = found(body_of("openai", [message]), "arguments")
        assert sent == wanted


IDS = {
    "openai": ("id", "tool_call_id"),
    "dashscope": ("id", "tool_call_id"),
    "openai_responses": ("call_id", "call_id"),
    "anthropic": ("id", "tool_use_id"),
}


@pytest.mark.parametrize("name", sorted(IDS))
@pytest.mark.parametrize("ids", [(None, None), ("a", None), (None, "b"), ("a", "a"), ("a", "b")])
def test_each_call_has_an_id_and_its_result_the_same(name, ids):
    """Calls without ids, or with the same one, get ids, and so do their results, in order."""
    calls = tuple(ToolCall(id, "f", "{}") for id in ids)
    results = [Message("tool", text, tool_call_id=id) for id, text in zip(ids, "xy", strict=True)]
    body = body_of(name, [ASK, Message("assistant", tool_calls=calls), *results], model="m")
    of_call, of_result = IDS[name]
    sent = list(found(body, of_call, of_result))
    asked, told = sent[:2], sent[2:]
    assert all(isinstance(id, str) and id for id in asked)
    assert len(set(asked)) == 2
    assert asked == told
    assert [id for id in asked if id in ids] == [
        id for n, id in enumerate(ids) if id and id not in ids[:n]
    ]


@pytest.mark.parametrize("name", ["anthropic", "openai", "cohere", "bedrock"])
def test_ids_that_come_again_in_a_later_answer_are_told_apart(name):
    """Each call of a conversation has a unique id, of nine letters and digits if new."""
    rounds = [
        message
        for city in ("Bern", "Rome")
        for message in (
            Message("assistant", tool_calls=(ToolCall("c1", "wind", f'{{"city":"{city}"}}'),)),
            Message("tool", city, tool_call_id="c1", name="wind"),
        )
    ]
    model = {} if name == "bedrock" else {"model": "m"}
    body = json.dumps(body_of(name, [ASK, *rounds], **model))
    assert (body.count('"c1"'), body.count('"call00001"')) == (2, 2)


@pytest.mark.parametrize("name", ["anthropic", "bedrock"])
def test_ids_of_other_backends_fit(name):
    """An id with characters that the API refuses is changed, in the call and in its result."""
    call = ToolCall("functions.now:0", "now", "{}")
    messages = [
        ASK,
        Message("assistant", tool_calls=(call,)),
        Message("tool", "12:00", tool_call_id=call.id),
    ]
    sent = list(found(body_of(name, messages), "id", "tool_use_id", "toolUseId"))
    assert sent == ["functions_now_0"] * 2


def pieces(*calls):
    """Return the result of `Calls` for these pieces: names, ids and arguments of each call."""
    reader, made = Calls(), {}
    for call in calls:
        for part, _ in reader.pieces([call]):
            known = made.setdefault(part.index, ToolCall(part.id, part.name, ""))
            made[part.index] = known.extended(part.id, part.name, part.arguments, False)
    return [(call.id, call.name, call.arguments) for call in made.values()]


def piece(name=None, arguments="", **more):
    return {"index": 0, "function": {"name": name, "arguments": arguments}, **more}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ([piece("f", '{"a"'), piece("f", ": 1}")], [(None, "f", '{"a": 1}')]),
        ([piece("f", "{}"), piece("f", "{}")], [(None, "f", "{}"), (None, "f", "{}")]),
        ([piece("get_"), piece("time", "{}")], [(None, "get_time", "{}")]),
        ([piece("f", '{"a": "}'), piece("f", '"}')], [(None, "f", '{"a": "}"}')]),
        ([piece("f", '{"a'), piece("g", "{}")], [(None, "f", '{"a'), (None, "g", "{}")]),
        ([piece("f", id="a"), piece("f", "{}", id="a")], [("a", "f", "{}")]),
        (
            [piece("f", "{}", id="a"), piece("g", "{}", id="b")],
            [("a", "f", "{}"), ("b", "g", "{}")],
        ),
        (
            [piece("f", "{}", id="a"), piece("f", "[]", id="a")],
            [("a", "f", "{}"), (None, "f", "[]")],
        ),
        (
            [
                piece("f", "", id="a", index=None),
                piece(None, "{", index=None),
                piece(None, "}", index=None),
            ],
            [("a", "f", "{}")],
        ),
        (
            [{"index": 0, "type": "custom", "custom": {"name": "f", "input": "ls"}}],
            [(None, "f", "ls")],
        ),
    ],
)
def test_where_a_call_begins(given, wanted):
    """The order of names and complete arguments separates one call from the next."""
    assert pieces(*given) == wanted


def test_a_custom_call_goes_back_as_one():
    """A call of a tool that takes free text keeps its form."""
    custom = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "sh", "input": "ls"}}
    answer = answer_of(
        "openai", {"id": "a", "choices": [{"index": 0, "delta": {"tool_calls": [custom]}}]}
    )
    assert answer.tool_calls[0].name == "sh"
    (call,) = next(found(body_of("openai", [ASK, assistant(answer)]), "tool_calls"))
    assert call == {"id": "c", "type": "custom", "custom": {"name": "sh", "input": "ls"}}


# --- thoughts -------------------------------------------------------------------------------------

CALL = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
RESULT = Message("tool", "12:00", tool_call_id="c")


def thinking(*deltas):
    chunks = [{"id": "a", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    return answer_of("openai", *chunks, {"id": "a", "choices": [{"delta": {"tool_calls": [CALL]}}]})


def test_signed_thoughts_of_litellm_go_back():
    """``thinking_blocks`` are reasoning, and go back whole and signed."""
    answer = thinking(
        {"thinking_blocks": [{"type": "thinking", "thinking": "Hm", "signature": ""}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "m.", "signature": ""}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "s"}]},
    )
    assert answer.reasoning == "Hmm."
    (blocks,) = found(body_of("openai", [ASK, assistant(answer), RESULT]), "thinking_blocks")
    assert blocks == [{"type": "thinking", "thinking": "Hmm.", "signature": "s"}]


def test_signed_thoughts_of_databricks_go_back():
    """Reasoning in a list of content is reasoning, and goes back before the text."""
    block = {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "Hm.", "signature": "s"}],
    }
    answer = thinking({"content": [block]}, {"content": [{"type": "text", "text": "Well"}]})
    assert (answer.text, answer.reasoning) == ("Well", "Hm.")
    body = body_of("openai", [ASK, assistant(answer), RESULT])
    assert body["messages"][1]["content"] == [block, {"type": "text", "text": "Well"}]


def test_reasoning_of_a_turn_with_tools_goes_back_where_it_came_as_a_field():
    """Moonshot's ``reasoning_content`` is sent back with calls only."""
    answer = thinking({"reasoning_content": "Hm."})
    body = body_of("openai", [ASK, assistant(answer), RESULT])
    assert body["messages"][1]["reasoning_content"] == "Hm."
    plain = assistant(answer)._replace(tool_calls=())
    assert not list(found(body_of("openai", [ASK, plain]), "reasoning_content"))


def test_details_alone_are_reasoning():
    """OpenRouter's ``reasoning_details`` without ``reasoning`` are shown, and go back."""
    detail = {"type": "reasoning.text", "text": "Hm.", "index": 0, "signature": "s"}
    answer = thinking({"reasoning_details": [detail]})
    assert answer.reasoning == "Hm."
    (sent,) = found(body_of("openai", [ASK, assistant(answer), RESULT]), "reasoning_details")
    assert sent == [detail]


# --- white space ----------------------------------------------------------------------------------


def test_anthropic_gets_no_text_of_white_space_alone():
    """Not in answers, in questions, in the system, or in results."""
    messages = [
        Message("system", " "),
        Message("user", "\n"),
        ASK,
        Message("assistant", "\n\n", tool_calls=(ToolCall("c", "f", "{}"),)),
        Message("tool", " ", tool_call_id="c"),
        Message("assistant", " "),
        {"role": "user", "content": [{"type": "text", "text": " ", "cache_control": {}}, "Hi"]},
    ]
    body = body_of("anthropic", messages)
    texts = [*found(body["messages"], "text"), body.get("system", "-")]
    texts += [text for text in found(body["messages"], "content") if isinstance(text, str)]
    assert all(text.strip() or not text for text in texts)
    assert "" not in list(found(body["messages"], "text"))


# --- what was written -----------------------------------------------------------------------------

CACHED = {"type": "text", "text": "Long.", "cache_control": {"type": "ephemeral"}}
LOW = {"type": "image_url", "image_url": {"url": "https://e.x/a.png", "detail": "low"}}
AUDIO = {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}}
WRITTEN = {
    "cache_control": ({"role": "user", "content": [CACHED, "Well?"]}, "ephemeral"),
    "detail": ({"role": "user", "content": ["What?", LOW]}, "low"),
    "name": ({"role": "user", "name": "alice", "content": "Hi"}, "alice"),
    "an unknown part": ({"role": "user", "content": ["What?", AUDIO]}, "QUJD"),
    "an unknown field": ({"role": "user", "content": "Hi", "metadata": {"k": "v1"}}, "v1"),
}
ASKED = sorted(set(dialects.names()) - {"auto", "raw", "text", "json"})
OPTIONS = {
    "dify": {"user": "u"},
    "coze": {"bot_id": "b", "user_id": "u"},
    "langgraph": {"assistant_id": "a"},
}


@pytest.mark.parametrize("what", sorted(WRITTEN))
@pytest.mark.parametrize("name", ASKED)
def test_what_is_written_into_a_message_goes_out_or_is_refused(name, what):
    """Every dialect passes it on, or raises before anything is sent."""
    message, trace = WRITTEN[what]
    with ChatServer() as server:
        server.answer("openai", "Hi")
        with ChatClient(f"{server.url}/v1/chat/completions", dialect=name) as client:
            try:
                client.ask([message], **OPTIONS.get(name, {})).close()
            except ValueError:
                return
            except ChatError:
                pass  # the answer is of another dialect
        assert trace.encode() in server.requests[0].body


@pytest.mark.parametrize("what", sorted(WRITTEN))
def test_a_message_is_saved_with_all_that_was_written(what):
    """`to_dict` and `of` are each other's inverse."""
    message = Message.of(WRITTEN[what][0])
    assert Message.of(json.loads(json.dumps(message.to_dict()))) == message


def test_a_system_message_to_cache():
    """Anthropic's system is a list of blocks if one of them has more than text."""
    body = body_of("anthropic", [{"role": "system", "content": [CACHED]}, "Hi"])
    assert body["system"] == [CACHED]


def test_nothing_more_is_nothing():
    """Empty fields of an SDK's own objects are not passed on."""
    given = {
        "role": "assistant",
        "content": "Hi",
        "refusal": None,
        "annotations": [],
        "audio": None,
    }
    assert Message.of(given) == Message("assistant", "Hi")
    assert Message.of(given).more is None


# --- files ----------------------------------------------------------------------------------------


@pytest.fixture
def pdf(tmp_path):
    path = tmp_path / "report.pdf"
    path.write_bytes(b"%PDF-1.7\n...")
    return path


TAKES_PDF = {"openai", "deepseek", "openai_responses", "anthropic", "gemini", "vercel"}


@pytest.mark.parametrize("name", ASKED)
def test_a_pdf_goes_out_or_is_refused(name, pdf):
    """`File` goes with a message where the backend takes one."""
    message = {"role": "user", "content": ["What is in it?", File(pdf)]}
    content = base64.b64encode(pdf.read_bytes())
    with ChatServer() as server:
        server.answer("openai", "Hi")
        with ChatClient(f"{server.url}/v1/chat/completions", dialect=name) as client:
            try:
                client.ask([message], **OPTIONS.get(name, {})).close()
            except ValueError:
                assert name not in TAKES_PDF
                return
            except ChatError:
                pass  # the answer is of another dialect
        assert content in server.requests[0].body
        assert b"report.pdf" in server.requests[0].body or name == "gemini"


def test_a_recording():
    """OpenAI takes WAV and MP3; Anthropic's error names PDF as the only format."""
    wav = File(data="QUJD", media_type="audio/wav")
    message = Message("user", "What is said?", files=(wav,))
    (part,) = found(body_of("openai", [message]), "input_audio")
    assert part == {"data": "QUJD", "format": "wav"}
    with pytest.raises(ValueError, match="PDF"):
        body_of("anthropic", [message])


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"%PDF-1.4", "application/pdf"), (b"RIFF....WAVEfmt ", "audio/wav"), (b"ID3", "audio/mpeg")],
)
def test_a_file_is_told_by_its_first_bytes(tmp_path, content, kind):
    """The media type does not hang on the name."""
    path = tmp_path / "x"
    path.write_bytes(content)
    file = File(path)
    assert (file.media_type, file.name) == (kind, "x")
    assert base64.b64decode(file.data) == content


def test_wrong_files(tmp_path):
    """An unknown format, or no content, is an error that shows what to give."""
    path = tmp_path / "x"
    path.write_bytes(b"???")
    with pytest.raises(ValueError, match=r"Image\.from_file"):
        File(path)
    with pytest.raises(ValueError, match=r"report\.pdf"):
        File()


def test_a_file_is_a_value(pdf):
    """It is equal to its like, pickles, and is kept by a session's dict."""
    import copy
    import pickle

    file = File(pdf)
    assert pickle.loads(pickle.dumps(file)) == copy.copy(file) == file
    message = Message("user", "Hi", images=(Image(url="https://e.x/a.png"),), files=(file,))
    assert Message.of(message.to_dict()) == message
    assert Text("x") != file
