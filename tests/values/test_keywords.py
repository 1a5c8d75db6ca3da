"""Misspelt and foreign keyword arguments are errors that name the one that was meant."""

from __future__ import annotations

import inspect
import re

import pytest
from session_fakes import FakeClient

from chatsdk import ChatClient, ChatSession, HTTPStatusError, Limits, Retry, Timeout, use_chat
from chatsdk.session.turns import Turns
from chatsdk.testing import ChatServer, EmbeddedServer

URL = "http://127.0.0.1:1/v1/chat/completions"


@pytest.mark.parametrize(
    ("make", "wrong", "said"),
    [
        (use_chat, "on_anser", "use_chat() has no option 'on_anser': did you mean 'on_answer'?"),
        (use_chat, "tokn", "did you mean 'token'?"),
        (ChatClient, "tokn", "ChatClient() has no option 'tokn': did you mean 'token'?"),
        (ChatClient, "api_key", "ChatClient() has no option 'api_key': use token=..."),
        (use_chat, "api_key", "use token=..."),
        (use_chat, "base_url", "use the first argument for the address"),
        (use_chat, "api", "use the first argument for the address"),
        (ChatClient, "temperature", 'use defaults={"temperature": ...}, or give it to ask()'),
        (ChatClient, "max_retries", "use retry=Retry(attempts=...)"),
        (use_chat, "model", 'use defaults={"model": ...}'),
        (use_chat, "system", 'use a message, {"role": "system", "content": ...}'),
        (ChatClient, "system", 'use a message, {"role": "system", "content": ...}'),
        (use_chat, "tools", "use tools= of a session's ask(), run() or start()"),
        (ChatClient, "API_KEY", "ChatClient() has no option 'API_KEY': use token=..."),
        (
            ChatClient,
            "modle",
            "no option 'modle': use defaults={\"model\": ...}, or give it to ask()",
        ),
        (use_chat, "xyz", "there are: url, on_answer, "),
    ],
)
def test_an_unknown_option(make, wrong, said):
    """The error shows the option's name here."""
    with pytest.raises(TypeError) as caught:
        make(URL, **{wrong: "x"})
    assert said in str(caught.value)


def test_the_address_under_a_foreign_name():
    """Even without an address the error shows how to give one."""
    with pytest.raises(TypeError, match="the first argument"):
        ChatClient(base_url=URL)


@pytest.mark.parametrize(
    ("make", "wrong", "said"),
    [
        (Timeout, "read", "Timeout() has no option 'read': use idle=..."),
        (Timeout, "conect", "did you mean 'connect'?"),
        (Timeout, "zzz", "there are: connect, first_event, idle, total, progress"),
        (Retry, "max_retries", "Retry() has no option 'max_retries': use attempts=..."),
        (Retry, "total", "use attempts=..."),
        (Retry, "status_forcelist", "use statuses=..."),
        (Limits, "answer_byte", "did you mean 'answer_bytes'?"),
    ],
)
def test_an_unknown_option_of_the_options(make, wrong, said):
    """`Timeout`, `Retry` and `Limits` name the option that was meant, too."""
    with pytest.raises(TypeError) as caught:
        make(**{wrong: 5})
    assert said in str(caught.value)


@pytest.mark.parametrize("prompt", ["", "  \n"])
@pytest.mark.parametrize("how", ["client", "ask", "run", "start", "edit"])
def test_an_empty_prompt(how, prompt):
    """An empty question is an error and is not sent."""
    with (
        EmbeddedServer(pace=0) as server,
        ChatClient(f"{server.url}/v1/chat/completions") as client,
    ):
        session = ChatSession(client, messages=["Hi"])
        ask = client.ask if how == "client" else getattr(session, how)
        with pytest.raises(ValueError, match="is empty: give the question"):
            ask(*((None, prompt) if how == "edit" else (prompt,)))
        assert session.status == "idle"
        assert not server.requests


