"""`chatsdk inspect`, `record` and `replay`."""

from __future__ import annotations

import html.parser
import itertools
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsdk import dialects
from chatsdk.cli import main
from chatsdk.cli.event_watch import Row, Watch
from chatsdk.recording import load
from chatsdk.testing import ChatServer, Cut, Hang, Pause, RefusingPort, Send

SECRET = "sk-Qx7Rt5Zp9Wm3Kd8"

WAIT_SECONDS = 30


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHATSDK_TOKEN", raising=False)


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


# Lines of an event stream, alone and in frames. After a CR an event is complete, and the LF that
# may follow it counts for the next one.
PIECES = st.lists(
    st.sampled_from(
        [
            *(b"data: a\n\n", b"event: b\ndata: c\ndata: d\n\n", b": ping\n\n", b"id: 7\n\n"),
            *(b"data\n\n", b"\n", b"data: f\n", b": g\n", b"event: h\n\n"),
            "data: \u4f60\n\n".encode(),
        ]
    ),
    max_size=12,
)


@given(pieces=PIECES, cuts=st.lists(st.integers(0, 100), max_size=6))
def test_sizes_do_not_depend_on_the_reads(pieces: list[bytes], cuts: list[int]) -> None:
    """Numbers, data and sizes of frames are the same wherever the network cut the bytes."""
    body = b"".join(pieces)
    whole = seen([body])
    edges = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    assert seen([body[a:b] for a, b in itertools.pairwise(edges)]) == whole
    assert seen([body[at : at + 1] for at in range(len(body))]) == whole


def seen(reads: list[bytes]) -> list[tuple[int, str, str | None, str, int]]:
    """The events that `inspect` shows, without times and reads."""
    rows: list[Row] = []
    watch = Watch(dialects.get("openai"), rows.extend)
    for read in reads:
        watch(read, 1.0)
    return [(row.number, row.event, row.id, row.data, row.bytes) for row in rows]


