"""Recordings: written by a tap, masked, and read back as the same answer."""

from __future__ import annotations

import base64
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsdk import ChatClient, ChatTimeout, HTTPStatusError, StreamInterrupted, Timeout, dialects
from chatsdk.recording import Recorder, load
from chatsdk.testing import ChatServer, Cut, Drip, Hang, Send
from chatsdk.transport.report_redaction import Mask

SECRET = "sk-Qx7Rt5Zp9Wm3Kd8"

FIRST = {"chatsdk": 1, "request": None, "response": None}


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "answer.jsonl"


def recorded(server: ChatServer, path: Path, body: object = None, **options):
    """Ask once, recorded; the final answer."""
    options.setdefault("dialect", "openai")
    with (
        Recorder(path) as recorder,
        ChatClient(server.url, tap=recorder, exact_url=True, **options) as client,
    ):
        return client.send({} if body is None else body).result()


def lines_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def written(path: Path, *lines: object) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def read_line(data: bytes, at: float = 0.0) -> dict:
    return {"at": at, "bytes": base64.b64encode(data).decode()}


def test_fields_that_only_sound_secret(server: ChatServer, path: Path) -> None:
    """Permissions and limits of tokens are kept, because replays need them; a key is masked."""
    kept = {
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Headers": "authorization",
        "x-ratelimit-remaining-tokens": "149984",
        "anthropic-ratelimit-tokens-limit": "400000",
    }
    server.answer("openai", "Hi", headers={**kept, "X-Api-Key": SECRET})
    recorded(server, path)
    headers = lines_of(path)[0]["response"]["headers"]
    assert {name: headers[name] for name in kept} == kept
    assert SECRET not in path.read_text("utf-8")


def test_the_lines_of_a_file(server: ChatServer, path: Path) -> None:
    """The first line has request and response, then comes a line a read, then the end."""
    server.answer("openai", "Hi", headers={"X-A": "b"})
    recorded(server, path, {"model": "m"})
    first, *reads, end = lines_of(path)
    assert first["chatsdk"] == 1
    assert first["request"]["method"] == "POST"
    assert first["request"]["url"] == server.url + "/"
    assert first["request"]["body"] == {"model": "m"}
    assert first["response"]["status"] == 200
    assert first["response"]["headers"]["X-A"] == "b"
    times = [line["at"] for line in [*reads, end]]
    assert times == sorted(times)
    assert all(0 <= at < 60 for at in times)
    assert b"".join(base64.b64decode(line["bytes"]) for line in reads).endswith(b"[DONE]\n\n")
    assert end["end"] == "whole"


@pytest.mark.parametrize("name", dialects.names())
def test_same_answer(server: ChatServer, path: Path, name: str) -> None:
    """A recording decodes to the same Answer as the live stream, in every dialect we write."""
    try:
        server.answer(name, "Hello, world", reasoning="Hm.")
    except ValueError:
        pytest.skip("chatsdk only reads this dialect")
    live = recorded(server, path, dialect=name)
    assert load(path).answer(name) == live
    assert load(path).answer(name).text == live.text


def test_same_answer_of_compressed_body(server: ChatServer, path: Path) -> None:
    """The bytes are recorded without the compression."""
    server.answer("openai", "Hello", encoding="gzip")
    live = recorded(server, path)
    assert load(path).answer() == live


def test_same_times(server: ChatServer, path: Path) -> None:
    """The answer of a recording has the times of the live stream."""
    server.answer("openai", "Hello there", pace=0.1)
    live = recorded(server, path).timings
    again = load(path).answer().timings
    assert again.first_text == pytest.approx(live.first_text, abs=0.05)
    assert again.duration == pytest.approx(live.duration, abs=0.1)
    assert again.events == live.events


def test_refusal(server: ChatServer, path: Path) -> None:
    """A refusal is recorded, and raised again as the same error."""
    server.reply(418, json={"error": {"message": "a teapot", "code": "tea"}})
    with pytest.raises(HTTPStatusError) as live:
        recorded(server, path)
    recording = load(path)
    assert recording.status == 418
    with pytest.raises(HTTPStatusError) as again:
        recording.answer("openai")
    assert again.value.message == live.value.message == "a teapot"
    assert again.value.code == "tea"


