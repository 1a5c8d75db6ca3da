"""Credentials: checked before they are sent, sent where they belong, and shown nowhere."""

from __future__ import annotations

import base64
import logging
import pickle
import traceback

import pytest
import requests

from chatsdk import ChatClient, ChatError, HTTPStatusError, Retry, Timeout
from chatsdk.testing import ChatServer

TOKEN = "sk-verysecret-0123456789"
QUERY = "q-alsosecret-98765"
COOKIE = "c-cookiesecret-4711"
SECRETS = (TOKEN, QUERY, COOKIE)

CHUNK = b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n'
DONE = b"data: [DONE]\n\n"
ONCE = Retry(attempts=1)


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


def client_of(url, **options):
    given = {"dialect": "openai", "token": TOKEN, "retry": ONCE, **options}
    return ChatClient(f"{url}/chat?key={QUERY}", headers={"Cookie": f"s={COOKIE}"}, **given)


def chain(error):
    """The error and every exception that hangs on it, however suppressed."""
    found = []
    waiting = [error]
    while waiting:
        item = waiting.pop()
        if item is not None and item not in found:
            found.append(item)
            waiting += [item.__cause__, item.__context__]
    return found


def everything_shown(error):
    """All the places in which a program or its operator could come to see an error."""
    shown = ["".join(traceback.format_exception(error))]
    for item in chain(error):
        shown += [str(item), repr(item), repr(item.args), repr(vars(item))]
    again = pickle.loads(pickle.dumps(error))
    return [*shown, repr(vars(again)), str(pickle.dumps(error))]


ECHO = f"your key {TOKEN}, query {QUERY}, cookie {COOKIE}"

FAILURES = {
    "refusal that echoes": lambda server: server.reply(
        401,
        json={"error": {"message": ECHO, "code": TOKEN}},
        headers=[("X-Echo", TOKEN), ("X-Request-Id", TOKEN), ("Set-Cookie", f"s={COOKIE}")],
    ),
    "plain refusal that echoes": lambda server: server.reply(500, body=ECHO),
    "page that echoes": lambda server: server.reply(body=f"<p>{ECHO}", content_type="text/html"),
    "refusal with 200": lambda server: server.reply(json={"code": 109, "message": ECHO}),
    "document": lambda server: server.reply(json={"said": ECHO}),
    "error in the stream": lambda server: server.stream(
        [CHUNK, b'data: {"error": {"message": "%s", "code": "x"}}\n\n' % ECHO.encode()]
    ),
    "no JSON in the stream": lambda server: server.stream([b"data: {%s\n\n" % ECHO.encode()]),
    "wrong kind in the stream": lambda server: server.stream([b'data: "%s"\n\n' % ECHO.encode()]),
    "redirect": lambda server: server.redirect(f"https://elsewhere.test/?key={QUERY}&t={TOKEN}"),
    "cut": lambda server: server.cut_after(len(CHUNK) + 5),
    "no answer": lambda server: server.drop(),
    "bad status line": lambda server: server.raw(f"{TOKEN} {QUERY} nonsense\r\n\r\n".encode()),
    "bad chunk": lambda server: server.bad_chunk_size(),
    "silence": lambda server: server.silent(),
}


@pytest.mark.parametrize("name", FAILURES)
def test_no_failure_shows_a_secret(server, caplog, name):
    """Message, repr, arguments, causes, traceback, pickle and log hold none, echoed or not."""
    caplog.set_level(logging.DEBUG)
    FAILURES[name](server)
    with client_of(server.url, timeout=Timeout(first_event=0.2)) as client:
        with pytest.raises(ChatError) as caught:
            client.send({}).result()
        assert not any(secret in repr(client) for secret in SECRETS)
    for shown in [*everything_shown(caught.value), caplog.text]:
        for secret in SECRETS:
            assert secret not in shown


def test_no_connection_shows_a_secret(caplog):
    """Neither a refused connection nor a host that is unknown shows the query or the token."""
    caplog.set_level(logging.DEBUG)
    with ChatServer() as server:
        url = server.url
    for address in (url, "http://no-such-host.invalid"):
        with client_of(address) as client, pytest.raises(ChatError) as caught:
            client.send({})
        for shown in [*everything_shown(caught.value), caplog.text]:
            assert not any(secret in shown for secret in SECRETS)


def test_the_password_of_a_proxy_is_not_shown(caplog):
    """A proxy that refuses the connection is named without its password."""
    caplog.set_level(logging.DEBUG)
    with ChatServer() as server:
        host = server.url.removeprefix("http://")
    proxies = {"http": f"http://user:proxypassword@{host}"}
    with ChatClient("http://backend.test/", proxies=proxies, retry=ONCE) as client:
        with pytest.raises(ChatError) as caught:
            client.send({})
    pair = base64.b64encode(b"user:proxypassword").decode()
    for shown in [*everything_shown(caught.value), caplog.text]:
        assert "proxypassword" not in shown
        assert pair not in shown


