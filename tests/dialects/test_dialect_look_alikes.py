"""Frames of servers that look like OpenAI's, as bug reports of their users show them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsdk import BackendError, ChatClient, NotAStreamError, StreamInterrupted, Usage, dialects
from chatsdk.answer import AnswerBuilder, ToolCall
from chatsdk.parts import UsageUpdate
from chatsdk.sse import ServerSentEvent
from chatsdk.testing import ChatServer, Reply

STREAM = "text/event-stream"


def chunk(delta=None, finish=None, **more):
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return {"id": "c", "model": "m", "choices": [choice], **more}


def answer_of(*payloads, name="openai"):
    """The answer of these payloads, without a failure."""
    decoder, builder = dialects.get(name).decoder(), AnswerBuilder()
    for payload in payloads:
        data = payload if isinstance(payload, str) else json.dumps(payload)
        builder.step(decoder.decode(ServerSentEvent("message", data)))
    builder.step(decoder.close())
    assert builder.failure is None
    return builder.flush()


def calls_of(*lists):
    """Name and arguments of the calls in these lists of ``tool_calls``, one list per chunk."""
    chunks = [chunk({"tool_calls": calls}) for calls in lists]
    answer = answer_of(*chunks, chunk(finish="tool_calls"))
    return [(call.name, call.arguments) for call in answer.tool_calls]


def call(name=None, arguments=None, **more):
    return {"function": {"name": name, "arguments": arguments}, **more}


# --- calls ----------------------------------------------------------------------------------------

A, B, BEGUN = '{"q":1}', '{"q":2}', '{"q"'


@pytest.mark.parametrize(
    ("lists", "wanted"),
    [
        # Two calls side by side without an index: their place, then their id, identifies them.
        (
            [
                [call("f", BEGUN, id="a"), call("g", BEGUN, id="b")],
                [call(None, ":1}"), call(None, ":2}")],
            ],
            [("f", A), ("g", B)],
        ),
        (
            [
                [call("f", BEGUN, id="a")],
                [call("g", BEGUN, id="b")],
                [call(None, ":1}", id="a")],
                [call(None, ":2}", id="b")],
            ],
            [("f", A), ("g", B)],
        ),
        # Indexes as strings.
        (
            [
                [call("f", BEGUN, index="0")],
                [call("g", BEGUN, index="1")],
                [call(None, ":1}", index="0")],
                [call(None, ":2}", index="1")],
            ],
            [("f", A), ("g", B)],
        ),
        # The arguments up to now in each chunk, with the name and without.
        ([[call("f", BEGUN, id="a", index=0)], [call("f", A, id="a", index=0)]], [("f", A)]),
        (
            [
                [call("f", "{", id="a", index=0)],
                [call(None, BEGUN, index=0)],
                [call(None, A, index=0)],
                [call(None, A, index=0)],
            ],
            [("f", A)],
        ),
        # All arguments in the last chunk, with other white space.
        (
            [
                [call("f", '{"q":1,"r":', id="a", index=0)],
                [call(None, '"x y"', index=0)],
                [call(None, '{"q": 1, "r": "x y"}', index=0)],
            ],
            [("f", '{"q": 1, "r": "x y"}')],
        ),
        # The name up to now in each chunk, and in pieces.
        ([[call("get", index=0)], [call("get_it", A, index=0)]], [("get_it", A)]),
        ([[call("get", index=0)], [call("_it", A, index=0)]], [("get_it", A)]),
        # A call that comes again as a whole, by its id; without an id it is another call.
        ([[call("f", A, id="a", index=0)], [call("f", A, id="a", index=0)]], [("f", A)]),
        ([[call("f", A, index=0)], [call("f", A, index=0)]], [("f", A), ("f", A)]),
        ([[call("f", A, id="a", index=0)], [call("f", B, id="a", index=0)]], [("f", A), ("f", B)]),
        # One call without the list, and one without the object for its name.
        ([call("f", A, id="a", index=0)], [("f", A)]),
        ([[{"index": 0, "id": "a", "name": "f", "arguments": A}]], [("f", A)]),
    ],
)
def test_calls_are_assigned(lists, wanted):
    """Each delta of a call reaches its call, once."""
    assert calls_of(*lists) == wanted


@given(
    # With the key "{", a delta may look like all arguments up to now.
    arguments=st.dictionaries(
        st.text(max_size=4).filter(lambda key: key[:1] != "{"), st.text('{}[]":, a', max_size=12)
    ),
    data=st.data(),
)
def test_arguments_are_the_same_as_deltas_and_cumulative(arguments, data):
    """However the arguments of a call are cut, they arrive once."""
    text = json.dumps(arguments)
    cuts = [*sorted(data.draw(st.sets(st.integers(1, len(text) - 1)))), len(text)]
    deltas = [text[start:end] for start, end in zip([0, *cuts], cuts, strict=False)]
    for pieces in (deltas, [text[:end] for end in cuts]):
        first, *rest = pieces
        lists = [[call("f", first, id="a", index=0)], *([call(None, p, index=0)] for p in rest)]
        assert calls_of(*lists) == [("f", text)]


def test_plain_input_of_a_custom_tool_is_never_cumulative():
    """The input of a custom tool is not JSON, so a repetition is part of it."""
    pieces = [{"custom": {"name": "say", "input": "{ha"}, "id": "a", "index": 0}]
    again = [{"custom": {"input": "{ha"}, "index": 0}]
    assert calls_of(pieces, again) == [("say", "{ha{ha")]


def test_an_empty_function_call_is_not_a_call():
    """Some servers end with an empty ``function_call``."""
    stub = {"function_call": {"name": "", "arguments": ""}}
    answer = answer_of(chunk({"tool_calls": [call("f", A, id="a")]}), chunk(stub, "tool_calls"))
    assert [one.name for one in answer.tool_calls] == ["f"]


def test_a_message_beside_deltas_does_not_repeat_the_calls():
    """A complete message after the deltas adds only what they did not have."""
    message = {"role": "assistant", "content": "Hi", "tool_calls": [call("f", A, id="a")]}
    last = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    answer = answer_of(chunk({"tool_calls": [call("f", A, id="a", index=0)]}), last)
    assert [one.name for one in answer.tool_calls] == ["f"]
    assert answer.text == "Hi"


def named(*pairs):
    return "".join(f"event: {name}\ndata: {json.dumps(one)}\n\n" for name, one in pairs)


def typed(*payloads):
    return named(*((one["type"], one) for one in payloads))


ARGUMENTS = (BEGUN, A)
CUMULATIVE = {
    "anthropic": typed(
        {"type": "message_start", "message": {"id": "m"}},
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "tool_use", "id": "a", "name": "f", "input": {}},
        },
        *(
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "input_json_delta", "partial_json": one},
            }
            for one in ARGUMENTS
        ),
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
        {"type": "message_stop"},
    ),
    "agui": typed(
        {"type": "RUN_STARTED", "threadId": "t", "runId": "r"},
        {"type": "TOOL_CALL_START", "toolCallId": "a", "toolCallName": "f"},
        *({"type": "TOOL_CALL_ARGS", "toolCallId": "a", "delta": one} for one in ARGUMENTS),
        {"type": "RUN_FINISHED", "threadId": "t", "runId": "r"},
    ),
    "langgraph": named(
        ("metadata", {"run_id": "r", "attempt": 1}),
        *(
            (
                "messages",
                [
                    {
                        "type": "AIMessageChunk",
                        "id": "m",
                        "content": "",
                        "tool_call_chunks": [{"name": name, "args": one, "id": "a", "index": 0}],
                    },
                    {},
                ],
            )
            for name, one in zip(("f", None), ARGUMENTS, strict=True)
        ),
        ("end", None),
    ),
    "vercel": "".join(
        f"data: {json.dumps(one)}\n\n"
        for one in (
            {"type": "start"},
            {"type": "tool-input-start", "toolCallId": "a", "toolName": "f"},
            *(
                {"type": "tool-input-delta", "toolCallId": "a", "inputTextDelta": one}
                for one in ARGUMENTS
            ),
            {"type": "finish", "finishReason": "tool-calls"},
        )
    )
    + "data: [DONE]\n\n",
}


@pytest.mark.parametrize("dialect", CUMULATIVE)
def test_cumulative_arguments_arrive_once_in_each_dialect(dialect):
    """A server that sends all arguments up to now in each event is understood."""
    answer = asked(CUMULATIVE[dialect], dialect)
    assert [(one.name, one.arguments) for one in answer.tool_calls] == [("f", A)]


@pytest.mark.parametrize(
    "pieces", [('{"not": ', '{"not": 1}}'), ('{"and":[', '{"and":[{"x":1}]} ]} ')]
)
def test_an_object_that_nests_another_with_its_beginning_is_not_cumulative(pieces):
    """Recursive arguments keep a delta that begins as they do."""
    first, *rest = pieces
    call = ToolCall("a", "find", first)
    for piece in rest:
        call = call.extended(None, None, piece, False)
    assert call.arguments == "".join(pieces)


def test_braces_of_a_template_are_not_cumulative():
    """Plain text as arguments keeps its repeated braces."""
    call = ToolCall("a", "render", "{")
    for piece in ("{", "{{ x }}", "}"):
        call = call.extended(None, None, piece, False)
    assert call.arguments == "{{{{ x }}}"


# --- text -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contents", "text"),
    [
        (["$0.00", 5, ", ", 0, 1.5], "$0.005, 01.5"),
        ([{"type": "text", "text": "Hi"}], "Hi"),
    ],
)
def test_content_of_another_type_is_text(contents, text):
    """Numbers and objects with text are text."""
    assert answer_of(*(chunk({"content": one}) for one in contents)).text == text


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content", "reasoning_text", "thinking"])
def test_names_of_reasoning(name):
    """Reasoning is read under each of its names, and once if it comes under two."""
    others = {"reasoning_content": "So", name: "So"}
    answer = answer_of(chunk({name: "Oh. "}), chunk(others), chunk({"content": "Hi"}))
    assert (answer.reasoning, answer.text) == ("Oh. So", "Hi")


def test_the_transcript_of_spoken_answers_is_the_text():
    """Audio arrives with its transcript."""
    pieces = ({"id": "a", "transcript": "He"}, {"transcript": "llo"}, {"data": "AA=="})
    assert answer_of(*(chunk({"audio": piece}) for piece in pieces)).text == "Hello"


def test_the_first_choice_as_a_string():
    """An index of "0" is the first choice."""
    piece = {"choices": [{"index": "0", "delta": {"content": "Hi"}, "finish_reason": "stop"}]}
    assert answer_of(piece).text == "Hi"


def test_an_only_choice_counted_from_one():
    """A choice that is not the first is the answer if the first one never comes."""
    pieces = [
        {"id": "c", "choices": [{"index": place, "delta": {"content": text}}]}
        for place, text in ((1, "He"), (2, "No"), (1, "llo"))
    ]
    end = {"id": "c", "choices": [{"index": 1, "delta": {}, "finish_reason": "stop"}]}
    answer = answer_of(*pieces, end, "[DONE]")
    assert (answer.text, answer.finish_reason) == ("Hello", "stop")
    assert answer_of(*pieces, chunk({"content": "Hi"}), *pieces).text == "Hi"


ODD = ["x", 5, True, {"a": 1}, ["x"], [5], [{"a": 1}], [[1]], {"chunks": 5}]
BESIDE = ("citations", "search_results", "sources", "usage", "x_groq")
IN_DELTA = (
    *("annotations", "context", "reasoning_details", "thinking_blocks", "reference", "audio"),
    *("extra_content", "reasoning", "reasoning_text", "thinking", "images", "role"),
)


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_what_accompanies_a_text_never_fails_it(odd):
    """Sources, counts and details of another type are ignored; the text stays."""
    for name in BESIDE:
        assert answer_of(chunk({"content": "Hi"}, "stop", **{name: odd})).text == "Hi"
    for name in IN_DELTA:
        assert answer_of(chunk({"content": "Hi", name: odd}, "stop")).text == "Hi"


GEMINI_TEXT = {"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}
DIFY_TEXT = {"event": "message", "message_id": "m", "conversation_id": "c", "answer": "Hi"}


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_sources_of_another_type_fail_no_dialect(odd):
    """The same holds in the dialects that have citations of their own."""
    grounded = {"groundingMetadata": odd, "citationMetadata": {"citations": odd}}
    gemini = {"candidates": [GEMINI_TEXT | grounded], "usageMetadata": odd}
    assert answer_of(gemini, name="gemini").text == "Hi"
    end = {"event": "message_end", "metadata": {"usage": odd, "retriever_resources": odd}}
    assert answer_of(DIFY_TEXT, DIFY_TEXT | end, name="dify").text == "Hi"
    assert answer_of(DIFY_TEXT, DIFY_TEXT | end | {"metadata": odd}, name="dify").text == "Hi"
    for kind in ("sourceDocuments", "metadata", "usageMetadata"):
        flow = [{"event": "token", "data": "Hi"}, {"event": kind, "data": odd}]
        assert answer_of(*flow, name="flowise").text == "Hi"
    message = {"choices": [{"message": {"content": "Hi"}}]}
    for search in (odd, {"search_results": odd}):
        output = {"output": message | {"search_info": search}}
        assert answer_of(output, name="dashscope").text == "Hi"
    text = {"type": "output_text", "text": "Hi", "annotations": odd}
    item = {"type": "message", "id": "i", "content": [text]}
    done = {"type": "response.output_item.done", "item": item}
    assert answer_of(done, name="openai_responses").text == "Hi"
    start = {"type": "content_block_start", "index": 0}
    block = {"content_block": {"type": "text", "text": "Hi", "citations": odd}}
    delta = {"type": "citations_delta", "citation": odd}
    cited = answer_of(
        start | block, start | {"type": "content_block_delta", "delta": delta}, name="anthropic"
    )
    assert (cited.text, cited.citations) == ("Hi", ())


# --- counts ---------------------------------------------------------------------------------------

COUNTS = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
ZEROS = dict.fromkeys(COUNTS, 0)


@pytest.mark.parametrize(
    "usages",
    [
        [COUNTS, ZEROS],
        [ZEROS, COUNTS],
        [COUNTS, {"total_tokens": 0, "total_characters": 0}],
        [{name: str(count) for name, count in COUNTS.items()}],
        [{"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}],
        [COUNTS, [1], "none", {}, None],
        [COUNTS | {"prompt_tokens_details": "none", "completion_tokens_details": []}],
    ],
)
def test_counts_survive(usages):
    """Counts of zero or of another type do not replace those that arrived."""
    answer = answer_of(*(chunk({"content": "Hi"}, usage=usage) for usage in usages))
    assert answer.usage == Usage(input=3, output=2, total=5)


def test_a_zero_does_not_replace_a_count():
    """The rule holds for each count, in all dialects."""
    builder = AnswerBuilder()
    builder.step([UsageUpdate(input=7, output=1)])
    builder.step([UsageUpdate(input=0, output=4, cached=0)])
    assert builder.flush().usage == Usage(input=7, output=4, total=11, cached=0)


# --- framing --------------------------------------------------------------------------------------

HELLO = [chunk({"content": "Hel"}), chunk({"content": "lo"}), chunk(finish="stop")]
LINES = [json.dumps(one) for one in HELLO]
DOCUMENT = {
    "object": "chat.completion",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
    ],
}


def events(*data, between="\n\n"):
    return "".join(f"data: {one}{between}" for one in data)


def asked(body, dialect):
    """Return the client's answer to this body, with the type of an event stream."""
    reply = Reply(body=body.encode(), content_type=STREAM)
    with ChatServer(lambda _: reply) as server, ChatClient(server.url, dialect=dialect) as client:
        return client.send({}).result()


