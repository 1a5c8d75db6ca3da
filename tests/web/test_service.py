"""`ChatService` in a Flask application, over real sockets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import flask
import pytest
from browser import WAIT_SECONDS, Page, chunks, frames, read_until, serving, text_of, user

from chatsdk import ChatClient
from chatsdk.testing import ChatServer
from chatsdk.web import ChatService, MemoryJournal
from chatsdk.web import flask as chatsdk_flask


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


@contextmanager
def site(server: ChatServer, **options: Any) -> Iterator[str]:
    """A site with a service at /api/chat; gives the address of that."""
    with ChatClient(server.url, dialect="openai") as client:
        app = flask.Flask("site")
        service = ChatService(client, **options)
        app.register_blueprint(chatsdk_flask.blueprint(service), url_prefix="/api/chat")
        with serving(app) as url:
            yield f"{url}/api/chat"


def test_a_turn(server) -> None:
    """POST gives the answer as `useChat` reads it, with the chat's id."""
    server.answer("openai", "Hello there")
    with site(server) as url, Page(url) as page:
        response = page.ask(body=user("Hi"))
        body = response.read()
    assert response.headers["X-Chat-Id"] == "chat-1"
    assert text_of(body) == "Hello there"
    assert body.endswith(b"data: [DONE]\n\n")
    (request,) = server.requests
    assert request.json["messages"] == [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize("slash", ["", "/"])
def test_neither_form_of_the_path_redirects(server, slash) -> None:
    """The routes answer with and without a slash at their end."""
    server.answer("openai", "Hello")
    with site(server) as url, Page(url) as page:
        response = page.ask("POST", slash, user("Hi"))
        assert (response.status, text_of(response.read())) == (200, "Hello")
        response = page.ask("GET", f"/chat-1/stream{slash}")
        assert (response.status, text_of(response.read())) == (200, "Hello")
        response = page.ask("POST", f"/chat-1/stop{slash}")
        assert (response.status, response.read()) == (204, b"")


def test_the_turn_goes_on_without_its_browser(server) -> None:
    """A browser that leaves changes nothing: another one gets the whole answer."""
    script = server.answer("openai")
    script.say("One")
    with site(server) as url, Page(url) as first, Page(url) as second:
        response = first.ask(body=user("Hi"))
        read_until(response, b"One")
        first.leave(response)
        script.say(" two")
        script.finish()
        assert text_of(second.ask("GET", "/chat-1/stream").read()) == "One two"


def test_resume_after_the_last_event(server) -> None:
    """`Last-Event-ID`, as a header or in the query, skips what the browser has."""
    server.answer("openai", ["One", " two", " three"])
    with site(server) as url, Page(url) as page:
        whole = frames(page.ask(body=user("Hi")).read())
        place = next(n for n, (_, data) in enumerate(whole) if " two" in data)
        id = whole[place][0]
        assert id is not None
        rest = page.ask("GET", "/chat-1/stream", Last_Event_ID=id).read()
        assert frames(rest) == whole[place + 1 :]
        assert frames(page.ask("GET", f"/chat-1/stream?after={id}").read()) == whole[place + 1 :]


def test_nothing_to_follow(server) -> None:
    """204 for an unknown chat, and for an ended turn of which the browser has everything."""
    server.answer("openai", "One")
    with site(server) as url, Page(url) as page:
        assert page.ask("GET", "/chat-9/stream").status == 204
        last = frames(page.ask(body=user("Hi")).read())[-1][0]
        assert last is not None
        assert page.ask("GET", "/chat-1/stream", Last_Event_ID=last).status == 204


@pytest.mark.parametrize("id", ["x", "0", "-1", "a-b-c", "-", "99999999999999999999", "\xff" * 9])
def test_an_id_that_nobody_gave_out_skips_nothing(server, id) -> None:
    """A foreign `Last-Event-ID` is not an error: the whole turn comes."""
    server.answer("openai", "One")
    with site(server) as url, Page(url) as page:
        whole = page.ask(body=user("Hi")).read()
        assert page.ask("GET", "/chat-1/stream", Last_Event_ID=id).read() == whole


def test_an_id_of_an_earlier_turn_skips_nothing(server) -> None:
    """The ids of one turn do not apply to the next one."""
    server.answer("openai", "One")
    server.answer("openai", "Two")
    with site(server) as url, Page(url) as page:
        id = frames(page.ask(body=user("Hi")).read())[2][0]
        assert id is not None
        page.ask(body=user("Hi")).read()
        assert text_of(page.ask("GET", "/chat-1/stream", Last_Event_ID=id).read()) == "Two"


def test_a_post_that_is_repeated(server) -> None:
    """A POST with the last id of the turn goes on with it; one of another turn begins a turn."""
    server.answer("openai", "One two", pieces=2)
    server.answer("openai", "Three")
    with site(server) as url, Page(url) as page:
        body = page.ask(body=user("Hi")).read()
        ids = [id for id, _ in frames(body)]
        again = page.ask(body=user("Hi"), Last_Event_ID=ids[2])
        assert [id for id, _ in frames(again.read())] == ids[3:]
        # Nothing is left: an event stream that ends, because a client that posts takes 204 amiss.
        again = page.ask(body=user("Hi"), Last_Event_ID=ids[-1])
        assert (again.status, again.read()) == (200, b"")
        assert again.headers["Content-Type"].startswith("text/event-stream")
        assert len(server.requests) == 1
        foreign = page.ask(body=user("Hi"), Last_Event_ID="0123456789ab-3")
        assert text_of(foreign.read()) == "Three"


def test_the_response_begins_without_the_backend(server) -> None:
    """A backend that is silent before its headers gets heartbeats, so that no proxy gives up."""
    script = server.stream(hold_head=True)
    with site(server, heartbeat=0.1) as url, Page(url) as page:
        response = page.ask(body=user("Hi"))
        read_until(response, b": ping")
        script.cut()
        assert '"type": "error"' in response.read().decode()


def test_post_then_event_source(server) -> None:
    """With `Accept: application/json`, POST gives the address of the stream."""
    script = server.answer("openai")
    script.say("One")
    with site(server) as url, Page(url) as page:
        response = page.ask(body=user("Hi"), Accept="application/json")
        where = json.loads(response.read())
        assert (response.status, where) == (
            202,
            {"id": "chat-1", "stream": "/api/chat/chat-1/stream"},
        )
        script.finish()
        assert text_of(page.ask("GET", "/chat-1/stream").read()) == "One"


def test_stop(server) -> None:
    """A stop ends the stream by the dialect's rules, and the connection to the backend."""
    script = server.answer("openai")
    script.say("One")
    with site(server) as url, Page(url) as page, Page(url) as other:
        response = page.ask(body=user("Hi"))
        read_until(response, b"One")
        assert other.ask("POST", "/chat-1/stop").status == 204
        rest = response.read()
        script.wait_for_disconnect(WAIT_SECONDS)
    assert chunks(rest)[-1] == {"type": "abort"}


def test_a_new_turn_ends_the_one_in_flight(server) -> None:
    """A chat has one turn at a time."""
    script = server.answer("openai")
    script.say("One")
    server.answer("openai", "Two")
    with site(server) as url, Page(url) as first, Page(url) as second:
        response = first.ask(body=user("Hi"))
        read_until(response, b"One")
        assert text_of(second.ask(body=user("Hi")).read()) == "Two"
        assert chunks(response.read())[-1] == {"type": "abort"}


def test_a_refusal_of_the_backend(server) -> None:
    """A backend that refuses before its first byte is a status, and an error for followers."""
    server.reply(500, json={"error": {"message": "secret"}})
    with site(server) as url, Page(url) as page:
        response = page.ask(body=user("Hi"))
        assert (response.status, b"secret" in response.read()) == (502, False)
        assert chunks(page.ask("GET", "/chat-1/stream").read())[-1]["type"] == "error"


def test_without_a_journal(server) -> None:
    """The turn ends when its browser leaves, and there is nothing to resume or stop."""
    script = server.answer("openai")
    script.say("One")
    with site(server, journal=None, heartbeat=0.05) as url, Page(url) as page, Page(url) as other:
        response = page.ask(body=user("Hi"), Accept="application/json")
        assert response.status == 200
        read_until(response, b"One")
        assert other.ask("GET", "/chat-1/stream").status == 404
        page.leave(response)
        script.wait_for_disconnect(WAIT_SECONDS)


def test_without_a_journal_and_an_answer(server) -> None:
    """Heartbeats are sent to a browser, and it may leave, before the backend has answered."""
    script = server.silent()
    with site(server, journal=None, heartbeat=0.05) as url, Page(url) as page:
        response = page.ask(body=user("Hi"))
        read_until(response, b": ping")
        page.leave(response)
        script.wait_for_disconnect(WAIT_SECONDS)


def test_replaced_before_the_backend_answers(server) -> None:
    """The response to a question that another one replaces is a stream that ends."""
    script = server.silent()
    server.answer("openai", "Two")
    with site(server) as url, Page(url) as first, Page(url) as second:
        first.send(user("Hi"))
        script.wait_for_request()
        assert text_of(second.ask(body=user("Hi")).read()) == "Two"
        response = first.connection.getresponse()
        assert response.status == 200
        assert chunks(response.read())[-1] == {"type": "abort"}


def test_kept_for_no_time(server) -> None:
    """The browser that began a turn gets all of it, however short the journal keeps it."""
    with site(server, journal=MemoryJournal(keep=0)) as url, Page(url) as page:
        for _ in range(10):
            server.answer("openai", "Hello")
            assert text_of(page.ask(body=user("Hi")).read()) == "Hello"


def test_id_of_a_chat(server) -> None:
    """Libraries for short ids, such as nanoid, also begin one with a hyphen or an underscore."""
    server.answer("openai", "Hello")
    with site(server) as url, Page(url) as page:
        page.ask(body=user("Hi", "-x_9Zb-"))
        page.connection.close()
        assert text_of(page.ask("GET", "/-x_9Zb-/stream").read()) == "Hello"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_site_that_has_read_the_body(server, chunked) -> None:
    """A function that the site calls before each view may read the request's JSON."""
    server.answer("openai", "Hello")
    body = json.dumps(user("Hi")).encode()
    with ChatClient(server.url, dialect="openai") as client:
        app = flask.Flask("site")
        app.register_blueprint(chatsdk_flask.blueprint(ChatService(client)))
        app.before_request(lambda: flask.request.get_json() and None)
        with serving(app) as url, Page(url) as page:
            sent = iter([body[:9], body[9:]]) if chunked else body
            response = page.ask("POST", "/", sent, Content_Type="application/json")
            assert text_of(response.read()) == "Hello"


def test_a_prefix_with_variables(server) -> None:
    """A site may mount the service below a path with variables."""
    server.answer("openai", "Hello")
    seen: list[Any] = []

    def allow(request: Any, chat: str | None) -> bool:
        seen.append(request.view_args["team"])
        return True

    with ChatClient(server.url, dialect="openai") as client:
        app = flask.Flask("site")
        routes = chatsdk_flask.blueprint(ChatService(client, authorize=allow))
        app.register_blueprint(routes, url_prefix="/<team>/chat")
        with serving(app) as url, Page(f"{url}/red/chat") as page:
            where = page.ask(body=user("Hi"), Accept="application/json")
            assert json.loads(where.read())["stream"] == "/red/chat/chat-1/stream"
            assert text_of(page.ask("GET", "/chat-1/stream").read()) == "Hello"
    assert seen == ["red", "red"]


def test_a_limit_of_the_site(server) -> None:
    """A body over Flask's MAX_CONTENT_LENGTH is refused in JSON as well."""
    with ChatClient(server.url, dialect="openai") as client:
        app = flask.Flask("site")
        app.config["MAX_CONTENT_LENGTH"] = 100
        app.register_blueprint(chatsdk_flask.blueprint(ChatService(client)))
        with serving(app) as url, Page(url) as page:
            response = page.ask("POST", "/", user("x" * 200))
            assert response.status == 413
            assert json.loads(response.read())["error"]["type"] == "too_large"


@pytest.mark.parametrize("name", ["authorize", "prepare"])
def test_an_asynchronous_function(server, name) -> None:
    """It is refused: its result is true whatever it would return."""

    async def check(*arguments: Any) -> bool:
        return False

    with ChatClient(server.url, dialect="openai") as client:
        with pytest.raises(TypeError, match=f"{name} is an async function"):
            ChatService(client, **{name: check})
        service = ChatService(client, **{name: lambda *arguments: check(*arguments)})
        app = flask.Flask("site")
        app.register_blueprint(chatsdk_flask.blueprint(service))
        with serving(app) as url, Page(url) as page:
            assert page.ask("POST", "/", user("Hi")).status == 500
    assert server.requests == []


def forbid(request: Any, chat: str | None) -> bool:
    assert request.path.startswith("/api/chat")
    return chat != "chat-1"


def add_system(messages: Any, options: Any) -> Any:
    if messages[-1].content == "bad":
        raise ValueError("not that")
    return [{"role": "system", "content": "Be brief."}, *messages], {"model": "m"}


@pytest.mark.parametrize(
    ("method", "path", "options", "sent", "status"),
    [
        ("POST", "", {}, {"body": "x"}, 415),
        ("POST", "", {}, {"body": "x", "Content_Type": "text/plain"}, 415),
        ("POST", "", {}, {"body": "{", "Content_Type": "application/json"}, 400),
        ("POST", "", {}, {"body": "[" * 200000, "Content_Type": "application/json"}, 400),
        ("POST", "", {}, {"body": {}}, 400),
        ("POST", "", {}, {"body": user("Hi", "../../etc")}, 400),
        ("POST", "", {}, {"body": user("Hi", "x" * 10_000)}, 400),
        ("POST", "", {"max_body": 100}, {"body": user("x" * 200)}, 413),
        ("POST", "", {}, {"body": user("Hi"), "Origin": "https://evil.example"}, 403),
        ("POST", "", {}, {"body": user("Hi"), "Origin": "null"}, 403),
        ("POST", "", {"authorize": forbid}, {"body": user("Hi")}, 403),
        ("GET", "/chat-1/stream", {"authorize": forbid}, {}, 403),
        ("POST", "/chat-1/stop", {"authorize": forbid}, {}, 403),
        ("GET", "/chat-9/stream", {"authorize": forbid}, {}, 204),
        ("POST", "", {"prepare": add_system}, {"body": user("bad")}, 400),
        ("PUT", "", {}, {}, 405),
        ("GET", "/chat-1/stop", {}, {}, 405),
        ("POST", "/chat-1/stream", {}, {}, 405),
        ("GET", "/chat-1", {}, {}, 404),
        ("GET", "/a/b/c", {}, {}, 404),
        ("GET", "/%2e%2e/stream", {}, {}, 404),
    ],
)
def test_refused(server, method, path, options, sent, status) -> None:
    """A request that cannot be is refused with its status, in JSON, and without an echo."""
    with site(server, **options) as url, Page(url) as page:
        response = page.ask(method, path, **sent)
        body = response.read()
    assert response.status == status
    assert server.requests == []
    if status != 204:
        assert set(json.loads(body)["error"]) == {"type", "message"}
    assert (response.headers["Allow"] is not None) == (status == 405)


def test_prepare(server) -> None:
    """`prepare` adds a system prompt and a model."""
    server.answer("openai", "Hello")
    with site(server, prepare=add_system) as url, Page(url) as page:
        page.ask(body=user("Hi")).read()
    (request,) = server.requests
    assert request.json["model"] == "m"
    assert [message["role"] for message in request.json["messages"]] == ["system", "user"]


def test_too_many_turns(server) -> None:
    """Past `max_turns` a new turn is refused, until one has ended."""
    script = server.answer("openai")
    script.say("One")
    server.answer("openai", "Two")
    with site(server, max_turns=1) as url, Page(url) as first, Page(url) as second:
        response = first.ask(body=user("Hi"))
        read_until(response, b"One")
        refused = second.ask(body=user("Hi", "chat-2"))
        assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
        refused.read()
        script.finish()
        response.read()
        assert text_of(second.ask(body=user("Hi", "chat-2")).read()) == "Two"


def test_other_origins(server) -> None:
    """A page of an allowed origin gets CORS; no other page does."""
    server.answer("openai", "Hello")
    origin = "https://app.example"
    with site(server, origins=[origin]) as url, Page(url) as page:
        preflight = page.ask("OPTIONS", Origin=origin, Access_Control_Request_Method="POST")
        preflight.read()
        assert preflight.status == 204
        assert "Last-Event-ID" in preflight.headers["Access-Control-Allow-Headers"]
        response = page.ask(body=user("Hi"), Origin=origin)
        response.read()
        assert response.headers["Access-Control-Allow-Origin"] == origin
        assert response.headers["Access-Control-Expose-Headers"] == "X-Chat-Id"
        assert response.headers["Vary"] == "Origin"
        other = page.ask("OPTIONS", Origin="https://evil.example")
        other.read()
        assert other.status == 403
        refused = page.ask("OPTIONS")
        refused.read()
        assert (refused.status, refused.headers["Allow"]) == (405, "GET, HEAD, POST")
        assert other.headers["Access-Control-Allow-Origin"] is None


def test_own_origin(server) -> None:
    """The site's own page may ask, also behind a proxy that ends TLS."""
    server.answer("openai", "Hello")
    with site(server) as url, Page(url) as page:
        host = url.split("/")[2]
        assert page.ask(body=user("Hi"), Origin=f"https://{host}").status == 200


def test_a_turn_that_ended_is_forgotten(server) -> None:
    """After `keep` seconds there is nothing to follow."""
    server.answer("openai", "Hello")
    with site(server, journal=MemoryJournal(keep=0)) as url, Page(url) as page:
        page.ask(body=user("Hi")).read()
        assert page.ask("GET", "/chat-1/stream").status == 204


def weather(city: str) -> str:
    """Return the weather."""
    if city == "Atlantis":
        raise ValueError("no such city")
    return f"rain in {city}"


@pytest.mark.parametrize("journal", [True, False])
def test_tools(server, journal) -> None:
    """Tools run here, and the browser sees each call, its result, and the steps between."""
    for city in ("Oslo", "Atlantis"):
        call = {"id": "call-1", "name": "weather", "arguments": json.dumps({"city": city})}
        server.answer("openai", "", tool_calls=[call])
    server.answer("openai", "It rains.")
    options = {} if journal else {"journal": None}
    with site(server, tools=[weather], **options) as url, Page(url) as page:
        found = chunks(page.ask(body=user("Weather?")).read())
    kinds = [chunk["type"] for chunk in found if not chunk["type"].startswith("tool-input-d")]
    step = ["tool-input-start", "tool-input-available"]
    assert kinds == [
        *("start", "start-step", *step, "tool-output-available", "finish-step"),
        *("start-step", *step, "tool-output-error", "finish-step"),
        *("start-step", "text-start", "text-delta", "text-delta", "text-end", "finish-step"),
        "finish",
    ]
    ids = [chunk["toolCallId"] for chunk in found if chunk["type"] == "tool-input-start"]
    outputs = [chunk for chunk in found if chunk["type"].startswith("tool-output")]
    assert [chunk["toolCallId"] for chunk in outputs] == ids
    assert outputs[0]["output"] == "rain in Oslo"
    assert "no such city" in outputs[1]["errorText"]
    assert len(server.requests) == 3


def test_stopped_while_a_tool_is_asked_for(server) -> None:
    """A stop ends a turn with tools as well."""
    script = server.answer("openai")
    script.say("One")
    with site(server, tools=[weather]) as url, Page(url) as page, Page(url) as other:
        response = page.ask(body=user("Hi"))
        read_until(response, b"One")
        other.ask("POST", "/chat-1/stop").read()
        assert chunks(response.read())[-1] == {"type": "abort"}
        script.wait_for_disconnect(WAIT_SECONDS)


def test_many_followers(server) -> None:
    """Every follower gets every frame once and in order, whenever it came."""
    script = server.answer("openai")
    script.say("One")
    with site(server) as url:
        pages = [Page(url) for _ in range(5)]
        responses = [pages[0].ask(body=user("Hi"))]
        read_until(responses[0], b"One")
        responses += [page.ask("GET", "/chat-1/stream") for page in pages[1:]]
        script.say(" two")
        script.finish()
        bodies = [response.read() for response in responses]
        for page in pages:
            page.connection.close()
    assert [text_of(body) for body in bodies] == [" two"] + ["One two"] * 4


def test_the_reload_within_a_chat_that_the_backend_keeps() -> None:
    """If the backend keeps the history, its conversation id is remembered for the chat."""
    with ChatServer() as server, ChatClient(server.url, dialect="dify") as client:
        server.answer("dify", "One", conversation_id="conv-1")
        server.answer("dify", "Two", conversation_id="conv-1")
        service = ChatService(client, prepare=lambda messages, options: (messages, {"user": "u"}))
        app = flask.Flask("site")
        app.register_blueprint(chatsdk_flask.blueprint(service), url_prefix="/chat")
        with serving(app) as url, Page(f"{url}/chat") as page:
            page.ask(body=user("Hi")).read()
            page.ask(body=user("And")).read()
        first, second = server.requests
        assert not first.json.get("conversation_id")
        assert second.json["conversation_id"] == "conv-1"


@pytest.mark.parametrize(
    "make",
    [
        lambda client: ChatService("http://127.0.0.1/"),  # type: ignore[arg-type]
        lambda client: ChatService(client, origins="https://a.example"),
        lambda client: ChatService(client, heartbeat=0),
        lambda client: ChatService(client, max_turns=0),
        lambda client: ChatService(client, dialect="raw"),
        lambda client: ChatService(ChatClient("http://127.0.0.1:1/x")),
    ],
)
def test_arguments_that_cannot_work(make: Callable[[ChatClient], object]) -> None:
    """They are refused when the service is made."""
    with ChatClient("http://127.0.0.1:1/v1/chat/completions") as client:
        with pytest.raises((TypeError, ValueError)):
            make(client)