def test_an_unknown_option_of_a_session():
    """A session's own options are checked the same way."""
    with pytest.raises(TypeError, match=r"ChatSession.. has no option 'trottle': .* 'throttle'"):
        ChatSession(FakeClient(), trottle=1)
    with pytest.raises(TypeError, match=r"ChatSession\(\) has no option 'token'"):
        ChatSession.from_dict(ChatSession(FakeClient()).to_dict(), FakeClient(), token="t")


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("max_round", "max_rounds"),
        ("tols", "tools"),
        ("tool", "tools"),
        ("toosl", "tools"),
        ("lates", "latest"),
        ("idempotency_kei", "idempotency_key"),
    ],
)
@pytest.mark.parametrize("how", ["client", "ask", "run", "start", "regenerate", "edit"])
def test_a_misspelt_option_of_ask(how, wrong, meant):
    """A name one letter from an option is not a field of a body, in every method."""
    with ChatClient(URL) as client:
        session = ChatSession(client, messages=["Hi"])
        ask = client.ask if how == "client" else getattr(session, how)
        arguments = {"regenerate": (), "edit": ("m1", "x")}.get(how, ("Hi",))
        called = "ask" if how == "client" else how
        said = rf"{called}\(\) has no option '{wrong}': did you mean '{meant}'"
        with pytest.raises(TypeError, match=said):
            ask(*arguments, **{wrong: 3})
        assert session.status == "idle"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("timeout", "use ChatClient(..., timeout=...), or send(body) if"),
        ("timout", "no option 'timout': use ChatClient(..., timeout=...)"),
        ("api_key", "use ChatClient(..., token=...)"),
        ("on_finish", "use use_chat(..., on_finish=...)"),
        ("messages", "the messages are the first argument"),
        ("image", "an image is part of a message"),
    ],
)
@pytest.mark.parametrize("how", ["client", "session"])
def test_an_option_in_the_wrong_place(how, wrong, said):
    """An option of the client, or one that other libraries have, is not sent as a field."""
    with (
        EmbeddedServer(pace=0) as server,
        ChatClient(f"{server.url}/v1/chat/completions") as client,
    ):
        ask = client.ask if how == "client" else ChatSession(client).run
        with pytest.raises(TypeError) as caught:
            ask("Hi", **{wrong: 5})
        assert said in str(caught.value)
        assert not server.requests


@pytest.mark.parametrize(
    "field",
    [
        *("model", "temperature", "top_p", "max_tokens", "stream", "stop", "seed", "user"),
        *("conversation", "conversationId", "metadata", "tool_choice", "toolset", "last", "cache"),
    ],
)
def test_fields_of_a_body_pass(field):
    """Any possible field of a body is sent as one."""
    with EmbeddedServer(pace=0) as server, use_chat(server.url + "/v1/chat/completions") as chat:
        chat.run("Hi", **{field: 1})
        assert server.requests[0].json[field] == 1


@pytest.mark.parametrize(
    ("fields", "question"),
    [
        ({"modle": "m"}, "; did you mean model= instead of modle= ?"),
        ({"max_token": 5, "model": "m"}, "; did you mean max_tokens= instead of max_token= ?"),
        ({"model": "m", "models": ["m"]}, ""),
        ({"temprature": 1, "temperature": 1}, ""),
        ({"bot_id": "b", "user": "u"}, ""),
        ({"top_k": 5}, ""),
    ],
)
@pytest.mark.parametrize("status", [400, 422, 500])
def test_a_misspelt_field_of_a_refused_body(fields, question, status):
    """If the backend refuses the body, the error asks about a field that is nearly a known one."""
    with ChatServer() as server, ChatClient(f"{server.url}/v1/chat/completions") as client:
        server.reply(status, body="no")
        with pytest.raises(HTTPStatusError) as caught:
            client.ask("Hi", **fields)
    said = str(caught.value)
    if status < 500:
        assert said == f"HTTP {status}: no{question}"
    else:
        assert said.startswith("HTTP 500: no")
        assert "did you mean" not in said


def weather(city: str) -> str:
    """Tell the weather."""
    return "rain"


@pytest.mark.parametrize("tools", [{"weather": weather}, [weather], weather])
@pytest.mark.parametrize("where", ["ask", "defaults"])
def test_functions_are_for_a_session(tools, where):
    """A client with functions as tools refers to sessions, which run them."""
    defaults = {"tools": tools} if where == "defaults" else {}
    with ChatClient(URL, defaults=defaults) as client:
        with pytest.raises(TypeError, match="a session runs functions: use_chat"):
            client.ask("Hi", **({"tools": tools} if where == "ask" else {}))


def test_declarations_are_a_list():
    """A dict of declarations is for a session, too, and the error shows a list."""
    with ChatClient(URL) as client, pytest.raises(TypeError, match="a list of declarations"):
        client.ask("Hi", tools={"weather": {"description": "the weather"}})
    with ChatClient(URL) as client, pytest.raises(TypeError, match="max_rounds is an option of a"):
        client.ask("Hi", max_rounds=3)


def test_a_system_prompt_is_a_message():
    """`system=` is an error unless the backend has such a field."""
    with ChatClient(URL) as client, pytest.raises(TypeError, match="a system prompt is a message"):
        client.ask("Hi", system="Be brief.")
    with (
        EmbeddedServer("anthropic", pace=0) as server,
        ChatClient(server.url + "/v1/messages") as client,
    ):
        client.ask("Hi", model="m", system="Be brief.").result()
        assert server.requests[0].json["system"] == "Be brief."


def parameters(function):
    return {
        name: parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in ("self", "url", "client")
    }


