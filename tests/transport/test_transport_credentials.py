"""Tokens, cookies, passwords and query strings appear nowhere, in any failure or echo."""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import json
import logging
import pickle
import ssl
import traceback
from urllib.parse import quote

import pytest
import requests
from provoking import CHUNK, HELLO, opened_way, part_of

from chatsdk import (
    ChatClient,
    ChatError,
    ConnectError,
    HTTPStatusError,
    Limits,
    Retry,
    StreamInterrupted,
    Timeout,
)
from chatsdk.testing import Authority, ChatServer, ProxyServer, RefusingPort

TOKEN = "sk-Tok3n+/=\"\\with'marks"
API_KEY = "k3y-of-the-gateway-0123456789"
COOKIE = "s3ssion-0123456789abcdef"
QUERY = "qu3ry/secret+0123456789"
PASSWORD = "p4ss:word@0123456789"
BASIC = base64.b64encode(f"me:{PASSWORD}".encode()).decode()

SECRETS = (TOKEN, API_KEY, COOKIE, QUERY, PASSWORD)
# The beginning of each is unmistakable too: a message may be cut in the middle of one.
BEGINNINGS = tuple(secret[:8] for secret in SECRETS)
WRITTEN = {
    *BEGINNINGS,
    *(quote(secret, safe="")[:9] for secret in SECRETS),
    *(json.dumps(secret)[1:9] for secret in SECRETS),
    BASIC[:12],
}

ECHO = " ".join((TOKEN, API_KEY, COOKIE, QUERY, quote(QUERY, safe=""), PASSWORD, BASIC))


@pytest.fixture(scope="module")
def authority():
    authority = Authority()
    yield authority
    authority.close()


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