@pytest.mark.parametrize("dialect", ["openai", "auto"])
@pytest.mark.parametrize(
    "body",
    [
        events("[ping]", *LINES, ": keep-alive", "[DONE]"),
        events(": OPENROUTER PROCESSING", *LINES, "[DONE]"),
        'event: ping\ndata: ""\n\n' + events(*LINES, "[DONE]"),
        "event: ping\ndata: ping\n\n" + events(*LINES, "[DONE]"),
        "event: heartbeat\ndata: 2026-01-01\n\n" + events(*LINES, "[DONE]"),
        events('{"type":"heartbeat"}', *LINES, "[DONE]") + "event: keepalive\ndata: -\n\n",
        events(*['{"event":"heartbeat"}'] * 80, *LINES, "[DONE]"),
        # Other spellings of the end marker.
        events(*LINES, "[done]"),
        events(*LINES, "DONE"),
        # Without blank lines, all through and up to the end.
        events(*LINES, "[DONE]", between="\n"),
        events(*LINES, "[DONE]", between="\n") + "\n",
        events(*LINES[:2], between="\n") + "\n" + events(LINES[2], "[DONE]"),
        # Lines of JSON, and one document.
        "\n".join(LINES) + "\n",
        "\n".join([*LINES, "[DONE]"]),
        json.dumps(DOCUMENT),
        json.dumps(DOCUMENT, indent=1) + "\n",
    ],
)
def test_broken_framing_is_read(body, dialect):
    """Heartbeats as data, missing blank lines and bodies of another type lose no text."""
    answer = asked(body, dialect)
    assert (answer.text, answer.finish_reason) == ("Hello", "stop")