def test_cut(server: ChatServer, path: Path) -> None:
    """A stream that broke off is recorded as cut, and breaks off again."""
    server.stream([Send('data: {"choices":[{"delta":{"content":"He"}}]}\n\n'), Cut()])
    with pytest.raises(StreamInterrupted):
        recorded(server, path)
    recording = load(path)
    assert recording.end == "cut"
    with pytest.raises(StreamInterrupted) as again:
        recording.answer("openai")
    assert again.value.answer.text == "He"


def test_timeout(server: ChatServer, path: Path) -> None:
    """A stream that fell silent is recorded as a timeout."""
    server.stream([Send('data: {"choices":[{"delta":{"content":"He"}}]}\n\n'), Hang()])
    with pytest.raises(ChatTimeout):
        recorded(server, path, timeout=Timeout(idle=0.1))
    assert load(path).end == "timeout"
    with pytest.raises(ChatTimeout):
        load(path).answer("openai")


def test_stopped(server: ChatServer, path: Path) -> None:
    """A stream that the reader left is recorded as stopped."""
    server.stream([Send('data: {"choices":[{"delta":{"content":"He"}}]}\n\n'), Hang()])
    with Recorder(path) as recorder, ChatClient(server.url, dialect="openai", tap=recorder) as c:
        stream = c.send({})
        next(stream)
        stream.close()
    assert load(path).end == "stopped"


def test_sent_again(server: ChatServer, path: Path) -> None:
    """If a request is sent again, the last response is the one that is kept."""
    server.busy(retry_after=0)
    server.answer("openai", "Hi")
    recorded(server, path)
    assert load(path).status == 200
    assert load(path).answer().text == "Hi"
    assert len([line for line in lines_of(path) if "chatsdk" in line]) == 1


def test_bytes_alone(path: Path) -> None:
    """As a plain tap it knows neither request nor response."""
    with Recorder(path) as recorder:
        recorder(b"data: x\n\n", 10.5)
    assert lines_of(path)[0] == FIRST
    recording = load(path)
    assert (recording.request, recording.response, recording.end) == (None, None, "whole")
    assert recording.answer("raw").text == "x"


def test_path_that_cannot_be_written(tmp_path: Path) -> None:
    """It is known before anything is sent."""
    with pytest.raises(OSError, match="No such file"):
        Recorder(tmp_path / "missing" / "answer.jsonl")


# Secrets --------------------------------------------------------------------------------------


def everything_in(path: Path) -> bytes:
    """The file, and what its base64 holds, in one piece."""
    bodies = [base64.b64decode(line["bytes"]) for line in lines_of(path) if "bytes" in line]
    return path.read_bytes() + b"".join(bodies)


@pytest.mark.parametrize(
    "options",
    [
        {"token": SECRET},
        {"headers": {"Cookie": f"session={SECRET}"}},
        {"headers": {"X-Api-Key": SECRET}},
    ],
    ids=["token", "cookie", "header"],
)
def test_secret_in_a_header(server: ChatServer, path: Path, options: dict) -> None:
    """A secret is masked where it was sent and where the backend repeats it."""
    server.answer("openai", f"Your key is {SECRET}!", headers={"X-Echo": SECRET})
    recorded(server, path, **options)
    assert SECRET.encode() not in everything_in(path)
    assert load(path).answer().text == f"Your key is {'*' * len(SECRET)}!"


def test_secret_in_the_body(server: ChatServer, path: Path) -> None:
    """A key in a field of the body is masked; the other fields are kept."""
    server.answer("openai", f"Your key is {SECRET}!")
    recorded(server, path, {"inner": [{"api_key": SECRET}], "session_id": "s-1234"})
    assert SECRET.encode() not in everything_in(path)
    body = lines_of(path)[0]["request"]["body"]
    assert body == {"inner": [{"api_key": "***"}], "session_id": "s-1234"}


@pytest.mark.parametrize("name", ["key", "api_key", "access_token", "sig", "q"])
def test_secret_in_the_query(server: ChatServer, path: Path, name: str) -> None:
    """A key in the query is masked, whatever its name; other fields are kept."""
    server.answer("openai", f"Your key is {SECRET}{SECRET}!")
    with (
        Recorder(path) as recorder,
        ChatClient(
            f"{server.url}/?alt=sse&{name}={SECRET}{SECRET}",
            dialect="openai",
            tap=recorder,
            exact_url=True,
        ) as client,
    ):
        client.send({}).result()
    assert SECRET.encode() not in everything_in(path)
    assert lines_of(path)[0]["request"]["url"].endswith(f"/?alt=sse&{name}=***")


