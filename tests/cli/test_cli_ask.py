"""`chatsdk ask`: one question, for scripts and pipes."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from chatsdk.answer import Usage
from chatsdk.cli import main
from chatsdk.parts import Citation, Citations, Reasoning, UsageUpdate
from chatsdk.testing import ChatServer, EmbeddedServer

WAIT_SECONDS = 30

PNG = b"\x89PNG\r\n\x1a\n and more"

# The fields that `--json` prints, in this order.
KEYS = [
    *("text", "reasoning", "tool_calls", "citations", "usage", "finish_reason"),
    *("id", "conversation_id", "model", "timings", "error"),
]


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


def url_of(server: ChatServer) -> str:
    return f"{server.url}/v1/chat/completions"


@contextlib.contextmanager
def asking(server: ChatServer, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command as a process, its output in pipes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "chatsdk", "ask", url_of(server), "Hi", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def contents(server: ChatServer) -> list[object]:
    return [message["content"] for message in server.requests[-1].json["messages"]]


# Output ------------------------------------------------------------------------------------


def test_only_the_text(capsys, server) -> None:
    """The output is the text of the answer and a line end; nothing else is said."""
    server.answer("openai", "One.\nTwo.", reasoning="Let me see", usage=Usage(1, 2))
    assert main(["ask", url_of(server), "Hi"]) == 0
    assert capsys.readouterr() == ("One.\nTwo.\n", "")


def test_a_line_end_is_not_doubled(capsys, server) -> None:
    """A text that ends with a line end is printed as it is."""
    server.answer("openai", "One.\n")
    assert main(["ask", url_of(server), "Hi"]) == 0
    assert capsys.readouterr().out == "One.\n"


def test_the_text_arrives_as_it_streams(server) -> None:
    """Each word is printed when it comes, not when the answer is complete."""
    script = server.answer("openai")
    with asking(server) as process:
        assert process.stdout is not None
        server.wait_for_request()
        script.say("One")
        assert os.read(process.stdout.fileno(), 99) == b"One"
        script.finish()
        assert process.stdout.read() == b"\n"
        assert process.wait(WAIT_SECONDS) == 0


def test_text_that_may_change_comes_at_the_end(capsys) -> None:
    """A backend that may rewrite its text is printed once, when its answer is complete."""
    with EmbeddedServer("ragflow_legacy", pace=0) as server:
        assert main(["ask", server.url, "Hi", "--dialect", "ragflow_legacy"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("You said: “Hi”.")
    assert out.count("You said") == 1


def test_an_empty_answer(capsys, server) -> None:
    """An empty answer prints nothing, and a note on stderr."""
    server.answer("openai").finish()
    assert main(["ask", url_of(server), "Hi"]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("chatsdk: the answer was empty; ")


def test_an_answer_that_the_model_cut_short(capsys, server) -> None:
    """A token limit is complete for the wire, so the exit code is 0, with a note."""
    server.answer("openai", "One", finish_reason="length")
    assert main(["ask", url_of(server), "Hi"]) == 0
    assert "token limit" in capsys.readouterr().err


def test_raw(capsys, server) -> None:
    """`--raw` prints the data of each event as it came, one per line, with the end marker."""
    frames = [
        b'data: {"choices":[{"index":0,"delta":{"content":"H\\u00e9"}}], "x":1.0}\n\n',
        b': a comment\n\ndata: {"choices":\ndata: [{"index":0,"delta":{"content":"y"}}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
    ]
    server.stream(frames)
    assert main(["ask", url_of(server), "Hi", "--raw"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        '{"choices":[{"index":0,"delta":{"content":"H\\u00e9"}}], "x":1.0}',
        '{"choices": [{"index": 0, "delta": {"content": "y"}}]}',
        '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}',
        "[DONE]",
    ]


def test_raw_lines_of_json(capsys) -> None:
    """`--raw` also prints a backend that sends lines of JSON."""
    with EmbeddedServer("ollama", pace=0) as server:
        arguments = ["--dialect", "ollama", "--model", "m", "--raw"]
        assert main(["ask", f"{server.url}/api/chat", "Hi", *arguments]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "".join(line["message"]["content"] for line in lines).startswith("You said: “Hi”.")
    assert lines[-1]["done"] is True


def test_raw_shows_the_error_too(capsys, server) -> None:
    """The error event is among the payloads."""
    frame = b'data: {"choices":[{"index":0,"delta":{"content":"Half"}}]}\n\n'
    server.stream([frame, b'data: {"error":{"message":"overloaded"}}\n\n'])
    assert main(["ask", url_of(server), "Hi", "--raw"]) == 1
    shown = capsys.readouterr()
    assert shown.out.splitlines()[1:] == ['{"error":{"message":"overloaded"}}']
    assert "overloaded" in shown.err


def test_raw_document(capsys, server) -> None:
    """An answer that comes as one JSON document is one payload."""
    document = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}}]}
    server.reply(200, json=document)
    assert main(["ask", url_of(server), "Hi", "--raw"]) == 0
    assert json.loads(capsys.readouterr().out) == document


def test_json(capsys, server) -> None:
    """`--json` prints the final answer as one object with exactly these names."""
    script = server.answer("openai")
    script.put(Reasoning("Hm"))
    script.say("Yés.")
    script.put(Citations((Citation(title="A page", url="http://x.test/"),)))
    script.put(UsageUpdate(input=3, output=2))
    script.finish()
    assert main(["ask", url_of(server), "Hi", "--json"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    answer = json.loads(out)
    assert list(answer) == KEYS
    assert (answer["text"], answer["reasoning"]) == ("Yés.", "Hm")
    assert (answer["usage"]["input"], answer["usage"]["output"]) == (3, 2)
    assert (answer["finish_reason"], answer["tool_calls"], answer["error"]) == ("stop", [], None)
    assert answer["timings"]["events"] > 1


@pytest.fixture
def schema(tmp_path):
    pytest.importorskip("jiter")
    path = tmp_path / "schema.json"
    city = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    path.write_text(json.dumps(city))
    return str(path)


def test_a_schema(capsys, server, schema) -> None:
    """`--schema` prints the object alone, whatever the model writes around it."""
    server.answer("openai", 'Here it is: {"city":\n"Köln"}')
    assert main(["ask", url_of(server), "Hi", "--schema", schema]) == 0
    assert capsys.readouterr().out == '{"city": "Köln"}\n'
    assert server.requests[0].json["response_format"]["type"] == "json_schema"


def test_a_schema_and_json(capsys, server, schema) -> None:
    """`--json` has both the object and the text."""
    server.answer("openai", '{"city": "Köln"}')
    assert main(["ask", url_of(server), "Hi", "--schema", schema, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert list(printed) == ["text", "value", *KEYS[1:]]
    assert printed["value"] == {"city": "Köln"}


def test_an_answer_that_does_not_fit_its_schema(capsys, server, schema) -> None:
    """The text is printed, the error shows the place of the fault, and the exit code is 1."""
    server.answer("openai", '{"city": 3}')
    assert main(["ask", url_of(server), "Hi", "--schema", schema]) == 1
    printed = capsys.readouterr()
    assert printed.out == '{"city": 3}\n'
    assert "city should be a string" in printed.err


@pytest.mark.parametrize(
    ("content", "words"), [(None, "No such file"), ("{", "not JSON"), ("[]", "not a JSON schema")]
)
def test_a_schema_that_is_none(capsys, server, tmp_path, content, words) -> None:
    """A file that is missing, or has no schema, is a wrong argument."""
    path = tmp_path / "schema.json"
    if content is not None:
        path.write_text(content)
    assert main(["ask", url_of(server), "Hi", "--schema", str(path)]) == 2
    assert words in capsys.readouterr().err
    assert server.requests == []


def test_json_without_usage(capsys, server) -> None:
    """Usage is null when the backend reported none."""
    server.answer("openai", "Yes.")
    assert main(["ask", url_of(server), "Hi", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["usage"] is None


def test_json_of_a_cut_answer(capsys, server) -> None:
    """For an answer that broke off, `--json` prints the partial answer with the error."""
    frame = b'data: {"choices":[{"index":0,"delta":{"content":"Half"}}]}\n\n'
    server.cut_after(len(frame), frame * 2)
    assert main(["ask", url_of(server), "Hi", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == KEYS
    assert answer["text"] == "Half"
    assert answer["error"]["type"] == "StreamInterrupted"


def test_json_of_a_refusal(capsys, server) -> None:
    """A refusal is an object, too: without a text, with the status."""
    server.reply(401, json={"error": {"message": "wrong key"}})
    assert main(["ask", url_of(server), "Hi", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["text"], answer["error"]["status"]) == ("", 401)
    assert "wrong key" in answer["error"]["message"]


# Questions ---------------------------------------------------------------------------------


def test_options(server) -> None:
    """`--system`, `--model` and `--option` reach the request."""
    server.answer("openai", "Yes.")
    options = ["--system", "Be brief.", "--model", "small", "--option", "temperature=0"]
    assert main(["ask", url_of(server), "Hi", *options]) == 0
    body = server.requests[0].json
    assert (body["model"], body["temperature"]) == ("small", 0)
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert contents(server) == ["Be brief.", "Hi"]


def test_standard_input(monkeypatch, server) -> None:
    """`-` takes all of stdin as one prompt, line ends and all."""
    server.answer("openai", "Yes.")
    monkeypatch.setattr(sys, "stdin", io.StringIO("one\n\n two\n"))
    assert main(["ask", url_of(server), "-"]) == 0
    assert contents(server) == ["one\n\n two\n"]


def test_files(tmp_path, server) -> None:
    """`--file` sends a text with its name and a picture as a picture."""
    (tmp_path / "notes.txt").write_text("\ufeffBuy milk.\n", encoding="utf-8")
    (tmp_path / "photo").write_bytes(PNG)
    server.answer("openai", "Yes.")
    files = [word for name in ("notes.txt", "photo") for word in ("--file", str(tmp_path / name))]
    assert main(["ask", url_of(server), "What is this?", *files]) == 0
    (parts,) = contents(server)
    assert isinstance(parts, list)
    text, picture = parts
    assert text["text"] == '<file name="notes.txt">\nBuy milk.\n</file>\n\nWhat is this?'
    encoded = base64.b64encode(PNG).decode()
    assert picture["image_url"]["url"] == f"data:image/png;base64,{encoded}"


@pytest.mark.parametrize("data", [b"\x00\x01\x02", b"caf\xe9", b"%PDF-1.7\n\x00", b"a\0b"])
def test_a_file_of_another_kind(tmp_path, capsys, server, data) -> None:
    """A file that is neither a picture nor UTF-8 text is refused, and nothing is sent."""
    path = tmp_path / "file"
    path.write_bytes(data)
    assert main(["ask", url_of(server), "Hi", "--file", str(path)]) == 2
    assert "neither a picture (PNG, JPEG, GIF, WebP) nor UTF-8 text" in capsys.readouterr().err
    assert server.requests == []


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        ([""], "the prompt is empty"),
        (["Hi\udcff"], "not UTF-8"),
        (["Hi", "--file", "/nowhere/at/all"], "cannot read /nowhere/at/all: No such file"),
        (["Hi", "--raw", "--json"], "not allowed with"),
        ([], "PROMPT"),
        (["Hi", "--token-env", "NOT_THERE"], "--token-env"),
        (["Hi", "--token-file", "/nowhere/at/all"], "--token-file"),
        (["Hi", "--token-env", "A", "--token-file", "B"], "not allowed with"),
        (["Hi", "--modle", "m"], "chatsdk: ask has no option --modle: did you mean --model?"),
        (["What", "is", "this"], "2 arguments too many; put a prompt of several words in quot"),
        (["Hi", "--token", "sk-1"], "put the key into the environment variable CHATSDK_TOKEN"),
        (["Hi", "--api-key=sk-1"], "put the key into the environment variable CHATSDK_TOKEN"),
        (["Hi", "--temperature", "1"], "use --option temperature=..."),
        (["Hi", "--zzz"], "`chatsdk ask --help` lists its options"),
        (["Hi", "--header", "api_key: k-1"], "api_key: $VARIABLE"),
        (["Hi", "--header", "apikey: k-1"], "apikey: $VARIABLE"),
    ],
)
def test_wrong_arguments(capsys, server, arguments, remedy) -> None:
    """An impossible question is an error before anything is sent, with exit code 2."""
    assert main(["ask", url_of(server), *arguments]) == 2
    shown = capsys.readouterr()
    assert remedy in shown.err
    assert "sk-1" not in shown.err
    assert shown.out == ""
    assert server.requests == []


def test_tokens(monkeypatch, tmp_path, capsys, server) -> None:
    """The token comes from a variable or a file; an option goes before CHATSDK_TOKEN."""
    monkeypatch.setenv("CHATSDK_TOKEN", "sk-first")
    monkeypatch.setenv("OTHER", "sk-second")
    file = tmp_path / "token"
    file.write_text("sk-third\n")
    for options in ([], ["--token-env", "OTHER"], ["--token-file", str(file)]):
        server.answer("openai", "Yes.")
        assert main(["ask", url_of(server), "Hi", *options]) == 0
    tokens = [request.headers["authorization"] for request in server.requests]
    assert tokens == ["Bearer sk-first", "Bearer sk-second", "Bearer sk-third"]
    assert "sk-" not in "".join(capsys.readouterr())


# How it ends -------------------------------------------------------------------------------


def test_a_cut_answer(capsys, server) -> None:
    """A broken-off answer gives exit code 1; the partial text is printed, with a line end."""
    frame = b'data: {"choices":[{"index":0,"delta":{"content":"Half"}}]}\n\n'
    server.cut_after(len(frame), frame * 2)
    assert main(["ask", url_of(server), "Hi"]) == 1
    shown = capsys.readouterr()
    assert shown.out == "Half\n"
    assert "incomplete" in shown.err
    assert shown.err.count("\n") == 1


def test_nobody_there(capsys) -> None:
    """A backend that cannot be reached is 1."""
    with ChatServer() as server:
        url = url_of(server)
    assert main(["ask", url, "Hi"]) == 1
    assert "refused" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--raw"]])
@pytest.mark.parametrize("head", [True, False])
def test_ctrl_c(server, arguments, head) -> None:
    """Ctrl-C closes the backend's stream at once and gives 130, even if nothing has come."""
    script = server.silent(head=head)
    with asking(server, *arguments) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        server.wait_for_request()
        process.send_signal(signal.SIGINT)
        script.wait_for_disconnect()
        assert process.wait(WAIT_SECONDS) == 130
        out = process.stdout.read()
        assert b"Traceback" not in process.stderr.read()
    assert (json.loads(out)["error"]["type"] == "stopped") if arguments == ["--json"] else not out