@pytest.mark.parametrize("dialect", ["anthropic", "gemini", "ollama", "vercel", "dify", "coze"])
def test_heartbeats_as_data_fail_no_dialect(dialect):
    """A comment as data, and a ping of plain text, add nothing."""
    body = ": keep-alive\n\ndata: : keep-alive\n\nevent: ping\ndata: pong\n\ndata: [done]\n\n"
    with pytest.raises(StreamInterrupted):
        asked(body, dialect)


@pytest.mark.parametrize("dialect", ["openai", "auto"])
def test_lines_without_blank_lines_that_were_cut_are_interrupted(dialect):
    """A body of lines is complete only with a finish reason or the end marker."""
    with pytest.raises(StreamInterrupted):
        asked(events(*LINES[:2], between="\n"), dialect)


@pytest.mark.parametrize("cut", [45, len(LINES[0]) - 3])
def test_broken_json_is_never_the_text(cut):
    """A frame that a heartbeat broke in two is not plain text, but words of JSON are."""
    with pytest.raises(NotAStreamError, match="no dialect knows"):
        asked(events(LINES[0][:cut]), "auto")
    assert asked(events('{"', "a", '": 1}'), "auto").text == '{"a": 1}'


@pytest.mark.parametrize("dialect", ["openai", "auto"])
def test_words_of_a_gateway_are_shown(dialect):
    """A plain text body with the type of an event stream is shown in the error."""
    with pytest.raises(NotAStreamError, match="upstream connect error"):
        asked("upstream connect error. reset reason: overflow", dialect)


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini", "auto"])
@pytest.mark.parametrize(
    "error",
    [
        {"error_message": "Too busy"},
        {"error": ["Too busy"]},
        {"error": [{"message": "Too busy"}]},
        {"exception": "Too busy"},
        {"fault": {"faultstring": "Too busy", "detail": {"errorcode": "x"}}},
        {"type": "about:blank", "title": "Bad", "status": 503, "detail": "Too busy"},
        {"title": "Too busy", "status": 503},
        {"object": "error", "message": {"detail": [{"msg": "Too busy"}]}, "code": 1},
    ],
)
def test_an_error_in_any_shape_is_the_backends(error, dialect):
    """An object that is nothing but an error fails the answer, with its words."""
    with pytest.raises(BackendError, match="Too busy"):
        asked(events(json.dumps(error)), dialect)
    reply = Reply(body=json.dumps(error).encode(), content_type="application/json")
    with ChatServer(lambda _: reply) as server, ChatClient(server.url, dialect=dialect) as client:
        with pytest.raises(BackendError, match="Too busy"):
            client.send({})