def test_secret_in_pieces(server: ChatServer, path: Path) -> None:
    """A secret that comes a byte a read is masked, and each read keeps its length."""
    frame = f'data: {{"choices":[{{"delta":{{"content":"{SECRET}"}}}}]}}\n\ndata: [DONE]\n\n'
    server.stream([Drip(frame, 0.001)])
    recorded(server, path, token=SECRET)
    reads = load(path).reads
    assert sum(len(data) for _, data in reads) == len(frame)
    assert len(reads) > 20
    assert load(path).answer("openai").text == "*" * len(SECRET)


@given(
    text=st.lists(st.sampled_from([b"secret-1234", b"sec", b"secr", b"et-1234", b" ", b"x"])),
    data=st.data(),
)
def test_mask_does_not_depend_on_the_cuts(text: list[bytes], data: st.DataObject) -> None:
    """However a body is cut, the same bytes are masked, and no piece changes its length."""
    mask = Mask()
    mask.add("secret-1234")
    whole = b"".join(text)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    stream = mask.stream()
    masked = [piece for one in pieces for piece, _ in stream.feed(one, 0.0)]
    masked += [piece for piece, _ in stream.finish()]
    assert list(map(len, masked)) == list(map(len, pieces))
    assert b"secret-1234" not in b"".join(masked)
    kept = [(a, b) for a, b in zip(whole, b"".join(masked), strict=True) if a != b]
    assert all(b == ord("*") for _, b in kept)


# Reading --------------------------------------------------------------------------------------