@pytest.fixture(autouse=True)
def logged():
    """Everything that anybody logs, urllib3 included."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written.getvalue
    root.setLevel(level)
    root.removeHandler(handler)
    assert_hidden(written.getvalue())


def client_of(url: str, **options) -> ChatClient:
    """A client with a secret of each kind."""
    settings = {
        "dialect": "openai",
        "retry": Retry(attempts=1),
        "token": TOKEN,
        "headers": {
            "X-Api-Key": API_KEY,
            "Cookie": f"id={COOKIE}",
            "X-Gateway-Authorization": f"Basic {BASIC}",
        },
    } | options
    return ChatClient(f"{url}/v1/chat?key={quote(QUERY, safe='')}&x=1", **settings)


def assert_hidden(shown: str) -> None:
    for part in WRITTEN:
        assert part not in shown


def assert_keeps(error: BaseException, *, locals_too: bool = False) -> None:
    """None of the secrets can be seen in an exception or anything that it leads to."""
    chain = [error]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(inner)
    for item in chain:
        assert_hidden(f"{item} {item!r} {item.args!r} {vars(item)!r}")
        assert not hasattr(item, "request")
        assert not isinstance(item, requests.RequestException)
    assert_hidden("".join(traceback.format_exception(error)))
    assert_hidden(pickle.dumps(error).decode("latin-1"))
    assert_hidden(repr(pickle.loads(pickle.dumps(error)).__dict__))
    if locals_too:
        whole = traceback.TracebackException.from_exception(error, capture_locals=True)
        while whole is not None:
            for frame in whole.stack:
                # The test itself may know them.
                if frame.filename != __file__:
                    assert_hidden(f"{frame.name} {frame.locals}")
            whole = whole.__cause__ or whole.__context__


def error_of(client: ChatClient) -> ChatError:
    stream = None
    with client, contextlib.ExitStack() as stack:
        caught = stack.enter_context(pytest.raises(ChatError))
        stream = client.send({})
        stream.result()
    error = caught.value
    assert_keeps(error, locals_too=True)
    assert_hidden(f"{client!r} {client.url} {stream!r}")
    if stream is not None:
        assert_hidden(f"{stream.outcome!r} {stream.response!r} {stream.response.headers!r}")
        assert_keeps(stream.outcome.error)
    return error


# --- without the server's help -------------------------------------------------------------------


def test_refused(logged):
    """The port is closed; a retry is logged."""
    with RefusingPort() as port:
        error = error_of(client_of(port.url, retry=Retry(backoff=0)))
    assert isinstance(error, ConnectError)
    assert "refused" in str(error)
    assert "sending again" in logged()


def test_an_unknown_name():
    """The name of the host cannot be resolved."""
    assert isinstance(error_of(client_of("http://no-such-host.invalid")), ConnectError)


@pytest.mark.parametrize("how", ["untrusted", "close", "reset", "not-tls", "silent"])
def test_no_tls(authority, how):
    """TLS does not come about."""
    with ChatServer(tls=authority) as server:
        verify = authority.path
        if how == "untrusted":
            verify = True
        else:
            server.break_connection(how)
        error_of(client_of(server.url, verify=verify, timeout=Timeout(connect=0.3)))


@pytest.mark.parametrize("how", ["hung up", "refused", "no proxy", "a bad gateway"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_proxies(authority, scheme, how, monkeypatch):
    """The password of a proxy is a secret, given by argument or by the environment."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(ChatServer(tls=authority if scheme == "https" else False))
        proxy = stack.enter_context(ProxyServer())
        port = proxy.port
        if how == "refused":
            proxy.reply(407, body=ECHO, headers={"X-Echo": ECHO})
        elif how == "a bad gateway":
            proxy.reply(502, body=ECHO)
        elif how == "hung up":
            proxy.drop()
        else:
            port = stack.enter_context(RefusingPort()).port
        address = f"http://me:{quote(PASSWORD, safe='')}@127.0.0.1:{port}"
        # That the password is a secret is to be known from the proxy alone.
        headers = {"X-Api-Key": API_KEY, "Cookie": f"id={COOKIE}"}
        error_of(client_of(server.url, headers=headers, proxies={scheme: address}))
        monkeypatch.setenv(f"{scheme}_proxy", address)
        if how == "refused":
            proxy.reply(407, body=ECHO, headers={"X-Echo": ECHO})
        elif how == "a bad gateway":
            proxy.reply(502, body=ECHO)
        elif how == "hung up":
            proxy.drop()
        error_of(client_of(server.url, headers=headers))


def test_a_proxy_gets_its_password(authority):
    """It is sent to the proxy only."""
    with opened_way("tunnel", authority) as way:
        address = way.proxy.url.replace("//", f"//me:{quote(PASSWORD, safe='')}@")
        way.server.stream(HELLO)
        with client_of(way.server.url, verify=authority.path, proxies={"https": address}) as client:
            assert client.send({}).result().text == "Hello"
        assert way.proxy.requests[0].headers["proxy-authorization"] == f"Basic {BASIC}"
        assert "authorization" not in way.proxy.requests[0].headers
        assert "proxy-authorization" not in way.server.requests[0].headers


@pytest.mark.parametrize("phase", ["first_event", "total"])
def test_timeouts(server, phase):
    """The server sends nothing."""
    server.silent()
    error = error_of(client_of(server.url, timeout=Timeout(**{phase: 0.1})))
    assert error.phase == phase


FOREIGN = [
    requests.ConnectionError(f"failed with {ECHO}"),
    requests.exceptions.InvalidHeader(ECHO),
    requests.exceptions.InvalidURL(ECHO),
    ssl.SSLError(ECHO),
    OSError(ECHO),
    OSError(1, ECHO, ECHO),
    ValueError(ECHO),
    http.client.BadStatusLine(ECHO),
    UnicodeEncodeError("latin-1", ECHO, 0, 1, ECHO),
]


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda error: type(error).__name__)
def test_exceptions_that_show_them(server, foreign, monkeypatch):
    """The message of a library's exception holds them all, and so does its request."""

    def fail(_self, request, **_):
        if isinstance(foreign, requests.RequestException):
            foreign.request = request
        raise foreign

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", part_of(requests.adapters, fail))
    error_of(client_of(server.url))