def test_an_error_event_with_a_string():
    """The data of an event ``error`` may be a JSON string."""
    with pytest.raises(BackendError, match=r"Too busy$"):
        asked(events(LINES[0]) + 'event: error\ndata: "Too busy"\n\n', "openai")


def test_titles_of_the_application_are_not_errors():
    """An event with a title and details is the application's, unless its status is an error's."""
    event = json.dumps({"type": "step", "title": "Searching", "detail": "hr.pdf", "status": 200})
    assert asked(events(event, *LINES, "[DONE]"), "openai").text == "Hello"


def test_a_delta_after_the_end_of_a_call_is_dropped():
    """Some agents send the last delta of a call again, after its end."""
    of = {"toolCallId": "a"}
    answer = answer_of(
        {"type": "TOOL_CALL_START", "toolCallName": "f", **of},
        {"type": "TOOL_CALL_ARGS", "delta": A, **of},
        {"type": "TOOL_CALL_END", **of},
        {"type": "TOOL_CALL_ARGS", "delta": "}", **of},
        name="agui",
    )
    assert [one.arguments for one in answer.tool_calls] == [A]


# --- platforms ------------------------------------------------------------------------------------

MESSAGE = {"event": "message", "task_id": "t", "message_id": "m", "conversation_id": "c"}


