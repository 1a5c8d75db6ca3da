"""Thoughts, sources, counts and reasons, wherever a backend puts them."""

from __future__ import annotations

import json

import pytest

from chatsdk import ChatClient, Citation, NotAStreamError, Usage, dialects
from chatsdk.answer import AnswerBuilder
from chatsdk.parts import Failure
from chatsdk.sse import ServerSentEvent
from chatsdk.testing import ChatServer


def answer_of(name, *payloads, events=()):
    """The answer of nameless events, or of named ones."""
    decoder, builder = dialects.get(name).decoder(), AnswerBuilder()
    for event, payload in [*(("message", one) for one in payloads), *events]:
        builder.step(decoder.decode(ServerSentEvent(event, json.dumps(payload))))
    builder.step(decoder.close())
    assert builder.failure is None
    return builder.flush()


def chunk(delta=None, finish=None, **more):
    return {
        "id": "c",
        "choices": [{"index": 0, "delta": delta or {}, "finish_reason": finish}],
        **more,
    }


# --- counts ---------------------------------------------------------------------------------------


def counts(prompt, completion, total=None, **more):
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total, **more}


@pytest.mark.parametrize(
    ("usage", "wanted"),
    [
        # xAI: reasoning is not part of the output.
        (
            counts(32, 9, 135, completion_tokens_details={"reasoning_tokens": 94}),
            (32, 103, 135, 94),
        ),
        (counts(3, 2, completion_tokens_details={"reasoning_tokens": 9}), (3, 11, 14, 9)),
        # OpenAI: among it.
        (counts(3, 9, 12, completion_tokens_details={"reasoning_tokens": 9}), (3, 9, 12, 9)),
        # Perplexity and SGLang: at the top.
        (counts(3, 9, 12, reasoning_tokens=4), (3, 9, 12, 4)),
        # Databricks: cached tokens are not part of the prompt.
        (counts(3, 9, 112, cache_read_input_tokens=100), (103, 9, 112, None)),
        (counts(103, 9, 112, cache_read_input_tokens=100), (103, 9, 112, None)),
    ],
)
def test_counts_follow_one_definition(usage, wanted):
    """Output holds the reasoning and input the cache, whatever the backend's own rule is."""
    found = answer_of("openai", chunk({"content": "Hi"}), {"choices": [], "usage": usage}).usage
    assert (found.input, found.output, found.total, found.reasoning) == wanted
    assert found.output >= (found.reasoning or 0)


def test_groqs_counts():
    """They are in ``x_groq`` of the last chunk."""
    last = chunk(finish="stop", x_groq={"id": "r", "usage": counts(3, 2, 5)})
    assert answer_of("openai", last).usage == Usage(3, 2, 5)


def test_microsofts_counts():
    """The Agent Framework's custom event of AG-UI has the counts of the run."""
    value = {"input_token_count": 7, "output_token_count": 6, "total_token_count": 13}
    answer = answer_of("agui", {"type": "CUSTOM", "name": "usage", "value": value})
    assert answer.usage == Usage(7, 6, 13)


# --- sources --------------------------------------------------------------------------------------


def test_azures_sources():
    """Citations of the user's own data are in the delta's context."""
    found = {"content": "Open.", "title": "Plan", "url": "https://e.x", "filepath": "a.pdf"}
    answer = answer_of("openai", chunk({"role": "assistant", "context": {"citations": [found]}}))
    (citation,) = answer.citations
    assert citation == Citation("Plan", "https://e.x", "a.pdf", "Open.", position=1)


@pytest.mark.parametrize("name", ["openai", "auto"])
def test_open_webuis_sources(name):
    """Each passage of a frame before the first chunk is a citation."""
    sources = [
        {
            "source": {"id": "f1", "name": "plan.pdf"},
            "document": ["One", "Two"],
            "metadata": [{"source": "plan.pdf"}, {"source": "https://e.x"}],
            "distances": [0.8, 0.7],
        }
    ]
    answer = answer_of(name, {"sources": sources}, chunk({"content": "Hi"}))
    assert answer.text == "Hi"
    assert answer.citations == (
        Citation("plan.pdf", None, "f1", "One", 0.8, 1),
        Citation("plan.pdf", "https://e.x", "f1", "Two", 0.7, 2),
    )


# --- thoughts -------------------------------------------------------------------------------------

IN_LISTS = [
    [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}],
    [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}],
    [{"type": "thinking", "thinking": "Hm."}],
    [{"type": "reasoning", "text": "Hm."}],
]


@pytest.mark.parametrize("content", IN_LISTS)
def test_thoughts_in_a_list_of_content(content):
    """Databricks' and Mistral's lists hold thoughts and text."""
    answer = answer_of("openai", chunk({"content": [*content, {"type": "text", "text": "Hi"}]}))
    assert (answer.reasoning, answer.text) == ("Hm.", "Hi")


@pytest.mark.parametrize(
    "message",
    [
        {"content": [{"type": "reasoning", "summary": [{"text": "Hm."}]}, "Hi"]},
        {"content": [{"type": "reasoning_content", "reasoning_content": {"text": "Hm."}}, "Hi"]},
        {"content": [{"type": "thinking", "thinking": "Hm."}, "Hi"]},
        {"content": "Hi", "additional_kwargs": {"reasoning": {"summary": [{"text": "Hm."}]}}},
        {"content": "Hi", "additional_kwargs": {"reasoning": "Hm."}},
        {"content": "Hi", "additional_kwargs": {"reasoning_content": "Hm."}},
    ],
)
def test_thoughts_in_langchains_messages(message):
    """LangGraph passes on the forms of all makers."""
    pair = [{"type": "AIMessageChunk", "id": "m", **message}, {}]
    answer = answer_of("langgraph", events=[("messages", pair)])
    assert (answer.reasoning, answer.text) == ("Hm.", "Hi")


