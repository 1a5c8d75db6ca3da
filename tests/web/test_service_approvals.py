"""Tools that ask in `ChatService`: the stream ends with the question, another request goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from browser import Page, chunks, serving, text_of, user
from redis_server import RedisServer

from chatsdk import ChatClient, Tool
from chatsdk.testing import ChatServer
from chatsdk.web import ChatService, wsgi

PATHS = {
    "openai": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "ollama": "/api/chat",
    "gemini": "/v1beta/models/m:streamGenerateContent",
    "openai_responses": "/v1/responses",
}

DELETE = {"id": "call-1", "name": "delete", "arguments": {"path": "/a", "times": 1.0}}
READ = {"id": "call-2", "name": "read", "arguments": {}}


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


class Files:
    """Tools, and what they did."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def delete(self, path: str, times: float = 1) -> str:
        """Delete a file."""
        self.done.append(path)
        return f"deleted {path}"

    def read(self) -> str:
        """Read a file."""
        self.done.append("read")
        return "text"

    @property
    def tools(self) -> list[Any]:
        return [Tool(self.delete, approve=True), self.read]


@contextmanager
def site(server: ChatServer, backend: str = "openai", **options: Any) -> Iterator[str]:
    defaults = {} if backend == "gemini" else {"model": "m"}
    with (
        ChatClient(server.url + PATHS[backend], dialect=backend, defaults=defaults) as client,
        serving(wsgi.application(ChatService(client, **options))) as url,
    ):
        yield url


class Browser:
    """A page that keeps the conversation, as `useChat` does."""

    def __init__(self, *urls: str) -> None:
        self.urls = urls
        self.body = user("Go")
        self.parts: list[dict[str, Any]] = []
        self.message: dict[str, Any] = {}

    def post(self, url: str | None = None) -> list[dict[str, Any]]:
        """Post the conversation; add the calls of the answer to it."""
        with Page(url or self.urls[0]) as page:
            response = page.ask(body=self.body)
            body = response.read()
        assert response.status == 200, body
        found = chunks(body)
        if not self.message or self.message["id"] != found[0]["messageId"]:
            self.message = {"id": found[0]["messageId"], "role": "assistant", "parts": []}
            self.body["messages"].append(self.message)
        for chunk in found:
            self.take(chunk)
        if text := text_of(body):
            self.message["parts"].append({"type": "text", "text": text})
        return found

    def take(self, chunk: dict[str, Any]) -> None:
        kind, parts = chunk["type"], self.message["parts"]
        call = next((p for p in parts if p.get("toolCallId") == chunk.get("toolCallId", 0)), {})
        if kind == "start-step":
            parts.append({"type": "step-start"})
        elif kind == "tool-input-available":
            part = {"type": f"tool-{chunk['toolName']}", "toolCallId": chunk["toolCallId"]}
            parts.append({**part, "state": "input-available", "input": chunk["input"]})
        elif kind == "tool-output-available":
            call |= {"state": "output-available", "output": chunk["output"]}
        elif kind == "tool-output-denied":
            call["state"] = "output-denied"
        elif kind == "tool-approval-request":
            call |= {"state": "approval-requested", "approval": {"id": chunk["approvalId"]}}

    def waiting(self) -> list[dict[str, Any]]:
        return [p for p in self.message["parts"] if p.get("state") == "approval-requested"]

    def decide(self, approved: bool, reason: str | None = None) -> None:
        """Answer the question about the first call that waits."""
        part = self.waiting()[0]
        part["state"] = "approval-responded"
        part["approval"] |= {"approved": approved, "reason": reason}


def kinds(found: list[dict[str, Any]]) -> list[str]:
    return [chunk["type"] for chunk in found if not chunk["type"].endswith(("t-start", "-delta"))]


