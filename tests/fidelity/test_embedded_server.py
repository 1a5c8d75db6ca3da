"""The backends' own clients ask the embedded server, and stop it, as they would a backend."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chatsdk import Answer, ChatClient, sse
from chatsdk.cli.serve import chat_url
from chatsdk.testing import EmbeddedServer
from chatsdk.testing.embedded_replies import speak

pytestmark = pytest.mark.filterwarnings("default")

PROMPT = "What is 8 °C in °F? 你好"
MESSAGES = [{"role": "user", "content": PROMPT}]

# Seconds between two words, where an answer has to be there still when it is stopped.
LONG = 60.0


@contextmanager
def asked(name: str, **options: Any) -> Iterator[tuple[EmbeddedServer, Answer]]:
    """The embedded server in a dialect, and what chatsdk reads there."""
    with EmbeddedServer(name, pace=0) as server:
        with ChatClient(chat_url(server), dialect=name) as client:
            ours = client.ask(PROMPT, **options).result()
        assert ours.text == speak({"prompt": PROMPT})
        yield server, ours


def test_openai() -> None:
    """OpenAI's client gets chatsdk's text, counts and reason, and asks for them alike."""
    openai = pytest.importorskip("openai")
    with asked("openai", model="any") as (server, ours):
        with openai.OpenAI(api_key="key", base_url=f"{server.url}/v1", max_retries=0) as api:
            with api.chat.completions.create(
                model="any",
                messages=MESSAGES,
                stream=True,
                stream_options={"include_usage": True},
            ) as chunks:
                theirs = list(chunks)
            with api.chat.completions.stream(model="any", messages=MESSAGES) as stream:
                (choice,) = stream.get_final_completion().choices
        asked_by_us, asked_by_them, _ = server.requests
    choices = [choice for chunk in theirs for choice in chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == ours.text
    # The client's own helper, which gathers an answer, ends with the same text.
    assert choice.message.content == ours.text
    reasons = [choice.finish_reason for choice in choices if choice.finish_reason]
    assert reasons == [ours.finish_reason] == ["stop"]
    (usage,) = [chunk.usage for chunk in theirs if chunk.usage]
    assert ours.usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (ours.usage.input, ours.usage.output)
    assert asked_by_them.json == asked_by_us.json


def test_openai_responses() -> None:
    """OpenAI's client gets chatsdk's text and counts from a response."""
    openai = pytest.importorskip("openai")
    with asked("openai_responses", model="any") as (server, ours):
        with openai.OpenAI(api_key="key", base_url=f"{server.url}/v1", max_retries=0) as api:
            with api.responses.stream(model="any", input=PROMPT) as stream:
                response = stream.get_final_response()
    assert response.output_text == ours.text
    assert response.status == ours.native_finish_reason == "completed"
    assert ours.usage
    counts = (ours.usage.input, ours.usage.output, ours.usage.total)
    usage = response.usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == counts


def test_anthropic() -> None:
    """Anthropic's client gets chatsdk's text, counts and reason."""
    anthropic = pytest.importorskip("anthropic")
    with asked("anthropic", model="any") as (server, ours):
        with anthropic.Anthropic(api_key="key", base_url=server.url, max_retries=0) as api:
            with api.messages.stream(model="any", max_tokens=100, messages=MESSAGES) as stream:
                message = stream.get_final_message()
    assert [block.text for block in message.content] == [ours.text]
    assert message.stop_reason == ours.native_finish_reason == "end_turn"
    assert ours.usage
    counts = (message.usage.input_tokens, message.usage.output_tokens)
    assert counts == (ours.usage.input, ours.usage.output)


def test_google_genai() -> None:
    """Google's client gets chatsdk's text, counts and reason, at the path that it asks."""
    genai = pytest.importorskip("google.genai")
    with asked("gemini") as (server, ours):
        with genai.Client(api_key="key", http_options={"base_url": server.url}) as api:
            chunks = list(api.models.generate_content_stream(model="any", contents=PROMPT))
    assert "".join(chunk.text or "" for chunk in chunks) == ours.text
    last = chunks[-1]
    assert last.candidates[0].finish_reason.value == ours.native_finish_reason == "STOP"
    assert ours.usage
    usage = last.usage_metadata
    counts = (usage.prompt_token_count, usage.candidates_token_count, usage.total_token_count)
    assert counts == (ours.usage.input, ours.usage.output, ours.usage.total)


def test_ollama() -> None:
    """Ollama's client gets chatsdk's text, counts and reason."""
    ollama = pytest.importorskip("ollama")
    with asked("ollama", model="any") as (server, ours):
        with ollama.Client(host=server.url) as api:
            chunks = list(api.chat(model="any", messages=MESSAGES, stream=True))
    assert "".join(chunk.message.content or "" for chunk in chunks) == ours.text
    last = chunks[-1]
    assert (last.done, last.done_reason) == (True, ours.native_finish_reason)
    assert ours.usage
    assert (last.prompt_eval_count, last.eval_count) == (ours.usage.input, ours.usage.output)


@pytest.mark.parametrize("name", ["ragflow", "ragflow_legacy", "ragflow_agent"])
def test_ragflow(name) -> None:
    """RAGFlow's client gets chatsdk's text; it knows neither counts nor reasons."""
    pytest.importorskip("ragflow_sdk")
    from ragflow_sdk import RAGFlow
    from ragflow_sdk.modules.session import Session

    kind = "agent" if name == "ragflow_agent" else "chat"
    with asked(name) as (server, ours):
        session = Session(RAGFlow("key", server.url), {"id": "s-1", f"{kind}_id": "c-1"})
        if kind == "agent" and sys.version_info < (3, 12):
            # Its release for older Pythons breaks on the events of a new session, which have no
            # content.
            with pytest.raises(KeyError, match="content"):
                list(session.ask(PROMPT, stream=True))
            return
        said = [message.content for message in session.ask(PROMPT, stream=True)]
    assert (said[-1] if name == "ragflow_legacy" else "".join(said)) == ours.text


def test_dashscope() -> None:
    """DashScope's client gets chatsdk's text, counts and reason."""
    dashscope = pytest.importorskip("dashscope")
    with asked("dashscope", model="any") as (server, ours):
        found = dashscope.Generation.call(
            "any",
            api_key="key",
            messages=MESSAGES,
            result_format="message",
            stream=True,
            incremental_output=True,
            base_address=f"{server.url}/api/v1",
        )
        theirs = list(found)
        dashscope.api_entities.http_request.close_shared_sync_session()
    assert {response.status_code for response in theirs} == {200}
    messages = [response.output.choices[0] for response in theirs]
    assert "".join(choice.message.content for choice in messages) == ours.text
    assert messages[-1].finish_reason == ours.native_finish_reason == "stop"
    assert ours.usage
    usage = theirs[-1].usage
    assert (usage.input_tokens, usage.output_tokens) == (ours.usage.input, ours.usage.output)


@contextmanager
def coze(server: EmbeddedServer) -> Iterator[Any]:
    with warnings.catch_warnings():
        # A library that it uses announces its own end of life.
        warnings.simplefilter("ignore")
        cozepy = pytest.importorskip("cozepy")
    with cozepy.SyncHTTPClient() as http:
        yield cozepy.Coze(cozepy.TokenAuth("key"), server.url, http)


def test_cozepy() -> None:
    """Coze's client gets chatsdk's text, counts and status."""
    with asked("coze", bot_id="b1", user_id="u1") as (server, ours), coze(server) as api:
        from cozepy import Message

        question = Message.build_user_question_text(PROMPT)
        events = list(api.chat.stream(bot_id="b1", user_id="u1", additional_messages=[question]))
    deltas = [item.message.content for item in events if item.event.endswith("message.delta")]
    (whole,) = [item.message for item in events if item.event.endswith("message.completed")]
    assert "".join(deltas) == whole.content == ours.text
    last = events[-1].chat
    assert last.status == ours.native_finish_reason == "completed"
    assert ours.usage
    counts = (last.usage.input_count, last.usage.output_count, last.usage.token_count)
    assert counts == (ours.usage.input, ours.usage.output, ours.usage.total)


def test_cozepy_stops() -> None:
    """Coze's client cancels a chat, whose stream then ends in an event that it has no type for."""
    with EmbeddedServer("coze", pace=LONG) as server, coze(server) as api:
        events = api.chat.stream(bot_id="b1", user_id="u1")
        chat = next(events).chat
        stopped = api.chat.cancel(conversation_id=chat.conversation_id, chat_id=chat.id)
        assert (stopped.id, stopped.status) == (chat.id, "canceled")
        assert list(events)[-1].event == "unknown"


