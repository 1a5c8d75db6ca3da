"""The command `chatsdk`: its subcommands, exit codes and error messages."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

import chatsdk
from chatsdk import BusyError, ChatClient, ChatError, ProtocolError, dialects
from chatsdk.cli import main, serve
from chatsdk.cli.remedies import in_one_line
from chatsdk.testing import ChatServer, EmbeddedServer

# Seconds for a command to end by itself.
WAIT_SECONDS = 30

NO_MODEL = "no model is involved"


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command as a process, its output in pipes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "chatsdk", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        # It is the command that has to see to it that nothing waits in a buffer.
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end of a process; give its exit code, and what it said of errors."""
    assert process.stderr is not None
    errors = process.stderr.read()
    return process.wait(WAIT_SECONDS), errors


def piped(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let the standard input be a pipe with this text."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def chat_url(server: ChatServer) -> str:
    return f"{server.url}/v1/chat/completions"


# The command itself ------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["sing"], ["chat"], ["serve", "--port", "x"]])
def test_wrong_arguments(capsys, arguments) -> None:
    """Arguments that argparse refuses give 2 and its usage."""
    assert main(arguments) == 2
    assert "usage: chatsdk" in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["demo"], ["serve"], ["chat"], ["ask"]])
def test_help(capsys, command) -> None:
    """Each command explains itself with examples, and that is not an error."""
    assert main([*command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "usage: chatsdk" in shown
    assert ("examples:\n  chatsdk" in shown) is (command != ["demo"])
    assert max(map(len, shown.splitlines())) < 80


def test_the_command_alone(capsys) -> None:
    """`chatsdk` alone prints its help."""
    assert main([]) == 0
    alone = capsys.readouterr().out
    main(["--help"])
    assert capsys.readouterr().out == alone


def test_version(capsys) -> None:
    """`--version` gives the version of the package."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"chatsdk {chatsdk.__version__}\n"


# demo --------------------------------------------------------------------------------------


def test_demo(capsys) -> None:
    """The demo prints the answer, how it came, and that no model made it."""
    assert main(["demo", "Are", "you there?"]) == 0
    shown = capsys.readouterr()
    assert "Its replies are canned: no model is involved" in shown.out
    assert "\n> Are you there?\n\nYou said: “Are you there?”. I am the built-in" in shown.out
    assert "word by word.\n\ntime to first text  0." in shown.out
    events = re.search(r"^events +(\d+)$", shown.out, re.MULTILINE)
    assert events is not None
    assert int(events[1]) > 40
    assert re.search(r"^duration +\d+\.\d{3} s$", shown.out, re.MULTILINE)
    assert shown.err == ""


def test_demo_streams() -> None:
    """The words of the demo come one after the other, also into a pipe."""
    with running("demo") as process:
        assert process.stdout is not None
        pieces = []
        while piece := os.read(process.stdout.fileno(), 65_536):
            pieces.append(piece.decode())
        assert ended(process) == (0, "")
    assert "duration" in "".join(pieces)
    # All at once it would be one, or a handful with those before and after the answer.
    assert len(pieces) > 10


def test_demo_interrupted() -> None:
    """Ctrl-C ends the demo with 130 and without a traceback."""
    with running("demo") as process:
        assert process.stdout is not None
        seen = ""
        while "You said" not in seen:
            seen += process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        assert ended(process) == (130, "")


def test_a_reader_that_goes_away() -> None:
    """`chatsdk demo | head -1` ends without a traceback, though not as if all were fine."""
    with running("demo") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert ended(process) == (1, "")


# serve -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_serve(dialect) -> None:
    """`serve` prints its URL, answers there in the dialect, and ends on Ctrl-C."""
    with running("serve", "--port", "0", "--dialect", dialect) as process:
        assert process.stdout is not None
        greeting = process.stdout.readline()
        assert dialect in greeting
        assert NO_MODEL in process.stdout.readline()
        url = re.search(r"http://127\.0\.0\.1:\d+/\S+", greeting)
        assert url is not None
        with ChatClient(url[0]) as client:
            answer = client.ask("Hi").result()
        assert answer.text.startswith("You said: “Hi”.")
        assert client.dialect.name == "auto"
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert f"chatsdk chat {url[0]}" in rest
        assert rest.endswith("\nstopped\n")
        assert ended(process) == (0, "")


def written() -> list[str]:
    """The dialects that the built-in server can answer in, but for those that cannot be asked."""
    found = []
    for name in set(dialects.names()) - {"raw", "json", "text"}:
        with contextlib.suppress(ValueError):
            dialects.get(name).encode(())
            found.append(name)
    return sorted(found)


@pytest.mark.parametrize("dialect", written())
def test_serve_tells_an_address_that_works(monkeypatch, capsys, dialect) -> None:
    """The URL that `serve` prints accepts questions in the dialect."""
    piped(monkeypatch, "Hi\n")
    # Some want to know these; the others let them pass.
    names = ("user", "bot_id", "user_id", "assistant_id", "app_name", "session_id")
    options = [word for name in names for word in ("--option", f"{name}=me")]
    with EmbeddedServer(dialect, pace=0) as server:
        assert main(["chat", serve.chat_url(server), "--dialect", dialect, *options]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("You said: “Hi”. I am the built-in server")
    assert shown.err == ""


def test_serve_ten_events() -> None:
    """`/sse` gives ten events, at the interval that was asked for."""
    with running("serve", "--port", "0", "--interval", "0") as process:
        assert process.stdout is not None
        url = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert url is not None
        with ChatClient(f"{url[0]}/sse", dialect="raw") as client:
            texts = list(client.send({}).deltas())
        process.send_signal(signal.SIGINT)
    assert texts == [f"Hello, this is message number {number}" for number in range(1, 11)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        # The address could be another backend's.
        (["--dialect", "ragflow_legacy"], "chatsdk chat --dialect ragflow_legacy http://127"),
        # Other machines can reach it.
        (["--host", "0.0.0.0"], "it asks for no token"),
    ],
)
def test_serve_says_what_matters(arguments, said) -> None:
    """The greeting shows what the URL does not show, and who can connect."""
    with running("serve", "--port", "0", *arguments) as process:
        assert process.stdout is not None
        seen = process.stdout.readline()
        while "Ctrl-C" not in seen:
            seen += process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert said in seen + process.stdout.read()


def test_serve_on_a_port_that_is_taken(capsys, server) -> None:
    """A port that is taken is an error with the remedy."""
    assert main(["serve", "--port", str(server.port)]) == 1
    error = capsys.readouterr().err
    assert f"port {server.port}" in error
    assert "--port 0" in error
    assert "attempting" not in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--dialect", "auto"],
        ["--dialect", "klingon"],
        ["--port", "65536"],
        ["--port", "-1"],
        ["--interval", "-1"],
        ["--interval", "nan"],
        ["--interval", "soon"],
    ],
)
def test_serve_wrong_arguments(capsys, arguments) -> None:
    """A dialect that is only read, a port or an interval that cannot be: 2, and nothing listens."""
    assert main(["serve", *arguments]) == 2
    assert arguments[0] in capsys.readouterr().err


# chat, through pipes -----------------------------------------------------------------------


def test_chat_each_line_is_a_prompt(monkeypatch, capsys, server) -> None:
    """Lines from a pipe are asked one after the other, and only the answers are printed."""
    server.answer("openai", "One\x07.", reasoning="Let me see", usage=chatsdk.Usage(1, 2))
    server.answer("openai", "Two.")
    piped(monkeypatch, "first\n\n  second  \n")
    assert main(["chat", chat_url(server), "--model", "small"]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("One\x07.\nTwo.\n", "")
    bodies = [request.json for request in server.requests]
    assert [body["model"] for body in bodies] == ["small", "small"]
    assert [message["content"] for message in bodies[1]["messages"]] == [
        "first",
        "One\x07.",
        "second",
    ]


def test_chat_options(monkeypatch, server) -> None:
    """Fields of the request are JSON, or else text."""
    server.answer("openai", "One.")
    piped(monkeypatch, "Hi\n")
    options = ["--option", "temperature=0.5", "--option", "user=me", "--option", "stop=[1, null]"]
    assert main(["chat", chat_url(server), *options]) == 0
    body = server.requests[0].json
    assert (body["temperature"], body["user"], body["stop"]) == (0.5, "me", [1, None])


def test_chat_stops_at_the_first_error(monkeypatch, capsys, server) -> None:
    """An error ends a piped chat with exit code 1 and one line, after the partial text."""
    frame = b'data: {"choices":[{"index":0,"delta":{"content":"Half"}}]}\n\n'
    server.cut_after(2 * len(frame) + 9, frame * 3)
    piped(monkeypatch, "first\nsecond\n")
    assert main(["chat", chat_url(server)]) == 1
    shown = capsys.readouterr()
    assert shown.out == "HalfHalf\n"
    assert shown.err.startswith("chatsdk: ")
    assert "the answer is incomplete" in shown.err
    assert shown.err.count("\n") == 1
    assert len(server.requests) == 1


def test_chat_with_nobody_there(monkeypatch, capsys) -> None:
    """A refused connection is one line with the remedy."""
    with ChatServer() as server:
        url = chat_url(server)
    piped(monkeypatch, "Hi\n")
    assert main(["chat", url]) == 1
    error = capsys.readouterr().err
    assert error.startswith("chatsdk: 127.0.0.1:")
    assert "refused the connection; check that the backend is running" in error
    assert "host and port" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("status", "message", "remedy"),
    [
        (401, "no\nkey", "CHATSDK_TOKEN"),
        (404, "no such model", "(check the model's name); the option is --model NAME"),
        (404, "no such page", "check the name after --model"),
        (400, "you must provide a model parameter", "(give model=...); the option is --model"),
        (400, "maximum context length is 8192 tokens", "too long for this model); ask something s"),
        (403, "no", "not allowed to do this); request id"),
        (422, "what?", "--dialect"),
        (500, "oh", "the backend failed; try again later"),
    ],
)
def test_chat_refused(monkeypatch, capsys, server, status, message, remedy) -> None:
    """A refusal is one line: the backend's words and a remedy."""
    headers = {"x-request-id": "r-17"}
    server.reply(status, json={"error": {"message": message}}, headers=headers)
    piped(monkeypatch, "Hi\n")
    assert main(["chat", chat_url(server)]) == 1
    error = capsys.readouterr().err
    assert str(status) in error
    assert remedy in error
    assert "r-17" in error
    assert error.count("\n") == 1


def test_a_dialect_is_advised_once_and_as_an_option() -> None:
    """Advice of the library about `dialect=` names the option, and nothing repeats it."""
    error = ProtocolError("an event is not JSON; if it is plain text, use dialect='raw'")
    assert in_one_line(error) == "an event is not JSON; if it is plain text, use --dialect raw"
    assert in_one_line(ProtocolError("odd")) == "odd; check --dialect"


def test_a_missing_token_is_advised_as_an_option(capsys, server, monkeypatch) -> None:
    """A 401 without a token names the options, and not the library's argument."""
    monkeypatch.delenv("CHATSDK_TOKEN", raising=False)
    server.reply(401, json={})
    assert main(["ask", f"{server.url}/v1/chat/completions", "Hi", "--option", "model=m"]) == 1
    error = capsys.readouterr().err
    assert "no token was sent" in error
    assert "--token-env" in error
    assert "token=..." not in error


def test_an_error_of_any_length() -> None:
    """A long message of the backend is truncated and shown in one line."""
    line = in_one_line(ChatError("so\x1b" + "x \n" * 5000))
    assert line.startswith("so\ufffdx x x")
    assert len(line) < 500
    assert "\n" not in line
    assert in_one_line(BusyError()) == "BusyError"


def test_chat_told_to_wait(monkeypatch, capsys, server) -> None:
    """If the backend gives a time to wait, the error shows it."""
    server.busy(retry_after=100)
    piped(monkeypatch, "Hi\n")
    assert main(["chat", chat_url(server)]) == 1
    assert "try again in 100 s" in capsys.readouterr().err


def test_chat_input_that_is_no_text(capsys, monkeypatch, server) -> None:
    """Input that is not in its encoding is an error, and no traceback."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\n"), encoding="utf-8"))
    assert main(["chat", chat_url(server)]) == 1
    assert "not utf-8" in capsys.readouterr().err


def test_chat_text_that_an_encoding_lacks(monkeypatch, server) -> None:
    """Characters missing in the output's encoding, and lone surrogates, become question marks."""
    server.answer("openai", "é\ud83d\u4f60.")
    out = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", out)
    piped(monkeypatch, "Hi\n")
    assert main(["chat", chat_url(server)]) == 0
    assert out.buffer.getvalue() == "é??.\n".encode("latin-1")


def test_chat_snapshots_come_whole(monkeypatch, capsys) -> None:
    """A pipe gets the text of a backend that rewrites it once, as it is at the end."""
    with EmbeddedServer("ragflow_legacy", pace=0) as server:
        piped(monkeypatch, "Hi\n")
        assert main(["chat", server.url, "--dialect", "ragflow_legacy"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("You said: “Hi”.")
    assert out.count("You said") == 1


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["http://127.0.0.1:1/"], "--dialect"),
        (["127.0.0.1:1/v1/chat/completions"], "http://"),
        (["http://127.0.0.1:1/", "--dialect", "klingon"], "openai"),
        (["http://127.0.0.1:1/", "--dialect", "raw"], "openai"),
        (["http://127.0.0.1:1/", "--dialect", "dify"], "--option user=..."),
        (["http://127.0.0.1:1/v1/messages", "--option", "user"], "NAME=VALUE"),
        (["http://127.0.0.1:1/v1/messages", "--option", "=me"], "NAME=VALUE"),
        (["http://127.0.0.1:1/v1/messages", "--header", "no colon"], "'Name: value'"),
        (["http://127.0.0.1:1/v1/messages", "--header", "X: $NOT_THERE"], "$NOT_THERE"),
        (["http://127.0.0.1:1/v1/messages", "--header", "Bad name: x"], "header"),
    ],
)
def test_chat_wrong_arguments(monkeypatch, capsys, arguments, remedy) -> None:
    """An impossible request is reported in one line, with exit code 2, before anything is sent."""
    piped(monkeypatch, "Hi\n")
    assert main(["chat", *arguments]) == 2
    error = capsys.readouterr().err
    assert remedy in error
    assert error.count("\n") == 1


def test_the_dialects_that_can_be_asked(monkeypatch, capsys) -> None:
    """If the URL does not show the dialect, the message names dialects that can write a prompt."""
    piped(monkeypatch, "Hi\n")
    assert main(["chat", "http://127.0.0.1:1/"]) == 2
    named = capsys.readouterr().err.partition("there are ")[2].strip().split(", ")
    assert set(named) < set(dialects.names())
    assert {"openai", "dify"} < set(named)
    assert not {"raw", "auto"} & set(named)


# Secrets -----------------------------------------------------------------------------------


def test_the_token_of_the_environment(monkeypatch, capsys, server) -> None:
    """The token is that of CHATSDK_TOKEN, or of the variable that --token-env names."""
    monkeypatch.setenv("CHATSDK_TOKEN", "sk-first")
    monkeypatch.setenv("OTHER", "sk-second")
    for arguments in ([], ["--token-env", "OTHER"]):
        server.answer("openai", "Yes.")
        piped(monkeypatch, "Hi\n")
        assert main(["chat", chat_url(server), *arguments]) == 0
    tokens = [request.headers["authorization"] for request in server.requests]
    assert tokens == ["Bearer sk-first", "Bearer sk-second"]


def test_header_fields(monkeypatch, server) -> None:
    """Header fields are sent, a value from the environment too."""
    monkeypatch.setenv("SECRET_KEY", "k-1")
    server.answer("openai", "Yes.")
    piped(monkeypatch, "Hi\n")
    headers = ["--header", "X-Tenant: 7:8", "--header", "x-api-key: $SECRET_KEY"]
    assert main(["chat", chat_url(server), *headers]) == 0
    sent = server.requests[0].headers
    assert (sent["x-tenant"], sent["x-api-key"]) == ("7:8", "k-1")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--token-env", "sk-secret"],
        ["--token-env", "sk_secret"],
        ["--header", "Authorization: Bearer sk-secret"],
        ["--header", "x-api-key: sk-secret"],
        ["--header", "Cookie: session=sk-secret"],
    ],
)
def test_no_secret_on_the_command_line(monkeypatch, capsys, arguments) -> None:
    """A token on the command line is refused, with the reason, and not repeated."""
    piped(monkeypatch, "Hi\n")
    assert main(["chat", "http://127.0.0.1:1/v1/messages", *arguments]) == 2
    error = capsys.readouterr().err
    assert "can read a command line" in error
    assert "secret" not in error


def test_a_token_that_cannot_be_sent(monkeypatch, capsys) -> None:
    """A token with a line break is refused before anything is sent, and not shown."""
    monkeypatch.setenv("CHATSDK_TOKEN", "sk-sec\nret")
    piped(monkeypatch, "Hi\n")
    assert main(["chat", "http://127.0.0.1:1/v1/messages"]) == 2
    assert "sk-sec" not in capsys.readouterr().err