def run_of(status, error=None):
    """A Dify chatflow whose ``message_end`` was lost."""
    data = {"status": status, "error": error, "outputs": {"answer": "Hello"}}
    finished = {**MESSAGE, "event": "workflow_finished", "workflow_run_id": "w", "data": data}
    return events(json.dumps({**MESSAGE, "answer": "Hello"}), json.dumps(finished))


@pytest.mark.parametrize("dialect", ["dify", "auto"])
def test_a_chatflow_that_succeeded_is_complete_without_its_last_event(dialect):
    """Dify loses ``message_end`` at times; the workflow's own end is proof enough."""
    assert asked(run_of("succeeded"), dialect).text == "Hello"
    with pytest.raises(BackendError, match="too long"):
        asked(run_of("failed", "too long"), dialect)
    with pytest.raises(StreamInterrupted):
        asked(run_of("running"), dialect)


@pytest.mark.parametrize("dialect", ["ragflow_legacy", "auto"])
def test_ragflow_with_its_older_names(dialect):
    """``retcode`` and ``retmsg`` are read like ``code`` and ``message``."""
    last = json.dumps({"retcode": 0, "retmsg": "", "data": True})
    said = {"retcode": 0, "retmsg": "", "data": {"answer": "Hello", "reference": {}}}
    assert asked(events(json.dumps(said), last), dialect).text == "Hello"
    for data in (False, {"answer": "**ERROR**: no chat", "reference": []}):
        failed = {"retcode": 102, "retmsg": "no chat", "data": data}
        with pytest.raises(BackendError, match="no chat") as caught:
            asked(events(json.dumps(failed), last), dialect)
        assert caught.value.code == 102