# --- a server that echoes ------------------------------------------------------------------------

JSON_ECHO = json.dumps({"error": {"message": f"bad key {ECHO}", "code": TOKEN, "type": "x"}})
HEADERS = {"X-Echo": ECHO, "X-Request-Id": f"id-{TOKEN}", "Location": f"/x?{ECHO}"}
EVENT = b"data: " + JSON_ECHO.encode() + b"\n\n"

ECHOES = {
    "401 in JSON": lambda server: server.reply(401, body=JSON_ECHO, headers=HEADERS),
    "401 in text": lambda server: server.reply(401, body=f"no such key: {ECHO}"),
    "500 in a page": lambda server: server.reply(
        500, body=f"<p>{ECHO}", content_type="text/html", headers=HEADERS
    ),
    "a long text": lambda server: server.reply(400, body="x" * 490 + ECHO),
    "a longer text": lambda server: server.reply(400, body="x" * 995 + TOKEN),
    "a redirect": lambda server: server.redirect(f"http://other.test/?{quote(ECHO)}"),
    "a login page": lambda server: server.reply(
        body=f"<p>{ECHO}", content_type="text/html", headers=HEADERS
    ),
    "a refusal": lambda server: server.reply(json={"code": 1, "message": ECHO}, headers=HEADERS),
    "no answer": lambda server: server.reply(json={"hello": ECHO}),
    "the content type": lambda server: server.reply(body="x", content_type=f"x/{API_KEY}"),
    "an error inside": lambda server: server.stream([CHUNK % b"Hi", EVENT], headers=HEADERS),
    "no JSON": lambda server: server.stream([CHUNK % b"Hi", b"data: " + ECHO.encode() + b"\n\n"]),
    "no JSON, cut": lambda server: server.stream(
        [b"data: " + b"x" * 66 + TOKEN.encode() + b"x" * 100 + b"\n\n"]
    ),
    "a status line": lambda server: server.raw(f"SIP/2.0 {ECHO}\r\n\r\n"),
    "a long status line": lambda server: server.raw("x" * 285 + f"{ECHO}\r\n\r\n"),
    "a broken header": lambda server: server.raw(
        f"HTTP/1.1 200 OK\r\nX-A: b\r\nno colon {ECHO}\r\nX-B: c\r\n\r\n"
    ),
    "a chunk size": lambda server: server.bad_chunk_size(ECHO),
    "an encoding": lambda server: server.stream(
        [b"x"], headers=[("Content-Encoding", f"{API_KEY}")]
    ),
    "an error page cut in a secret": lambda server: server.reply(
        500, body="x" * (65_536 - 12) + TOKEN
    ),
}


@pytest.mark.parametrize("what", ECHOES)
def test_echoes(server, what):
    """The server sends everything back, in every place; no frame keeps it as a variable."""
    ECHOES[what](server)
    error_of(client_of(server.url))


def test_what_is_left_is_readable(server):
    """Only the secrets are taken out of what the server said."""
    server.reply(401, json={"error": {"message": f"Incorrect key: {TOKEN}. See the docs."}})
    error = error_of(client_of(server.url))
    assert isinstance(error, HTTPStatusError)
    assert error.message == "Incorrect key: ***. See the docs."
    assert "Incorrect key: ***. See the docs." in str(error)
    assert b"Incorrect key: ***" in error.body


def test_an_error_keeps_a_cause_that_shows_nothing(server):
    """A harmless original exception stays, for debugging."""
    with RefusingPort() as port:
        error = error_of(client_of(port.url))
    assert isinstance(error.__cause__, ConnectionRefusedError)
    server.drop(reset=True)
    error = error_of(client_of(server.url))
    assert type(error) is StreamInterrupted
    assert isinstance(error.__cause__, ConnectionResetError)