# --- reasons --------------------------------------------------------------------------------------

WORDS = {
    "eos_token": "stop",
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "content_filter: RECITATION": "content_filter",
    "function_call_filter: MALFORMED_FUNCTION_CALL": "error",
    "network_error": "error",
    "tool-calls": "tool_calls",
    "abracadabra": "other",
}


def finished(name, word):
    """An answer that ends with this word, in the shape of a dialect."""
    if name == "gemini":
        return [{"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": word}]}]
    if name == "anthropic":
        return [{"type": "message_delta", "delta": {"stop_reason": word}}]
    if name == "ollama":
        return [{"message": {"content": "Hi"}, "done": True, "done_reason": word}]
    if name == "dashscope":
        choice = {"message": {"content": "Hi"}, "finish_reason": word}
        return [{"request_id": "r", "output": {"choices": [choice]}}]
    if name == "vercel":
        return [{"type": "finish", "finishReason": word}]
    return [chunk({"content": "Hi"}), chunk(finish=word)]


@pytest.mark.parametrize("word", sorted(WORDS))
@pytest.mark.parametrize(
    "name", ["openai", "deepseek", "gemini", "anthropic", "ollama", "dashscope", "vercel"]
)
def test_reasons_in_other_words(name, word):
    """A clear word is a common finish reason in any dialect, and the native one is kept."""
    answer = answer_of(name, *finished(name, word))
    assert (answer.finish_reason, answer.native_finish_reason) == (WORDS[word], word)


def test_a_reason_that_is_an_object():
    """Older releases of SGLang send one; an abort with words is a failure."""
    answer = answer_of("openai", chunk(finish={"type": "length", "length": 16}))
    assert (answer.finish_reason, answer.native_finish_reason) == ("length", "length")
    decoder = dialects.get("openai").decoder()
    data = json.dumps(chunk(finish={"type": "abort", "message": "out of memory"}))
    assert Failure("out of memory", "abort") in decoder.decode(ServerSentEvent("message", data))


# --- lines ----------------------------------------------------------------------------------------

LINES = (
    {"model": "m", "message": {"role": "assistant", "content": "Good "}, "done": False},
    {"model": "m", "message": {"role": "assistant", "content": "day"}, "done": False},
    {"model": "m", "message": {"content": ""}, "done": True, "done_reason": "stop"},
)


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/octet-stream"])
def test_lines_of_json_under_another_type(kind):
    """`auto` reads them as they come."""
    lines = [json.dumps(line).encode() + b"\n" for line in LINES]
    with ChatServer() as server, ChatClient(server.url) as client:
        script = server.stream(headers={"Content-Type": kind})
        script.push(lines[0])
        script.push(lines[1])
        with client.send({}) as stream:
            while stream.answer.text != "Good day":
                next(stream)
            script.push(lines[2])
            script.finish()
            assert stream.result().finish_reason == "stop"
            assert stream.dialect.name == "ollama"


@pytest.mark.parametrize("indent", [None, 2])
def test_one_document_is_not_lines(indent):
    """A document with a line end after it, or on many lines, is read as one."""
    document = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}
    with ChatServer() as server, ChatClient(server.url) as client:
        body = json.dumps(document, indent=indent) + "\n"
        server.reply(body=body, headers={"Content-Type": "application/json"})
        assert client.send({}).result().text == "Hi"


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("server_error", (5000, "x")),
        (4100, (4100, "x")),
        ("4100", (4100, "x")),
        (None, (5000, "x")),
    ],
)
def test_cozes_failure_has_a_number(code, wanted):
    """cozepy reads whole numbers only."""
    body = b"".join(dialects.get("coze").encode([Failure("x", code)])).decode()
    (line,) = [line for line in body.splitlines() if "last_error" in line]
    error = json.loads(line.removeprefix("data:"))["last_error"]
    assert (error["code"], error["msg"]) == wanted


# --- tags that were asked for ---------------------------------------------------------------------


def test_think_tags_are_text_unless_asked_for():
    """Look-alikes that leave the tags in the text are read with an option."""
    pieces = ["<th", "ink>Hm.</th", "ink>Well, a <think> tag"]
    body = "".join(f"data: {json.dumps(chunk({'content': piece}))}\n\n" for piece in pieces)
    body += f"data: {json.dumps(chunk(finish='stop'))}\n\ndata: [DONE]\n\n"
    for dialect, wanted in (
        (dialects.openai(), ("", "<think>Hm.</think>Well, a <think> tag")),
        (dialects.openai(think_tags=True), ("Hm.", "Well, a <think> tag")),
    ):
        with ChatServer() as server, ChatClient(server.url, dialect=dialect) as client:
            server.reply(body=body, headers={"Content-Type": "text/event-stream"})
            answer = client.send({}).result()
            assert (answer.reasoning, answer.text) == wanted


def test_a_document_without_an_answer():
    """JSON with only ids is not an answer."""
    with ChatServer() as server, ChatClient(server.url, dialect="openai") as client:
        server.reply(
            body='{"id": "c", "choices": []}', headers={"Content-Type": "application/json"}
        )
        with pytest.raises(NotAStreamError, match="without an answer"):
            client.send({}).result()