def test_a_successful_answer_logs_no_secret(server, caplog):
    """With every logger at DEBUG, urllib3's too, a whole answer leaves no trace of them."""
    caplog.set_level(logging.DEBUG)
    server.stream([CHUNK, DONE])
    with client_of(server.url) as client:
        assert client.send({}).result().text == "Hi"
    assert not any(secret in caplog.text for secret in SECRETS)
    assert server.requests[0].query == {"key": QUERY}


def test_other_users_of_urllib3_log_as_before(server, caplog):
    """Only chatsdk's own requests are kept out of urllib3's log."""
    caplog.set_level(logging.DEBUG, logger="urllib3")
    server.reply(body="ok")
    requests.get(f"{server.url}/x?visible=1", timeout=10)
    assert "visible=1" in caplog.text


def test_chatsdk_is_quiet_by_default(server, capfd):
    """Nothing is printed for a request that is sent again, unless logging was set up."""
    server.busy(0)
    server.stream([CHUNK, DONE])
    with client_of(server.url, retry=Retry(attempts=2, backoff=0)) as client:
        client.send({}).result()
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def netrc(tmp_path, monkeypatch):
    path = tmp_path / "netrc"
    path.write_text("machine 127.0.0.1 login intruder password netrcpassword\n")
    monkeypatch.setenv("NETRC", str(path))
    return path


@pytest.mark.parametrize("token", [TOKEN, None])
@pytest.mark.parametrize("own", [True, False])
def test_netrc_neither_replaces_nor_adds_authorization(server, netrc, token, own):
    """A ~/.netrc for the host changes nothing, with a token and without, in any session."""
    server.stream([CHUNK, DONE])
    http = None if own else requests.Session()
    with ChatClient(server.url, dialect="openai", token=token, http=http) as client:
        client.send({}).result()
    sent = server.requests[0].headers.get("authorization")
    assert sent == (None if token is None else f"Bearer {TOKEN}")
    if http is not None:
        http.close()


def test_verify_goes_before_the_environment(tmp_path, monkeypatch):
    """REQUESTS_CA_BUNDLE does not overrule what the caller said to trust."""
    with ChatServer(tls=True) as trusted, ChatServer(tls=True) as other:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.ca_pem))
        trusted.stream([CHUNK, DONE])
        with ChatClient(trusted.url, dialect="openai", verify=trusted.ca_pem) as client:
            assert client.send({}).result().text == "Hi"
        with ChatClient(trusted.url, retry=ONCE) as client:
            with pytest.raises(ChatError, match=r"certificate of .* is not trusted"):
                client.send({})
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted.ca_pem))
        with ChatClient(trusted.url, retry=ONCE, verify=True) as client:
            with pytest.raises(ChatError, match=r"certificate of .* is not trusted"):
                client.send({})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(server, status):
    """The error names the target without its query, and nothing goes there."""
    with ChatServer() as elsewhere:
        server.redirect(f"{elsewhere.url}/login?next={QUERY}", status=status)
        with client_of(server.url, follow_redirects=True) as client:
            with pytest.raises(HTTPStatusError, match="/login") as caught:
                client.send({})
        assert elsewhere.requests == []
    assert caught.value.status == status
    assert QUERY not in str(caught.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [307, 308])
def test_redirects_on_the_same_origin_can_be_followed(server, status):
    """With follow_redirects= the POST goes on with its body and its token."""
    server.redirect("/there", status=status)
    server.stream([CHUNK, DONE])
    with client_of(server.url, follow_redirects=True) as client:
        assert client.send({"a": 1}).result().text == "Hi"
    first, second = server.requests
    assert (second.path, second.method, second.json) == ("/there", "POST", {"a": 1})
    assert second.headers["authorization"] == first.headers["authorization"]


@pytest.mark.parametrize("status", [301, 302, 303])
def test_redirects_that_make_a_get_are_never_followed(server, status):
    """A POST is not turned into a GET, not even on the same origin."""
    server.redirect("/there", status=status)
    with client_of(server.url, follow_redirects=True) as client, pytest.raises(HTTPStatusError):
        client.send({})
    assert len(server.requests) == 1


def test_a_redirect_loop_ends(server):
    """Redirects that lead round in a circle are an error after a few."""
    server.redirect("/round", status=307, repeat=True)
    with client_of(server.url, follow_redirects=True) as client, pytest.raises(HTTPStatusError):
        client.send({})
    assert len(server.requests) < 20


def test_cookies_are_not_shared_between_sends(server):
    """Cookies from one user's answer are not sent with the next one's request."""
    for _ in range(2):
        server.stream([CHUNK, DONE], headers=[("Set-Cookie", "who=alice")])
    with ChatClient(server.url, dialect="openai") as client:
        client.send({}).result()
        client.send({}).result()
    assert "cookie" not in server.requests[1].headers


def test_cookies_of_a_session_of_ones_own_are_kept(server):
    """A caller's requests.Session keeps its cookies."""
    for _ in range(2):
        server.stream([CHUNK, DONE], headers=[("Set-Cookie", "who=alice")])
    with requests.Session() as http, ChatClient(server.url, dialect="openai", http=http) as client:
        client.send({}).result()
        client.send({}).result()
    assert server.requests[1].headers["cookie"] == "who=alice"