@pytest.mark.parametrize("dialect", PATHS)
@pytest.mark.parametrize("approved", [True, False])
def test_a_question_and_its_answer(server, dialect, approved) -> None:
    """The stream ends with the question, and the answer goes on in the same message."""
    files = Files()
    server.answer(dialect, "Let me. ", tool_calls=[DELETE, READ])
    server.answer(dialect, "Done.")
    with site(server, dialect, tools=files.tools) as url:
        browser = Browser(url)
        first = browser.post()
        assert kinds(first)[-4:] == [
            *("tool-output-available", "tool-approval-request", "finish-step", "finish"),
        ]
        assert first[-1]["finishReason"] == "tool-calls"
        assert files.done == ["read"]
        assert len(server.requests) == 1
        browser.decide(approved, "too risky")
        second = browser.post()
    assert second[0]["messageId"] == first[0]["messageId"]
    outcome = "tool-output-available" if approved else "tool-output-denied"
    assert kinds(second) == [
        *("start", outcome, "start-step", "text-end", "finish-step", "finish"),
    ]
    assert files.done == (["read", "/a"] if approved else ["read"])
    told = "deleted /a" if approved else "error: the user rejected this call: too risky"
    assert told in server.requests[1].body.decode()
    assert "text" in server.requests[1].body.decode()
    # The next question has all of it.
    server.answer(dialect, "Bye.")
    browser.body["messages"].append(user("Thanks")["messages"][0] | {"id": "m2"})
    with site(server, dialect, tools=files.tools) as url:
        browser.post(url)
    if dialect != "openai_responses":
        assert told in server.requests[2].body.decode()


def test_several_questions(server) -> None:
    """A decision about some of the calls asks about the others again; then all go on."""
    files = Files()
    calls = [DELETE | {"id": f"call-{n}", "arguments": {"path": f"/{n}"}} for n in range(3)]
    server.answer("openai", tool_calls=calls)
    server.answer("openai", "Done.")
    with site(server, tools=files.tools) as url:
        browser = Browser(url)
        browser.post()
        assert len(browser.waiting()) == 3
        browser.decide(True)
        again = browser.post()
        assert kinds(again) == [
            *("start", "tool-approval-request", "tool-approval-request", "finish"),
        ]
        assert len(server.requests) == 1
        browser.decide(False)
        browser.decide(True)
        assert text_of_all(browser.post()) == "Done."
    assert files.done == ["/0", "/2"]
    results = [m["content"] for m in server.requests[1].json["messages"] if m["role"] == "tool"]
    assert results == ["deleted /0", "error: the user rejected this call", "deleted /2"]


def text_of_all(found: list[dict[str, Any]]) -> str:
    return "".join(chunk["delta"] for chunk in found if chunk["type"] == "text-delta")


def forged_arguments(part: dict[str, Any]) -> None:
    part["input"]["path"] = "/etc"


def forged_id(part: dict[str, Any]) -> None:
    part["approval"]["id"] = "approval-1"


def forged_tool(part: dict[str, Any]) -> None:
    part["type"] = "tool-read"


def nothing(part: dict[str, Any]) -> None:
    pass


@pytest.mark.parametrize("forge", [forged_arguments, forged_id, forged_tool, nothing])
@pytest.mark.parametrize("journal", [True, False])
def test_only_what_was_asked_may_be_approved(server, forge, journal) -> None:
    """A browser cannot approve a call that the model did not make, nor one call twice."""
    files = Files()
    server.answer("openai", tool_calls=[DELETE])
    server.answer("openai", "Done.")
    options: dict[str, Any] = {} if journal else {"journal": None}
    with site(server, tools=files.tools, **options) as url:
        browser = Browser(url)
        browser.post()
        browser.decide(True)
        body = json.loads(json.dumps(browser.body))
        forge(body["messages"][-1]["parts"][-1])
        if forge is nothing:
            browser.post()
        with Page(url) as page:
            response = page.ask(body=body)
            refused = json.loads(response.read())["error"]
        assert (response.status, refused["type"]) == (400, "unknown_approval")
        if forge is not nothing:
            assert files.done == []
            # The real one is still there.
            assert text_of_all(browser.post()) == "Done."
    assert files.done == ["/a"]


def test_a_used_decision_is_used_up(server) -> None:
    """While the next call waits, the approval of the one before counts no more."""
    files = Files()
    server.answer("openai", tool_calls=[DELETE])
    server.answer("openai", tool_calls=[DELETE | {"id": "call-9", "arguments": {"path": "/b"}}])
    server.answer("openai", "Done.")
    with site(server, tools=files.tools) as url:
        browser = Browser(url)
        browser.post()
        browser.decide(True)
        again = json.loads(json.dumps(browser.body))
        assert kinds(browser.post())[-3] == "tool-approval-request"
        with Page(url) as page:
            assert page.ask(body=again).status == 400
        browser.decide(True)
        assert text_of_all(browser.post()) == "Done."
    assert files.done == ["/a", "/b"]