def test_use_chat_has_the_options_of_both():
    """Its parameters are those of a client and of a session, with the same annotations."""
    theirs = {**parameters(ChatSession), **parameters(ChatClient)}
    ours = parameters(use_chat)
    assert {name: item.annotation for name, item in ours.items()} == {
        name: item.annotation for name, item in theirs.items()
    }
    for name, item in parameters(ChatSession).items():
        assert ours[name].default == item.default
    assert all(item.kind is item.KEYWORD_ONLY for item in ours.values())


@pytest.mark.parametrize("option", parameters(ChatClient))
def test_options_of_a_client_reach_it(option, monkeypatch):
    """Each option of a client that `use_chat` is given is given to the client, and no other."""
    got = {}

    def client(url, **options):
        got.update(options)
        raise KeyError("enough")

    monkeypatch.setattr(
        "chatsdk.session.hook.ChatClient",
        type("C", (), {"__new__": lambda cls, url, **options: client(url, **options)}),
    )
    with pytest.raises(KeyError, match="enough"):
        use_chat(URL, **{option: None})
    assert got == {option: None}


@pytest.mark.parametrize("option", parameters(ChatClient))
def test_options_of_a_client_beside_a_client(option):
    """They are refused with the cure, also with a value that is the default."""
    with ChatClient(URL) as client, pytest.raises(TypeError, match=f"{option}: give the options"):
        use_chat(client, **{option: None})


def test_the_ways_to_ask_take_the_same():
    """`ask`, `run`, `start`, `regenerate` and `edit` name the same options."""
    named = [
        [
            item
            for item in parameters(getattr(Turns, name)).values()
            if item.kind is item.KEYWORD_ONLY
        ]
        for name in ("ask", "run", "start", "regenerate", "edit")
    ]
    assert [item.name for item in named[0]] == [
        "latest",
        "tools",
        "max_rounds",
        "conversation_id",
        "idempotency_key",
    ]
    assert all(options == named[0] for options in named)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (ChatClient, "ChatClient() takes only url by position: give the rest by name, such as"),
        (use_chat, "use_chat() takes only url by position: give the rest by name, such as token="),
    ],
)
def test_a_token_by_position(function, message):
    """A second argument by position is answered with how to write it, and is not shown."""
    with pytest.raises(TypeError, match=re.escape(message)) as caught:
        function(URL, "sk-secret")
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "meant"),
    [
        ("htp://user:pw@127.0.0.1:1/v1?key=k", "http://127.0.0.1:1/v1"),
        ("httpss://api.example.com/v1", "https://api.example.com/v1"),
    ],
)
def test_a_misspelt_scheme(address, meant):
    """The error asks whether http or https was meant, without the secrets of the address."""
    with pytest.raises(ValueError, match=re.escape(f"did you mean {meant} ?")) as caught:
        ChatClient(address)
    assert "pw" not in str(caught.value)
    assert "key" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("http:/127.0.0.1:8765/v1", "http://127.0.0.1:8765/v1"),
        ("https:/api.openai.com/v1", "https://api.openai.com/v1"),
        ("https//api.openai.com/v1", "https://api.openai.com/v1"),
        ("https:api.openai.com/v1", "https://api.openai.com/v1"),
    ],
)
def test_a_scheme_without_its_colon_or_slash(url, meant):
    """The error shows the URL that was probably meant."""
    with pytest.raises(ValueError, match=re.escape(f"did you mean {meant} ?")):
        ChatClient(url)


@pytest.mark.parametrize("option", ["on_answer", "on_finish", "on_error", "on_tool", "dispatch"])
def test_an_async_callback(option):
    """An async callback is refused at once, because its coroutine would never run."""

    async def callback(*args: object) -> None: ...

    with pytest.raises(TypeError, match=f"{option} is an async function"):
        use_chat(URL, **{option: callback})


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"messages": [{"role": "user", "content": "Hi"}]}, "use client.send(body)"),
        ({"role": "user", "text": "Hi"}, "the text of a message is its 'content'"),
        (b"Hi", "give a prompt or a list of messages, not bytes"),
    ],
)
def test_what_is_not_a_message(message, said):
    """A body, a text under another key and bytes are refused, with the cure."""
    with ChatClient(URL) as client, pytest.raises((TypeError, ValueError), match=re.escape(said)):
        client.ask(message)


@pytest.mark.parametrize(
    ("name", "spoken"), [("groq", "openai"), ("lm-studio", "openai"), ("Claude", "anthropic")]
)
def test_a_provider_as_the_dialect(name, spoken):
    """The error names the dialect that the provider uses."""
    with pytest.raises(ValueError, match=f"unknown dialect '{name}': use '{spoken}'"):
        ChatClient(URL, dialect=name)


def test_a_timeout_that_is_not_positive():
    """The error names the option that was given."""
    with pytest.raises(ValueError, match="timeout must be more than 0"):
        ChatClient(URL, timeout=0)


def test_a_header_without_a_value():
    """None is refused with the cure."""
    with pytest.raises(TypeError, match="the header 'A' is None: give a string, or leave it out"):
        ChatClient(URL, headers={"A": None})