def test_ctrl_c_keeps_the_text(server) -> None:
    """After Ctrl-C the partial text has its own line, and is in the object of `--json`."""
    for arguments in ([], ["--json"]):
        script = server.answer("openai")
        with asking(server, *arguments) as process:
            assert process.stdout is not None
            server.wait_for_request()
            script.say("Half")
            if not arguments:
                assert os.read(process.stdout.fileno(), 99) == b"Half"
            else:
                script.wait_until_sent()
                # A second piece is sent only after the first was read.
                script.say(" of")
                script.wait_until_sent()
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read()
            assert process.wait(WAIT_SECONDS) == 130
        assert rest == b"\n" if not arguments else list(json.loads(rest)) == KEYS


@pytest.mark.skipif(sys.platform == "win32", reason="needs poll()")
@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_the_reader_leaves(server, arguments) -> None:
    """If the reader of the output leaves, a silent backend's stream is closed at once."""
    script = server.answer("openai")
    with asking(server, *arguments) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        server.wait_for_request()
        process.stdout.close()
        script.wait_for_disconnect()
        assert process.wait(WAIT_SECONDS) == 1
        assert process.stderr.read() == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_output_that_cannot_be_written(server) -> None:
    """A full disk is 1, with the reason."""
    server.answer("openai", "Yes.")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "chatsdk", "ask", url_of(server), "Hi"],
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            timeout=WAIT_SECONDS,
        )
    assert done.returncode == 1
    assert done.stderr == "chatsdk: cannot write the output: No space left on device\n"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell that closes streams")