def test_langgraph_sdk() -> None:
    """LangGraph's client gets chatsdk's text, counts and reason."""
    langgraph_sdk = pytest.importorskip("langgraph_sdk")
    with asked("langgraph", assistant_id="agent") as (server, ours):
        with langgraph_sdk.get_sync_client(url=server.url, api_key=None) as api:
            question = {"messages": [{"type": "human", "content": PROMPT}]}
            events = list(
                api.runs.stream(None, "agent", input=question, stream_mode=["messages-tuple"])
            )
    pieces = [item.data[0] for item in events if item.event == "messages"]
    assert "".join(piece["content"] for piece in pieces) == ours.text
    (ended,) = [piece for piece in pieces if piece["usage_metadata"]]
    assert ended["response_metadata"]["finish_reason"] == ours.native_finish_reason == "stop"
    assert ours.usage
    counts = [ended["usage_metadata"][f"{name}_tokens"] for name in ("input", "output", "total")]
    assert counts == [ours.usage.input, ours.usage.output, ours.usage.total]


def test_langgraph_sdk_stops() -> None:
    """LangGraph's client cancels a run, whose stream then ends without a word."""
    langgraph_sdk = pytest.importorskip("langgraph_sdk")
    with EmbeddedServer("langgraph", pace=LONG) as server:
        with langgraph_sdk.get_sync_client(url=server.url, api_key=None) as api:
            events = api.runs.stream("t1", "agent", stream_mode=["messages-tuple"])
            run = next(events).data["run_id"]
            api.runs.cancel("t1", run)
            assert {event.event for event in events} == {"messages"}