def test_a_token_from_a_function(server):
    """Both the old token and the new are secrets."""
    tokens = iter(["first-secret-token", "second-secret-token"])
    server.reply(401, repeat=True, body="no: first-secret-token, second-secret-token")
    with client_of(server.url, token=lambda: next(tokens)) as client:
        with pytest.raises(HTTPStatusError) as caught:
            client.send({})
    assert "secret-token" not in f"{caught.value} {caught.value.body!r} {vars(caught.value)}"


def test_a_password_in_the_url(server):
    """User and password in front of the host."""
    server.reply(401, body=f"{PASSWORD} {BASIC}")
    address = server.url.replace("//", f"//me:{quote(PASSWORD, safe='')}@")
    error = error_of(ChatClient(address, dialect="openai"))
    assert server.requests[0].headers["authorization"] == f"Basic {BASIC}"
    assert error.status == 401


def test_what_is_sent_is_not_logged(server, logged):
    """urllib3 logs each request at DEBUG; chatsdk's requests are logged without the query."""
    server.stream(HELLO)
    with client_of(server.url) as client:
        client.send({}).result()
    assert server.requests[0].query["key"] == QUERY
    assert "POST /v1/chat?***" in logged()
    assert_hidden(logged())


def test_the_logs_of_others_are_left_alone(server, logged):
    """A request that is not ours is logged as ever."""
    with client_of(server.url) as client:
        server.stream(HELLO)
        client.send({}).result()
        server.reply(body="x")
        requests.get(f"{server.url}/mine?x=1", timeout=10)
    assert "/mine?x=1" in logged()


def test_a_client_cannot_be_pickled(server):
    """A pickle would hold the token."""
    with client_of(server.url) as client, pytest.raises(TypeError, match="token"):
        pickle.dumps(client)


def test_options_do_not_show_a_key():
    """An idempotency key is not in the repr of `Retry`."""
    assert "key-1" not in repr(Retry(idempotency_key="key-1"))


# --- credentials from elsewhere ------------------------------------------------------------------


@pytest.fixture
def netrc(monkeypatch, tmp_path):
    """A ~/.netrc for the hosts of the tests."""
    entries = "".join(
        f"machine {host} login ann password n3trc-password\n" for host in ("127.0.0.1", "localhost")
    )
    (tmp_path / ".netrc").write_text(entries)
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.delenv("NETRC")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert requests.utils.get_netrc_auth("http://127.0.0.1/") is not None


@pytest.mark.parametrize("mine", [False, True])
def test_netrc_is_not_read(server, netrc, mine):
    """~/.netrc neither replaces a token nor adds one, with a session of the user's either."""
    session = requests.Session() if mine else None
    for options, sent in (
        ({"token": "t0ken"}, "Bearer t0ken"),
        ({"headers": {"Authorization": "Mine x"}}, "Mine x"),
        ({}, None),
    ):
        server.stream(HELLO)
        with ChatClient(server.url, dialect="openai", http=session, **options) as client:
            client.send({}).result()
        assert server.requests[-1].headers.get("authorization") == sent
    if session is not None:
        session.close()


def test_cookies_are_not_kept(server):
    """Cookies of one answer are not sent with the next."""
    with ChatClient(server.url, dialect="openai") as client:
        for _ in range(2):
            server.stream(HELLO, headers=[("Set-Cookie", "id=1; Path=/")])
            stream = client.send({})
            stream.result()
            assert "set-cookie" not in stream.response.headers
    assert all("cookie" not in request.headers for request in server.requests)


def test_cookies_of_a_session_of_ones_own_are(server):
    """A caller's session keeps its cookies."""
    with requests.Session() as session:
        with ChatClient(server.url, dialect="openai", http=session) as client:
            for _ in range(2):
                server.stream(HELLO, headers=[("Set-Cookie", "id=1; Path=/")])
                client.send({}).result()
    assert [request.headers.get("cookie") for request in server.requests] == [None, "id=1"]


class Bundles:
    def __init__(self, right: str, wrong: str) -> None:
        self.right = right
        self.wrong = wrong