@pytest.mark.parametrize(
    ("command", "closed", "code"),
    [
        (["ask", "URL", "Hi"], ">&-", 1),
        (["ask", "URL", "Hi", "--json"], ">&- <&-", 1),
        (["ask", "URL", "Hi"], "2>&-", 0),
        (["ask", "URL", "-"], "<&-", 2),
        (["inspect", "URL", "--prompt", "Hi"], ">&-", 1),
        (["record", "URL", "--prompt", "Hi", "-o", "FILE"], ">&- <&-", 0),
        (["record", "URL", "--prompt", "Hi", "-o", "-"], ">&-", 2),
        (["replay", "nothing.jsonl"], "2>&-", 2),
        (["chat", "URL"], "<&-", 0),
    ],
)
def test_standard_streams_that_are_closed(server, tmp_path, command, closed, code) -> None:
    """A stream that the caller has closed gives at most one line, and the same exit code."""
    server.answer("openai", "Yes.")
    names = {"URL": url_of(server), "FILE": str(tmp_path / "file.jsonl")}
    words = [sys.executable, "-m", "chatsdk", *(names.get(word, word) for word in command)]
    done = subprocess.run(
        ["sh", "-c", f'"$@" {closed}', "sh", *words],
        capture_output=True,
        encoding="utf-8",
        timeout=WAIT_SECONDS,
    )
    assert done.returncode == code
    assert done.stderr.count("\n") <= 1