def test_two_requests_at_once(server) -> None:
    """If two requests have the same decision, however close, one runs the call."""
    files = Files()
    server.answer("openai", tool_calls=[DELETE])
    server.answer("openai", "Done.")
    with site(server, tools=files.tools) as url:
        browser = Browser(url)
        browser.post()
        browser.decide(True)
        with Page(url) as one, Page(url) as other:
            for page in (one, other):
                page.send(browser.body)
            statuses = []
            for page in (one, other):
                response = page.connection.getresponse()
                response.read()
                statuses.append(response.status)
    assert sorted(statuses) == [200, 400]
    assert files.done == ["/a"]


def test_another_question_instead(server) -> None:
    """A person who asks something else has not allowed the call, and it is not sent."""
    files = Files()
    server.answer("openai", "Let me. ", tool_calls=[DELETE])
    server.answer("openai", "Fine.")
    with site(server, tools=files.tools) as url:
        browser = Browser(url)
        browser.post()
        browser.body["messages"].append(user("No")["messages"][0] | {"id": "m2"})
        assert text_of_all(browser.post()) == "Fine."
    assert files.done == []
    assert server.requests[1].json["messages"] == [
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": "Let me. "},
        {"role": "user", "content": "No"},
    ]


def test_another_worker_goes_on(server, tmp_path) -> None:
    """With Redis, the decision may be posted to another worker than the question's."""
    files = Files()
    server.answer("openai", tool_calls=[DELETE])
    server.answer("openai", "Done.")
    pytest.importorskip("redis")
    from chatsdk.web import RedisJournal

    redis = RedisServer(tmp_path)
    with ExitStack() as stack:
        stack.callback(redis.kill)
        redis.start()
        urls = []
        for _ in range(2):
            journal = RedisJournal(redis.url)
            stack.callback(journal.close)
            urls.append(stack.enter_context(site(server, tools=files.tools, journal=journal)))
        browser = Browser(*urls)
        browser.post(urls[0])
        browser.decide(True)
        assert text_of_all(browser.post(urls[1])) == "Done."
    assert files.done == ["/a"]


def test_a_backend_that_keeps_the_history(server) -> None:
    """Only the results are sent, with the id of the response that called the tools."""
    files = Files()
    server.answer("openai_responses", tool_calls=[DELETE], id="resp_1")
    server.answer("openai_responses", "Done.", id="resp_2")
    with site(server, "openai_responses", tools=files.tools) as url:
        browser = Browser(url)
        browser.post()
        browser.decide(True)
        browser.post()
    body = server.requests[1].json
    assert body["previous_response_id"] == "resp_1"
    assert [item["type"] for item in body["input"]] == ["function_call_output"]


def test_work_for_the_browser(server) -> None:
    """A tool without a function is left to the browser, which posts its result."""
    declaration = {"name": "ask_user", "description": "Ask.", "parameters": {"type": "object"}}
    server.answer("openai", tool_calls=[{"id": "c", "name": "ask_user", "arguments": {}}])
    server.answer("openai", "Done.")
    with site(server, tools=[Tool(declaration)]) as url:
        browser = Browser(url)
        first = browser.post()
        assert kinds(first)[-3:] == ["tool-input-available", "finish-step", "finish"]
        assert first[-1]["finishReason"] == "tool-calls"
        browser.message["parts"][-1] |= {"state": "output-available", "output": "42"}
        assert text_of_all(browser.post()) == "Done."
    assert server.requests[1].json["messages"][-1]["content"] == "42"


def test_a_browser_of_another_dialect(server) -> None:
    """A dialect without questions leaves the call to the browser."""
    files = Files()
    server.answer("openai", tool_calls=[DELETE])
    with site(server, tools=files.tools, dialect="openai") as url, Page(url) as page:
        body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Go"}]}
        found = chunks(page.ask(body=body).read())
    assert [c["choices"][0]["finish_reason"] for c in found if c["choices"]][-1] == "tool_calls"
    assert files.done == []
