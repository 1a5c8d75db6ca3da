"""The types that a user's checker sees. Checked by mypy, never run: public names, no casts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
from typing_extensions import assert_type

import chatsdk
from chatsdk import (
    Answer,
    AnswerStream,
    Cancel,
    ChatClient,
    ChatError,
    ChatSession,
    ChatTimeout,
    Citation,
    HTTPStatusError,
    Limits,
    Message,
    Outcome,
    PromptOutcome,
    ResponseInfo,
    Resume,
    Retry,
    Status,
    Timeout,
    Timings,
    Tool,
    ToolCall,
    ToolRejected,
    TurnHandle,
    TurnStream,
    Usage,
    dialects,
    telemetry,
    ui,
    use_chat,
)
from chatsdk.dialects import Dialect
from chatsdk.sse import ServerSentEvent, encode, parse
from chatsdk.testing import ChatServer, EmbeddedServer

assert_type(chatsdk.__version__, str)
# A module is available without a separate import.
assert_type(chatsdk.testing.ChatServer(), ChatServer)
assert_type(chatsdk.dialects.names(), tuple[str, ...])


def script() -> None:
    with ChatClient(
        "https://api.example.com/v1/chat/completions",
        dialect="openai",
        token=lambda: "key",
        headers={"X-Team": "a"},
        defaults={"model": "m"},
        timeout=Timeout(idle=30),
        retry=Retry(attempts=3),
        limits=Limits(event_bytes=1024),
    ) as client:
        stream = client.send({"messages": []}, cancel=Cancel())
        assert_type(stream, AnswerStream)
        for answer in stream:
            assert_type(answer, Answer)
            assert_type(answer.delta, str)
        assert_type(stream.deltas(), Iterator[str])
        assert_type(stream.result(), Answer)
        assert_type(stream.outcome, Outcome)
        assert_type(stream.response, ResponseInfo | None)
        assert_type(stream.dialect, Dialect | None)
        assert_type(client.ask([{"role": "user", "content": "Hi"}], model="m"), AnswerStream)


@attrs.define
class Recipe:
    title: str


def objects(client: ChatClient) -> None:
    stream = client.ask("Pancakes?", output=Recipe, repair=1)
    assert_type(stream, AnswerStream[Recipe | None, Recipe])
    for answer in stream:
        assert_type(answer, Answer[Recipe | None])
        assert_type(answer.value, Recipe | None)
    assert_type(stream.result(), Answer[Recipe])
    assert_type(stream.result().value, Recipe)
    assert_type(client.ask("Which?", output=list[Recipe]).result().value, list[Recipe])
    assert_type(client.ask("Which?", output={"type": "object"}).result().value, Any)


def many(client: ChatClient) -> None:
    outcomes = client.map(["Hi", [{"role": "user", "content": "Hi"}]], workers=4, temperature=0.5)
    for outcome in outcomes:
        assert_type(outcome.index, int)
        assert_type(outcome.error, ChatError | None)
        assert_type(outcome.answer, Answer)
        assert_type(outcome, PromptOutcome)
        kept: Outcome = outcome
        assert_type(kept.reason, str)
    assert_type(outcomes.close(), None)
    with client.map(iter(["Hi"]), on_error="raise", progress="always", cancel=Cancel()):
        pass
    for outcome in client.map(["Pancakes?"], output=Recipe, repair=1):
        assert_type(outcome, PromptOutcome[Recipe])
        assert_type(outcome.value, Recipe | None)
    for found in client.map(["Which?"], output={"type": "object"}):
        assert_type(found, PromptOutcome)


def operators(client: ChatClient) -> None:
    end = telemetry.instrument(client, content=True)
    assert_type(end, Callable[[], None])
    telemetry.instrument("http://h/")  # type: ignore[arg-type]


def fallback(first: ChatClient, second: ChatClient) -> None:
    def when(error: ChatError) -> bool:
        return isinstance(error, HTTPStatusError)

    both = ChatClient.fallback(first, second, when=when, rest=10)
    stream = both.ask("Hi", model="m")
    for answer in stream:
        assert_type(answer.backend, str | None)
    assert_type(stream.client, ChatClient)
    cooked = both.ask("Pancakes?", output=Recipe, repair=1)
    assert_type(cooked.client, ChatClient)
    for step in cooked:
        assert_type(step.value, Recipe | None)
    assert_type(cooked.result().value, Recipe)
    assert_type(both.ask("Which?", output={"type": "object"}).result().value, Any)
    either: AnswerStream = both.send({})
    assert_type(either.result(), Answer)
    assert_type(use_chat(both), ChatSession)
    ChatClient.fallback(first, "http://h/")  # type: ignore[arg-type]
    ChatClient.fallback(first, when=lambda: True)  # type: ignore[arg-type, misc]


def answers(answer: Answer) -> None:
    assert_type(answer.text, str)
    assert_type(answer.tool_calls, tuple[ToolCall, ...])
    assert_type(answer.citations, tuple[Citation, ...])
    assert_type(answer.usage, Usage)
    assert_type(answer.usage.output, int | None)
    assert_type(answer.finish_reason, str | None)
    assert_type(answer.timings, Timings)


def session() -> None:
    def show(answer: Answer) -> None:
        print(answer.delta)

    def finish(outcome: Outcome) -> None:
        assert_type(outcome.error, ChatError | None)

    chat = use_chat("https://example.com", on_answer=show, on_finish=finish, dispatch=ui.inline())
    assert_type(chat, ChatSession)
    assert_type(chat.ask("Hi"), TurnStream)
    assert_type(chat.ask("Hi").display(), Answer)
    assert_type(chat.run({"q": 1}), Answer)
    handle = chat.start("Hi")
    assert_type(handle, TurnHandle)
    assert_type(handle.wait(1.0), bool)
    assert_type(handle.outcome, Outcome)
    assert_type(chat.outcome.reason, str)
    assert_type(chat.error, ChatError | None)
    assert_type(ChatSession.from_dict(chat.to_dict(), chat.client, on_finish=finish), ChatSession)
    assert_type(chat.messages, tuple[Message, ...])
    assert_type(chat.status, Status)
    assert_type(chat.done, bool)


def asking(chat: ChatSession) -> None:
    def weather(city: str) -> str:
        return city

    options: dict[str, Any] = {"model": "m", "temperature": 0.5}
    assert_type(chat.ask("Hi", tools=[weather], max_rounds=3, model="m"), TurnStream)
    # A dict of options might hold an `output`, and type checkers differ about that.
    assert_type(chat.ask("Hi", **options).result().text, str)
    assert_type(chat.run("Hi", tools={"weather": weather, "other": None}, top_p=1), Answer)
    assert_type(chat.start("Hi", conversation_id="c", idempotency_key="k"), TurnHandle)
    assert_type(chat.regenerate(tools=None), TurnStream)
    assert_type(chat.edit(chat.messages[0].id, "Hi", latest=True), TurnStream)


def approving(chat: ChatSession) -> None:
    def weather(city: str) -> str:
        return city

    def far(call: ToolCall) -> bool:
        return call.name == "weather"

    declared = Tool({"name": "ask_user"})
    careful = Tool(weather, approve=far, approval_timeout=60)
    assert_type(chat.run("Hi", tools=[weather, careful, declared]), Answer)
    assert_type(chat.run(Resume(), tools={"w": Tool(weather, parallel=True, timeout=5)}), Answer)
    assert_type(chat.pending, tuple[ToolCall, ...])
    assert_type([chat.approve(call.id) for call in chat.pending], list[bool])
    assert_type(chat.resume(tools=[careful]), TurnStream)
    assert_type(chat.reject("c1", "too far"), bool)
    assert_type(chat.answer_call("c1", {"sky": "clear"}), bool)
    assert_type(ToolRejected("no").reason, str)


def objects_of_a_session(chat: ChatSession) -> None:
    stream = chat.ask("Pancakes?", output=Recipe)
    assert_type(stream, TurnStream[Recipe | None, Recipe])
    for answer in stream:
        assert_type(answer.value, Recipe | None)
    assert_type(stream.result().value, Recipe)
    assert_type(chat.run("Pancakes?", output=Recipe, repair=1).value, Recipe)


def mistakes(chat: ChatSession, client: ChatClient) -> None:
    """Each line is an error to a type checker: an ignore that is not needed would be one, too."""
    ChatClient("http://h/", tokn="t")  # type: ignore[call-arg]
    ChatClient("http://h/", timeout="soon")  # type: ignore[arg-type]
    use_chat("http://h/", on_anser=print)  # type: ignore[call-arg]
    use_chat("http://h/", timeout="soon")  # type: ignore[arg-type]
    use_chat("http://h/", on_finish=lambda: None)  # type: ignore[arg-type, misc]
    chat.ask("Hi", tools=3)  # type: ignore[call-overload]
    Tool(print, approve="yes")  # type: ignore[arg-type]
    Tool(print, timout=3)  # type: ignore[call-arg]
    chat.run("Hi", max_rounds="3")  # type: ignore[call-overload]
    client.ask("Hi", cancel=True)  # type: ignore[call-overload]


def errors(error: ChatError) -> None:
    assert_type(error.answer, Answer)
    if isinstance(error, HTTPStatusError):
        assert_type(error.status, int)
        assert_type(error.retry_after, float | None)
    if isinstance(error, ChatTimeout):
        assert_type(error.phase, str | None)


def pure(chunks: list[bytes], options: Mapping[str, Any]) -> None:
    assert_type(parse(chunks), Iterator[ServerSentEvent])
    assert_type(encode("data", event="e"), bytes)
    assert_type(dialects.get("openai", **options), Dialect)
    assert_type(dialects.names(), tuple[str, ...])


def testing() -> None:
    with ChatServer() as server, EmbeddedServer() as embedded:
        assert_type(server.url, str)
        assert_type(embedded.url, str)