def test_a_byte_order_mark_before_the_prompt(server) -> None:
    """The mark with which PowerShell begins a pipe is not a part of the prompt."""
    server.answer("openai", "Yes.")
    done = subprocess.run(
        [sys.executable, "-m", "chatsdk", "ask", url_of(server), "-"],
        input=b"\xef\xbb\xbfHi",
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        timeout=WAIT_SECONDS,
    )
    assert done.returncode == 0
    assert server.requests[0].json["messages"][-1]["content"] == "Hi"


# How fast it starts ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "not_loaded"),
    [
        (["--help"], ["chatsdk.cli.chat", "chatsdk.cli.ask", "chatsdk.cli.serve"]),
        (["ask", "--help"], ["chatsdk.cli.chat", "chatsdk.cli.conversation"]),
        (["ask", "URL", "Hi"], ["chatsdk.cli.chat", "chatsdk.cli.conversation"]),
    ],
)
def test_little_is_loaded(server, arguments, not_loaded) -> None:
    """The help and `ask` load neither the session, nor the test kit, nor what draws a chat."""
    server.answer("openai", "Yes.")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from chatsdk.cli import main; code = main(sys.argv[1:]);"
            "print(code, *sys.modules, file=sys.stderr)",
            *(url_of(server) if word == "URL" else word for word in arguments),
        ],
        capture_output=True,
        encoding="utf-8",
        timeout=WAIT_SECONDS,
    )
    code, *loaded = done.stderr.split()
    assert code == "0"
    never = {"chatsdk.session", "chatsdk.testing", "rich", "prompt_toolkit", "attr", "asyncio"}
    assert not (never | set(not_loaded)) & set(loaded)