def json_lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_rows_as_json(server: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
    """An object for each event, with its time, its size and its read; then the totals."""
    first, second = b": hi\nid: 7\nevent: ping\ndata: a\n\n", "data: é\n\n".encode()
    server.stream([Send(first), Pause(0.1), Send(second + second)])
    assert main(["inspect", server.url, "--json", "--data", "{}"]) == 0
    *rows, last = json_lines(capsys.readouterr().out)
    assert [row["number"] for row in rows] == [1, 2, 3]
    assert [row["event"] for row in rows] == ["ping", "message", "message"]
    assert [row["data"] for row in rows] == ["a", "é", "é"]
    assert rows[0]["id"] == "7"
    assert [row["bytes"] for row in rows] == [len(first), len(second), len(second)]
    assert [row["read"] for row in rows] == [1, 2, 2]
    assert rows[1]["gap_s"] >= 0.09
    assert rows[2]["gap_s"] == 0
    totals = last["totals"]
    assert set(totals) == {
        *("events", "reads", "bytes", "headers_s", "first_event_s", "end_s", "gaps_s", "end")
    }
    assert (totals["events"], totals["reads"], totals["end"]) == (3, 2, "whole")
    assert totals["bytes"] == len(first + second + second)
    assert totals["gaps_s"]["max"] == rows[1]["gap_s"]
    assert 0 < totals["headers_s"] <= totals["first_event_s"] <= totals["end_s"]


def test_table(server: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
    """A row for each event, its JSON on one line and shortened, no escape sequence; totals."""
    server.stream(['data: {"a": "\x1b[31m", "b": "' + "x" * 500 + '"}\n\n', "data: end\n\n"])
    assert main(["inspect", server.url, "--data", "{}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["#", "time", "s", "gap", "s", "bytes", "read", "event", "data"]
    assert lines[1].endswith("…")
    assert len(lines[1]) <= 120
    assert lines[2].split()[0] == "2"
    assert "\x1b" not in "".join(lines)
    assert "2 events in" in lines[4]


def test_shown_as_it_comes(server: ChatServer) -> None:
    """A row is printed before the next event is sent, and Ctrl-C prints the totals up to then."""
    script = server.stream()
    process = subprocess.Popen(
        [sys.executable, "-m", "chatsdk", "inspect", server.url, "--data", "{}", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            assert process.stdout is not None
            script.push("data: one\n\n")
            assert json.loads(process.stdout.readline())["data"] == "one"
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=WAIT_SECONDS)
        finally:
            process.kill()
    assert process.returncode == 130
    assert json.loads(out)["totals"]["end"] == "stopped"


def test_raw(server: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
    """A line a read, with everything but plain ASCII escaped."""
    server.stream(["data: \x1b[31mé\r\n\n"])
    main(["inspect", server.url, "--data", "{}", "--raw"])
    (line,) = capsys.readouterr().out.splitlines()
    at, _, text = line.partition(" ")
    assert 0 < float(at) < 60
    assert text == r"data: \x1b[31m\xc3\xa9\r\n\n"


def test_events(server: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
    """`--events` shows some types; numbers and totals count all."""
    server.stream(["data: a\n\n", "event: ping\ndata: b\n\n", "data: c\n\n"])
    assert main(["inspect", server.url, "--data", "{}", "--json", "--events", "ping,x"]) == 0
    row, last = json_lines(capsys.readouterr().out)
    assert (row["number"], row["event"]) == (2, "ping")
    assert last["totals"]["events"] == 3


def test_lines_of_json(server: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Each line of NDJSON is an event, with its bytes."""
    body = '{"message":{"content":"Hi"},"done":false}\n{"done":true}\n'
    server.stream([body], content_type="application/x-ndjson")
    assert main(["inspect", server.url, "--data", "{}", "--json", "--dialect", "ollama"]) == 0
    *rows, _ = json_lines(capsys.readouterr().out)
    assert sum(row["bytes"] for row in rows) == len(body)
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": 401, "json": {"error": {"message": "who are you?"}}}, "who are you?"),
        ({"status": 200, "body": "<html>hi</html>", "content_type": "text/html"}, "a web page"),
        ({"status": 200, "body": ""}, "an empty body"),
        (
            {"status": 200, "body": '{"a":1}\n', "content_type": "text/event-stream"},
            "nothing in its body is an event",
        ),
    ],
    ids=["refusal", "page", "empty", "no data"],
)
def test_no_events(
    server: ChatServer, capsys: pytest.CaptureFixture[str], answer: dict, words: str
) -> None:
    """Without an event it prints the reason in one line, with exit code 1."""
    server.reply(**answer)
    assert main(["inspect", server.url, "--data", "{}"]) == 1
    assert words in capsys.readouterr().err


def test_unreachable(capsys: pytest.CaptureFixture[str]) -> None:
    """A refused connection is exit code 1."""
    with RefusingPort() as port:
        assert main(["inspect", port.url, "--data", "{}"]) == 1
    assert "refused the connection" in capsys.readouterr().err


def test_asks_once(server: ChatServer) -> None:
    """A backend that is busy is not asked again."""
    server.busy(retry_after=0, repeat=True)
    assert main(["inspect", server.url, "--data", "{}"]) == 1
    assert len(server.requests) == 1


def test_bounded(server: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
    """`--timeout` ends a stream that goes on; what came is shown."""
    server.stream(["data: a\n\n", Hang()])
    assert main(["inspect", server.url, "--data", "{}", "--json", "--timeout", "0.5"]) == 1
    row, last = json_lines(capsys.readouterr().out)
    assert row["data"] == "a"
    assert last["totals"]["end"] == "timeout"


def test_method(server: ChatServer) -> None:
    """`--method` sends another one, a GET without a body."""
    server.stream(["data: a\n\n"])
    assert main(["inspect", server.url, "--method", "get"]) == 0
    (request,) = server.requests
    assert (request.method, request.body) == ("GET", b"")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--data", "{"],
        ["--data", "@/no/such/file"],
        ["--header", "Authorization: Bearer x-1234"],
        ["--timeout", "0"],
        ["--html", "/no/such/folder/x.html"],
        ["--events", ","],
        ["--dialect", "nonesuch"],
        ["--prompt", "Hi"],
        ["--method", "P T"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_wrong_arguments(server: ChatServer, arguments: list[str]) -> None:
    """Nothing is sent, and the exit code is 2."""
    assert main(["inspect", server.url, *arguments]) == 2
    assert not server.requests


class Page(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)


def test_page(server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One page with the timeline, self-contained, secrets masked, data as text only."""
    monkeypatch.setenv("CHATSDK_TOKEN", SECRET)
    server.stream(
        [f"data: <script>alert(1)</script> {SECRET}\n\n", Pause(0.05), "data: b\n\n", Cut()],
        headers={"X-Echo": SECRET},
    )
    file = tmp_path / "page.html"
    url = f"{server.url}/?api_key=k-123456"
    assert main(["inspect", url, "--data", "{}", "--html", str(file), "--exact-url"]) == 1
    text = file.read_text("utf-8")
    tags = Page(text).tags
    assert tags.count("svg") == 1
    assert "script" not in tags
    assert not {"link", "img", "iframe"} & set(tags)
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert not re.search(r"https?://(?!127\.0\.0\.1)", text)
    assert len(re.findall("class=event", text)) == 2
    assert len(re.findall("class=read", text)) == 2
    assert "class=gap" in text
    assert "cut" in text
    assert SECRET not in text
    assert "k-123456" not in text


def test_no_secret_in_any_form(
    server: ChatServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that the backend repeats is shown in no form."""
    monkeypatch.setenv("CHATSDK_TOKEN", SECRET)
    server.stream(
        [f"id: {SECRET}\nevent: {SECRET}\ndata: {SECRET[:5]}", f"{SECRET[5:]}\n\n"], repeat=True
    )
    for form in ([], ["--json"], ["--raw"]):
        main(["inspect", server.url, "--data", "{}", *form])
        shown = capsys.readouterr()
        assert SECRET not in shown.out + shown.err


# Recording and replaying ----------------------------------------------------------------------


def test_record(server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The response is recorded, secrets masked."""
    monkeypatch.setenv("CHATSDK_TOKEN", SECRET)
    server.answer("openai", f"Hello {SECRET}")
    file = tmp_path / "r.jsonl"
    url = f"{server.url}/v1/chat/completions"
    assert main(["record", url, "--prompt", "Hi", "--model", "m", "-o", str(file)]) == 0
    recording = load(file)
    assert recording.answer().text == "Hello " + "*" * len(SECRET)
    assert recording.request is not None
    assert recording.request["body"]["model"] == "m"
    assert SECRET not in file.read_text()


def test_record_a_refusal(server: ChatServer, tmp_path: Path) -> None:
    """A refusal is recorded, with exit code 1."""
    server.reply(401, json={"error": {"message": "who are you?"}})
    file = tmp_path / "r.jsonl"
    assert main(["record", server.url, "--data", "{}", "-o", str(file)]) == 1
    assert load(file).status == 401
    assert b"who are you?" in b"".join(data for _, data in load(file).reads)


def test_record_any_stream(server: ChatServer, tmp_path: Path) -> None:
    """A stream that came whole is recorded with exit code 0, whatever its events mean."""
    server.stream(["data: a\n\n"])
    file = tmp_path / "r.jsonl"
    assert main(["record", server.url, "--data", "{}", "-o", str(file)]) == 0
    assert load(file).end == "whole"


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGTERM that can be handled")
def test_record_terminated(server: ChatServer, tmp_path: Path) -> None:
    """SIGTERM ends a recording with all that came, and a file that can be played."""
    server.answer("openai").say("One")
    file = tmp_path / "r.jsonl"
    url = f"{server.url}/v1/chat/completions"
    words = ["record", url, "--prompt", "Hi", "-o", str(file)]
    with subprocess.Popen([sys.executable, "-m", "chatsdk", *words]) as process:
        server.wait_for_request(WAIT_SECONDS)
        process.terminate()
        assert process.wait(WAIT_SECONDS) == 143
    assert load(file).end == "stopped"


def test_record_where_nobody_may_write(server: ChatServer, tmp_path: Path) -> None:
    """It is known before anything is sent."""
    file = tmp_path / "missing" / "r.jsonl"
    assert main(["record", server.url, "--data", "{}", "-o", str(file)]) == 2
    assert not server.requests


def test_replay(server: ChatServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints its address, plays there, and Ctrl-C ends it."""
    server.answer("openai", "Hello")
    file = tmp_path / "r.jsonl"
    main(["record", f"{server.url}/v1/chat/completions", "--prompt", "Hi", "-o", str(file)])
    process = subprocess.Popen(
        [sys.executable, "-m", "chatsdk", "replay", str(file)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    with process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            capsys.readouterr()
            assert main(["ask", f"{url}/v1/chat/completions", "Hi"]) == 0
            assert capsys.readouterr().out == "Hello\n"
            process.send_signal(signal.SIGINT)
            assert process.wait(WAIT_SECONDS) == 0
        finally:
            process.kill()


@pytest.mark.parametrize("content", [None, b"hello", b'{"chatsdk": 2}\n'])
def test_replay_of_nothing(tmp_path: Path, content: bytes | None) -> None:
    """A file that is missing or not a recording is exit code 2."""
    file = tmp_path / "r.jsonl"
    if content is not None:
        file.write_bytes(content)
    assert main(["replay", str(file)]) == 2