@given(at=st.integers(0, 400))
def test_file_that_breaks_off(at: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A file that ends anywhere behind its first line is played as cut."""
    path = tmp_path_factory.mktemp("cut") / "r.jsonl"
    written(path, FIRST, *[read_line(b"data: x\n\n", n / 10) for n in range(5)])
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    path.write_bytes(whole[: first + at])
    recording = load(path)
    assert recording.end == "cut"
    assert all(data == b"data: x\n\n" for _, data in recording.reads)


def test_later_version(path: Path) -> None:
    """A version that is not known is refused, with what to do."""
    with pytest.raises(ValueError, match="version 2, and this chatsdk reads version 1: install"):
        load(written(path, FIRST | {"chatsdk": 2}))


@pytest.mark.parametrize("content", [b"", b"hello", b"[1]", b"\x00\xff", b'{"a": 1}'])
def test_not_a_recording(path: Path, content: bytes) -> None:
    """Anything else is a ValueError that names the file."""
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"answer\.jsonl"):
        load(path)


def test_broken_line_in_the_middle(path: Path) -> None:
    """A line that is not part of a recording is named by its number."""
    written(path, FIRST, {"nothing": 1}, read_line(b"x"))
    with pytest.raises(ValueError, match="line 2"):
        load(path)


@pytest.mark.parametrize("status", [None, True, "200", 2e2, [], 0, 99, 1000, float("inf")])
def test_status_that_http_does_not_have(path: Path, status: object) -> None:
    """An edited status that could not be played is refused when the file is loaded."""
    written(path, FIRST | {"response": {"status": status, "headers": {}}}, read_line(b"x"))
    with pytest.raises(ValueError, match="number from 100 to 999"):
        load(path)


@pytest.mark.parametrize("at", [-1, float("nan"), float("inf")])
def test_time_that_cannot_be(path: Path, at: float) -> None:
    """An edited time that is too long to wait for is refused with its line."""
    line = {"at": at, "bytes": ""}
    written(path, FIRST, line, read_line(b"x"))
    with pytest.raises(ValueError, match="line 2"):
        load(path)


def test_constant_memory(path: Path) -> None:
    """200,000 events are written and read back without being held."""
    count = 200_000
    data = b"data: " + b"x" * 100 + b"\n\n"
    tracemalloc.start()
    try:
        with Recorder(path) as recorder:
            for number in range(count):
                recorder(data, float(number))
        recording = load(path)
        assert len(recording.reads) == count
        assert sum(len(data) for _, data in recording.reads) == count * len(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000
    assert recording.reads[count - 1] == (recording.reads[-1][0], data)
    assert [at for at, _ in recording.reads[:2]] == [0.0, 1.0] or recording.reads[1][0] > 0


# HAR and curl ---------------------------------------------------------------------------------


def har(*, text: str | None = "data: hello\n\n", mime: str = "text/event-stream", **content):
    content = {"mimeType": mime, **({} if text is None else {"text": text}), **content}
    fields = [
        {"name": "authorization", "value": f"Bearer {SECRET}"},
        {"name": ":path", "value": "/x"},
    ]
    page = {
        "request": {"method": "GET", "url": "https://x/", "headers": []},
        "response": {"status": 200, "headers": [], "content": {"mimeType": "text/html"}},
    }
    entry = {
        "request": {
            "method": "POST",
            "url": "https://x/chat?api_key=k-12345",
            "headers": fields,
            "postData": {"text": '{"q": 1}'},
        },
        "response": {
            "status": 200,
            "headers": [{"name": "content-type", "value": mime}],
            "content": content,
        },
        "timings": {"blocked": -1, "send": 5, "wait": 95, "receive": 900},
    }
    return {"log": {"entries": [page, entry]}}


def test_har(path: Path) -> None:
    """The first event stream of a HAR file is read, and its secrets are masked."""
    path.write_text(json.dumps(har(text=f"data: {SECRET} k-12345\n\n")), "utf-8")
    recording = load(path)
    assert recording.request == {
        "method": "POST",
        "url": "https://x/chat?api_key=***",
        "headers": {"authorization": "***"},
        "body": {"q": 1},
    }
    masked = f"data: {'*' * len(SECRET)} *******\n\n".encode()
    assert list(recording.reads) == [(0.1, masked)]


def test_har_in_base64(path: Path) -> None:
    """A body in base64 is decoded."""
    text = base64.b64encode("data: é\n\n".encode()).decode()
    path.write_text(json.dumps(har(text=text, encoding="base64"), indent=2), "utf-8")
    assert load(path).answer("raw").text == "é"


def test_har_without_a_body(path: Path) -> None:
    """The error of a HAR file without its body explains how to save it."""
    path.write_text(json.dumps(har(text=None)), "utf-8")
    with pytest.raises(ValueError, match=r"no body of the event stream https://x/chat") as error:
        load(path)
    assert "chatsdk record" in str(error.value)
    assert "k-12345" not in str(error.value)


def test_har_without_a_stream(path: Path) -> None:
    """A HAR file without an event stream is an error that mentions it."""
    path.write_text(json.dumps(har(mime="application/json")), "utf-8")
    with pytest.raises(ValueError, match="no entry of this HAR file is an event stream"):
        load(path)


def places(value: object, *place: object) -> Iterator[tuple[object, ...]]:
    """The keys that lead to each value within a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield (*place, key)
        if isinstance(item, (dict, list)):
            yield from places(item, *place, key)


@pytest.mark.parametrize("value", [None, 5, "x", [], {}, [1], {"a": 1}, float("inf")], ids=repr)
def test_har_with_an_odd_value(path: Path, value: object) -> None:
    """A HAR file with any value in any place is read, or refused with its name."""
    for *outer, last in places(har()):
        edited = inner = har()
        for key in outer:
            inner = inner[key]
        inner[last] = value
        path.write_text(json.dumps(edited), "utf-8")
        refused = ""
        try:
            load(path)
        except ValueError as error:
            refused = str(error)
        assert path.name in refused or not refused


def test_curl(path: Path) -> None:
    """The output of curl -i is read; interim heads are skipped, cookies masked."""
    path.write_bytes(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        b"Set-Cookie: id=" + SECRET.encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"data: hello\n\n"
    )
    recording = load(path)
    assert recording.status == 200
    assert SECRET not in str(recording.response)
    assert recording.answer("raw").text == "hello"


def test_curl_without_a_body(path: Path) -> None:
    """The error of a lone head mentions the missing body."""
    path.write_bytes(b"HTTP/2 200\r\ncontent-type: text/event-stream\r\n\r\n")
    with pytest.raises(ValueError, match="no body"):
        load(path)