def test_openai_cancels() -> None:
    """OpenAI's client cancels a background response, whose stream then ends."""
    openai = pytest.importorskip("openai")
    with EmbeddedServer("openai_responses", pace=LONG) as server:
        with openai.OpenAI(api_key="key", base_url=f"{server.url}/v1", max_retries=0) as api:
            asking = {"model": "any", "input": PROMPT, "stream": True, "background": True}
            with api.responses.create(**asking) as events:
                id = next(iter(events)).response.id
                stopped = api.responses.cancel(id)
                assert (stopped.id, stopped.status) == (id, "cancelled")
                assert list(events)[-1].type == "response.cancelled"


def test_dify_client() -> None:
    """A client of Dify's gets chatsdk's text and counts, and stops an answer."""
    dify_client = pytest.importorskip("dify_client")
    if not hasattr(dify_client, "models"):
        pytest.skip("this is Dify's thin client, which reads no streams")
    question = dify_client.models.ChatRequest(query=PROMPT, user="u1", response_mode="streaming")
    with asked("dify", user="u1") as (server, ours):
        api = dify_client.Client(api_key="key", api_base=f"{server.url}/v1")
        *said, end = api.chat_messages(question)
    assert "".join(event.answer for event in said) == ours.text
    usage = end.metadata.usage
    assert ours.usage
    counts = (ours.usage.input, ours.usage.output, ours.usage.total)
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == counts
    with EmbeddedServer("dify", pace=LONG) as server:
        api = dify_client.Client(api_key="key", api_base=f"{server.url}/v1")
        events = api.chat_messages(question)
        first = next(events)
        assert first.answer == "You"
        wish = dify_client.models.StopRequest(user="u1")
        assert api.stop_chat_messages(first.task_id, wish).result == "success"
        assert [event.event for event in events] == ["message_end"]


@pytest.mark.parametrize("name", ["anthropic", "dify", "openai", "raw", "vercel"])
def test_eventsource_parser(node, name) -> None:
    """npm's parser reads the embedded server's frames, as they come, into chatsdk's events."""
    body = {"messages": MESSAGES}
    with EmbeddedServer(name, pace=0) as server:
        url = f"{server.url}/chat"
        (theirs,) = node.run("read_with_eventsource_parser.cjs", "--post", json.dumps(body), url)
        chunks: list[bytes] = []
        with ChatClient(url, dialect=name, tap=lambda data, _: chunks.append(data)) as client:
            assert client.send(body).result().text == speak(body)
    ours = [[event.event, event.data] for event in sse.parse(chunks)]
    # Each answer has its own number.
    assert [event[:2] for event in theirs] == [
        [event, data.replace("-2", "-1")] for event, data in ours
    ]