@pytest.fixture(scope="module")
def bundles(authority):
    other = Authority()
    yield Bundles(authority.path, other.path)
    other.close()


@pytest.mark.parametrize("mine", [False, True])
@pytest.mark.parametrize(
    ("verify", "environment", "works"),
    [
        ("right", "wrong", True),
        ("wrong", "right", False),
        (None, "right", True),
        (None, "wrong", False),
        (True, "right", False),
    ],
)
@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_verify_goes_before_the_environment(
    authority, bundles, monkeypatch, name, verify, environment, works, mine
):
    """The argument decides which certificates to trust, and without one the environment."""
    monkeypatch.setenv(name, getattr(bundles, environment))
    given = getattr(bundles, verify) if isinstance(verify, str) else verify
    session = requests.Session() if mine else None
    with ChatServer(tls=authority) as server:
        server.stream(HELLO)
        options = {"dialect": "openai", "retry": Retry(attempts=1), "http": session}
        with ChatClient(server.url, verify=given, **options) as client:
            if works:
                assert client.send({}).result().text == "Hello"
            else:
                with pytest.raises(ConnectError, match="not trusted"):
                    client.send({})
    if session is not None:
        session.close()


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_verify_false_goes_before_the_environment(authority, bundles, monkeypatch):
    """No verification, though the environment names a bundle."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundles.wrong)
    with ChatServer(tls=authority) as server:
        server.stream(HELLO)
        with ChatClient(server.url, dialect="openai", verify=False) as client:
            assert client.send({}).result().text == "Hello"


# --- redirects -----------------------------------------------------------------------------------


@pytest.fixture(params=["own", "user's"])
def http(request):
    if request.param == "own":
        yield None
    else:
        with requests.Session() as session:
            yield session


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server, http, status):
    """The target is named without its query, and asked for nothing."""
    with ChatServer() as other, client_of(server.url, http=http) as client:
        target = f"{other.url}/new?token={TOKEN}#x"
        server.redirect(target, status=status)
        with pytest.raises(HTTPStatusError, match=f"{other.url}/new,") as caught:
            client.send({})
        assert caught.value.status == status
        assert caught.value.headers["location"] == f"{other.url}/new"
        assert_keeps(caught.value)
        server.redirect("/here", status=status)
        with pytest.raises(HTTPStatusError, match=f"{server.url}/here,"):
            client.send({})
        assert other.requests == []
        assert [request.path for request in server.requests] == ["/v1/chat", "/v1/chat"]


@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_on_the_same_origin_can_be_followed(server, http, status):
    """With the option the same POST goes to the new place, relative or absolute."""
    for location in ("/new", "../new", f"{server.url}/new"):
        server.redirect(location, status=status)
        server.stream(HELLO, path="/new")
        with client_of(server.url, http=http, follow_redirects=True) as client:
            stream = client.send({"n": 1})
            assert stream.result().text == "Hello"
        old, new = server.requests[-2:]
        assert (new.method, new.path, new.json) == ("POST", "/new", {"n": 1})
        assert new.headers["authorization"] == old.headers["authorization"]


@pytest.mark.parametrize("status", [301, 302, 303])
def test_redirects_that_would_lose_the_body_never_are(server, http, status):
    """They turn a POST into a GET."""
    server.redirect("/new", status=status)
    with client_of(server.url, http=http, follow_redirects=True) as client:
        with pytest.raises(HTTPStatusError):
            client.send({})
    assert len(server.requests) == 1


def test_redirects_to_another_origin_never_are(server, http):
    """Another port, scheme or host is another origin, and an unreadable URL is none."""
    with ChatServer() as other:
        port = server.port
        targets = [
            other.url + "/new",
            f"//127.0.0.1:{other.port}/new",
            f"http://localhost:{port}/new",
            f"https://127.0.0.1:{port}/new",
            f"http://me:secret@127.0.0.1:{port}/new",
            "http://[::1/",
            f"http://127.0.0.1:{port}0000/",
            "javascript:alert(1)",
            "file:///etc/passwd",
        ]
        with client_of(server.url, http=http, follow_redirects=True) as client:
            for target in targets:
                server.redirect(target)
                with pytest.raises(HTTPStatusError) as caught:
                    client.send({})
                assert caught.value.status == 307
                assert "secret" not in str(caught.value)
        assert other.requests == []
        assert len(server.requests) == len(targets)


def test_a_redirect_without_end(server, http):
    """A loop is given up after a few rounds."""
    server.redirect("/v1/chat", repeat=True)
    with client_of(server.url, http=http, follow_redirects=True) as client:
        with pytest.raises(HTTPStatusError):
            client.send({})
    assert 2 <= len(server.requests) <= 10


def test_the_body_of_a_redirect_is_not_read_to_its_end(server, http):
    """However long it is, no more of it is kept than of any error."""
    piece = b"x" * 65_536
    server.stream(lambda _: iter(lambda: piece, b""), status=307, headers={"Location": "/new"})
    with client_of(server.url, http=http, limits=Limits(error_body=1000)) as client:
        with pytest.raises(HTTPStatusError) as caught:
            client.send({})
    assert caught.value.body == piece[:1000]


@pytest.mark.parametrize("status", [300, 304, 305, 307])
def test_a_redirect_without_a_target(server, http, status):
    """It is an error like any other."""
    server.reply(status, body="x")
    with client_of(server.url, http=http, follow_redirects=True) as client:
        with pytest.raises(HTTPStatusError) as caught:
            client.send({})
    assert caught.value.status == status


# --- what may be sent ----------------------------------------------------------------------------

BAD_VALUES = ["a\nb", "a\r\nX-B: c", "a\0b", "a\x7fb", "a\x1fb", "“a”", "日本", " a", "a ", "a\n"]


@pytest.mark.parametrize("value", BAD_VALUES)
@pytest.mark.parametrize("place", ["token", "a token function", "header"])
def test_a_value_that_http_cannot_carry(server, value, place):
    """It is refused before anything is sent, and not shown."""
    secret = f"s3cret{value}s3cret" if value.strip() == value else value.replace("a", "s3cret")
    options = {
        "token": {"token": secret},
        "a token function": {"token": lambda: secret},
        "header": {"headers": {"X-A": secret}},
    }[place]
    with pytest.raises(ValueError, match=r"token|X-A") as caught:
        with ChatClient(server.url, dialect="openai", **options) as client:
            client.send({})
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    assert server.connections == 0


@pytest.mark.parametrize("token", ["", " ", 7, b"bytes"])
def test_a_token_that_is_none(server, token):
    """An empty one is no token; None sends none."""
    for given in (token, lambda: token):
        with pytest.raises((TypeError, ValueError), match="token"):
            with ChatClient(server.url, dialect="openai", token=given) as client:
                client.send({})
    server.stream(HELLO)
    with ChatClient(server.url, dialect="openai", token=lambda: None) as client:
        client.send({}).result()
    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Length": "5"},
        {"transfer-encoding": "chunked"},
        {"X\nA": "b"},
        {"": "b"},
        {"X:A": "b"},
        {b"X-A": "b"},
        {"X-A": b"b"},
        {"X-A": None},
        [("X-A", "b")],
        "X-A: b",
        7,
    ],
    ids=repr,
)
def test_headers_that_cannot_be_sent(server, headers):
    """Names, values and fields that the caller may not set."""
    with pytest.raises((TypeError, ValueError), match="header"):
        ChatClient(server.url, headers=headers)


def test_a_latin_1_value_is_sent(server):
    """A value that HTTP can carry is sent."""
    server.stream(HELLO)
    with ChatClient(server.url, dialect="openai", headers={"X-A": "größe\ttab"}) as client:
        client.send({}).result()
    assert server.requests[0].headers["x-a"] == "größe\ttab"
