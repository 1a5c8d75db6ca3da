"""`chatsdk.doctor`: verdicts, findings and what they claim, against real sockets."""

from __future__ import annotations

import json
import zlib

import pytest

from chatsdk.cli import main
from chatsdk.doctor import Report, diagnose
from chatsdk.testing import (
    ChatServer,
    Cut,
    Hang,
    Pause,
    RefusingPort,
    RelayServer,
    Send,
    SendRaw,
)

SECRET = "sk-Qx7Rt5Zp9Wm3Kd8"

INFO = {"close-delimited", "http-1.0", "no-cache-control", "no-accel-header", "cors"}

FINDING_KEYS = ["code", "severity", "culprit", "what", "evidence", "remedy", "who"]
PROBE_KEYS = [
    *("accept_encoding", "status", "http_version", "headers", "headers_s", "first_byte_s"),
    *("end_s", "framing", "content_encoding", "reads", "events", "gaps_s", "class"),
]


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


def event(number: int, size: int = 20) -> bytes:
    return b"data: %d %b\n\n" % (number, b"x" * size)


def paced(count: int, gap: float, size: int = 20) -> list:
    steps: list = [Send(event(0, size))]
    for number in range(1, count):
        steps += [Pause(gap), Send(event(number, size))]
    return steps


def grave(report: Report) -> list[tuple[str, str | None]]:
    """Code and culprit of each error and warning."""
    return [(one.code, one.culprit) for one in report.findings if one.severity != "info"]


def examined(server: ChatServer, steps: object, **options) -> Report:
    server.stream(steps, repeat=True, **options)
    return diagnose(server.url, {}, timeout=30)


PACES = pytest.mark.parametrize(
    ("count", "gap"), [(3, 0.005), (100, 0.005), (3, 0.2), (12, 0.1)], ids=str
)


# Delivery -------------------------------------------------------------------------------------


@PACES
@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_healthy(server: ChatServer, count: int, gap: float, framing: str) -> None:
    """A healthy backend gets no warning."""
    report = examined(server, lambda _: paced(count, gap), framing=framing)
    assert (report.verdict, grave(report)) == ("streams", [])
    assert len(server.requests) == 2


def test_healthy_at_once(server: ChatServer) -> None:
    """A backend that is done within a moment is healthy as well."""
    server.answer("openai", "Hello there", repeat=True)
    report = diagnose(server.url, {}, timeout=30)
    assert (report.verdict, report.dialect, grave(report)) == ("streams", "openai", [])


def test_healthy_compression(server: ChatServer) -> None:
    """Compression that is flushed after each event is healthy."""
    report = examined(server, lambda _: paced(10, 0.02), encoding="gzip")
    assert (report.verdict, grave(report)) == ("streams", [])


@PACES
def test_compression_not_flushed(server: ChatServer, count: int, gap: float) -> None:
    """A burst that only gzip causes is a warning; chatsdk is not affected, and that is said."""
    server.stream(lambda _: paced(count, gap), repeat=True)
    with RelayServer(server.url, "gzip") as relay:
        report = diagnose(relay.url, {}, timeout=30)
    assert (report.verdict, grave(report)) == ("streams", [("compression-not-flushed", None)])
    assert [probe["class"] for probe in report.probes] == ["streamed", "burst"]
    assert "your script is not affected" in report.findings[0].what


def test_compression_of_large_events(server: ChatServer) -> None:
    """Large events come late, in few pieces."""
    noise = [bytes(zlib.compress(b"%d" % n * 99).hex() * 200, "ascii") for n in range(20)]

    def steps(_: object) -> list:
        return [step for one in noise for step in (Send(b"data: " + one + b"\n\n"), Pause(0.02))]

    server.stream(steps, repeat=True)
    with RelayServer(server.url, "gzip") as relay:
        report = diagnose(relay.url, {}, timeout=30)
    assert ("compression-not-flushed", None) in grave(report)


@pytest.mark.parametrize(
    ("headers", "culprit", "word"),
    [
        ({"X-Powered-By": "Express"}, "express-compression", "webpack-dev-server"),
        ({"X-Powered-By": "Express", "X-Real-Url": "http://10.0.0.7/x"}, "umi", "COMPRESS=none"),
        (
            {"X-Powered-By": "Express", "Cross-Origin-Resource-Policy": "same-origin"},
            "webpack-dev-server",
            "compress: false",
        ),
        ({"Server": "Caddy"}, "caddy-encode", "encode @rest"),
    ],
    ids=["express", "umi", "webpack", "caddy"],
)
def test_compressor(server: ChatServer, headers: dict, culprit: str, word: str) -> None:
    """The culprit is recognised by its header fields, and the remedy is what to type."""
    server.stream(lambda _: paced(6, 0.03), headers=headers, repeat=True)
    with RelayServer(server.url, "gzip") as relay:
        report = diagnose(relay.url, {}, timeout=30)
    assert grave(report) == [("compression-not-flushed", culprit)]
    assert word in report.findings[0].remedy
    assert "10.0.0.7" not in str(report.to_dict())


@PACES
@pytest.mark.parametrize(
    ("name", "code", "culprit"),
    [
        (None, "proxy-buffering", None),
        ("nginx/1.22.1", "proxy-buffering", "nginx"),
        ("gunicorn", "gateway-reads-whole-body", "gunicorn"),
        ("uvicorn", "gateway-reads-whole-body", None),
    ],
)
def test_buffered(
    server: ChatServer, count: int, gap: float, name: str | None, code: str, culprit: str | None
) -> None:
    """A body that is held back to its end is a burst; the report shows how to find the cause."""
    headers = {} if name is None else {"Server": name}
    server.stream(lambda _: paced(count, gap), headers=headers, repeat=True)
    with RelayServer(server.url, "buffer") as relay:
        report = diagnose(relay.url, {}, timeout=30)
    assert (report.verdict, grave(report)) == ("burst", [(code, culprit)])
    assert "ask the backend directly" in report.findings[0].what
    assert report.findings[0].evidence["events"] == count


def test_buffered_behind_its_head(server: ChatServer) -> None:
    """So is one whose head comes first."""
    whole = b"".join(event(number) for number in range(10))
    report = examined(server, lambda _: [Send(b": hi\n\n"), Pause(0.5), Send(whole)])
    assert (report.verdict, grave(report)) == ("burst", [("proxy-buffering", None)])


def test_grouped_writes(server: ChatServer) -> None:
    """Steady groups of whole events are the backend's."""
    server.stream(lambda _: paced(20, 0.02), repeat=True)
    with RelayServer(server.url, "group=5") as relay:
        report = diagnose(relay.url, {}, timeout=30)
    assert (report.verdict, grave(report)) == ("late", [("grouped-writes", None)])
    assert report.findings[0].evidence["events_at_a_time"] == 5
    assert report.findings[0].who == "backend"


@pytest.mark.parametrize(("each", "every"), [(2, 0.4), (5, 0.25), (40, 0.2)])
def test_delayed_pairs(server: ChatServer, each: int, every: float) -> None:
    """Events with a chunk each that come together every 200 to 250 ms, or every second gap."""

    def steps(_: object) -> list:
        found: list = [Send(event(0))]
        for group in range(4):
            chunks = [
                b"%X\r\n%b\r\n" % (len(one), one)
                for one in (event(group * each + n) for n in range(each))
            ]
            found += [Pause(every), SendRaw(b"".join(chunks))]
        return found

    report = examined(server, steps)
    assert [code for code, _ in grave(report)] == ["delayed-pairs"]
    assert report.verdict == "late"
    assert report.findings[0].evidence["events_at_a_time"] == each
    assert "option http-no-delay" in report.findings[0].remedy


def test_held_by_size(server: ChatServer) -> None:
    """Pieces of a fixed size that cut events anywhere are a buffer's."""
    body = b"".join(event(number, 700) for number in range(40))

    def steps(_: object) -> list:
        found: list = [Send(body[:3900])]
        for start in range(3900, len(body), 4096):
            found += [Pause(0.05), Send(body[start : start + 4096])]
        return found

    report = examined(server, steps, headers={"Server": "nginx"})
    assert (report.verdict, grave(report)) == ("late", [("held-by-size", "nginx")])
    assert report.findings[0].evidence["piece_bytes"] == 4096


def test_compression_one_behind(server: ChatServer) -> None:
    """Each event can be read only with the next."""

    def steps(request) -> list:
        if "gzip" not in request.headers["accept-encoding"]:
            return paced(8, 0.03)
        compressor = zlib.compressobj(wbits=31)
        found: list = []
        kept = b""
        for number in range(8):
            data = compressor.compress(event(number)) + compressor.flush(zlib.Z_SYNC_FLUSH)
            # The end of each piece waits for the next.
            found += [Send(kept + data[:-6]), Pause(0.03)]
            kept = data[-6:]
        return [*found, Send(kept + compressor.flush())]

    server.stream(steps, repeat=True)
    gzip = {"Content-Encoding": "gzip"}
    with ChatServer(
        lambda request: _with_headers(steps(request), gzip if len(both.requests) > 1 else {})
    ) as both:
        report = diagnose(both.url, {}, timeout=30)
    assert (report.verdict, grave(report)) == ("streams", [("compression-one-behind", None)])


def _with_headers(steps: list, headers: dict):
    from chatsdk.testing import Head, Script

    return Script(Head(headers=headers), steps=steps)


# Silence --------------------------------------------------------------------------------------


def test_silence(server: ChatServer) -> None:
    """From 5 s on, silence is a warning with its seconds and the timeout that matters."""
    report = examined(
        server, lambda _: [SendRaw(b""), Pause(5.1), *paced(2, 5.1), Pause(0.1), Send(event(3))]
    )
    assert grave(report) == [("slow-first-event", None), ("silent-gaps", None)]
    assert report.verdict == "streams"
    first, gaps = report.findings[:2]
    assert 5 <= first.evidence["first_event_s"] < 8
    assert "Timeout(first_event=" in first.remedy
    assert 5 <= gaps.evidence["longest_gap_s"] < 8
    assert "Timeout(idle=" in gaps.remedy


def test_stream_that_goes_on(server: ChatServer) -> None:
    """A stream that goes on after the time is judged by what came."""
    server.stream(lambda _: [*paced(5, 0.05), Hang()], repeat=True)
    report = diagnose(server.url, {}, timeout=1)
    assert (report.verdict, grave(report)) == ("streams", [])


# Other responses than a stream ----------------------------------------------------------------

JSON_LINES = b'{"a": 1}\n{"a": 2}\n{"a": 3}\n'

BODIES = {
    "html-page": (b"<!doctype html><p>Sign in", "text/html"),
    "json-refusal": (b'{"error": {"message": "no quota"}}', "application/json"),
    "not-an-event-stream": (b'{"answer": 42}', "application/json"),
    "empty-body": (b"", "text/event-stream"),
    "aws-event-stream": (b"\x00\x00\x00\x40\x00", "application/vnd.amazon.eventstream"),
    "no-data-field": (JSON_LINES, "text/event-stream"),
    "no-blank-line": (b'data: {"a": 1}\ndata: {"a": 2}\ndata: {"a": 3}\n', "text/event-stream"),
}


@pytest.mark.parametrize("code", BODIES)
def test_no_stream(server: ChatServer, code: str) -> None:
    """A response that is not a stream has a code, evidence and a remedy."""
    body, content_type = BODIES[code]
    server.reply(200, body=body, content_type=content_type, repeat=True)
    report = diagnose(server.url, {}, timeout=30)
    assert report.verdict == "no stream"
    assert code in [found for found, _ in grave(report)]
    finding = next(one for one in report.findings if one.code == code)
    assert finding.remedy
    assert finding.evidence
    assert report.probes[0]["class"] is None
    # Each request may be billed.
    assert len(server.requests) == 1


def test_comments_alone(server: ChatServer) -> None:
    """Signs of life are not a stream."""
    report = examined(server, lambda _: [b": ping\n\n", b": ping\n\n"])
    assert (report.verdict, grave(report)) == ("no stream", [("empty-body", None)])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 429, 500, 503])
def test_status(server: ChatServer, status: int) -> None:
    """A refusal has its status and the backend's message."""
    server.reply(status, json={"error": {"message": "not so"}}, repeat=True)
    report = diagnose(server.url, {}, timeout=30)
    (finding,) = report.findings
    assert (report.verdict, finding.code) == ("no stream", "http-status")
    assert finding.evidence["status"] == status
    assert "not so" in finding.what
    assert finding.remedy
    assert len(server.requests) == 1


def test_likely_path(server: ChatServer) -> None:
    """A 404 suggests the right path if it is known."""
    server.reply(404, repeat=True)
    report = diagnose(f"{server.url}/v1", {}, dialect="openai", exact_url=True, timeout=30)
    assert f"{server.url}/v1/chat/completions" in report.findings[0].remedy


def test_redirect(server: ChatServer) -> None:
    """A redirect is not followed, and its secrets are not shown."""
    server.redirect(f"/other?token={SECRET}", status=302)
    report = diagnose(server.url, {}, timeout=30)
    assert grave(report) == [("redirect", None)]
    assert SECRET not in json.dumps(report.to_dict())
    assert len(server.requests) == 1


def test_endless_page(server: ChatServer) -> None:
    """A body of 200 MiB is not read to its end."""
    script = server.stream([Send(b"<p>" * 400_000)] * 170, content_type="text/html")
    report = diagnose(server.url, {}, timeout=30)
    assert report.verdict == "no stream"
    script.wait_for_disconnect()


# Frames ---------------------------------------------------------------------------------------

FRAMES = {
    "byte-order-mark": b"\xef\xbb\xbfdata: a\n\ndata: b\n\n",
    "bad-utf8": b"data: a\n\ndata: caf\xe9 x\n\n",
    "bad-json": b"data: {\"a\": 1}\n\ndata: {'a': 2}\n\n",
    "blank-line-inside": b'data: {\n\n  "a": 1}\n\ndata: {"a": 2}\n\n',
    "no-blank-line": b'data: {"a": 1}\ndata: {"a": 2}\n\ndata: {"a": 3}\n\n',
}


@pytest.mark.parametrize("code", FRAMES)
def test_frames(server: ChatServer, code: str) -> None:
    """A fault of the frames is named, with the number of the event where there is one."""
    body = FRAMES[code]
    report = examined(server, lambda _: [Send(body[:20]), Pause(0.02), Send(body[20:])])
    finding = next(one for one in report.findings if one.code == code)
    assert finding.severity != "info"
    assert finding.remedy
    if code in ("bad-utf8", "bad-json"):
        assert finding.evidence["event"] == 2
    if code == "bad-utf8":
        assert finding.evidence["bytes"].startswith("e9")


def test_charset(server: ChatServer) -> None:
    """Another charset is a warning."""
    report = examined(
        server, lambda _: paced(3, 0.02), content_type="text/event-stream; charset=gbk"
    )
    assert grave(report) == [("charset", None)]


def test_lines_of_json_as_such(server: ChatServer) -> None:
    """JSON lines with that content type stream; an empty panel in the browser is only a note."""
    report = examined(
        server,
        lambda _: [
            step for line in JSON_LINES.splitlines(True) for step in (Send(line), Pause(0.05))
        ],
        content_type="application/x-ndjson",
    )
    assert (report.verdict, grave(report)) == ("streams", [])
    assert "no-data-field" in [finding.code for finding in report.findings]


# Endings --------------------------------------------------------------------------------------


def test_cut(server: ChatServer) -> None:
    """A body that ends before its framing ends is truncated."""
    report = examined(server, lambda _: [*paced(3, 0.02), Cut()])
    assert grave(report) == [("cut", None)]


def test_bad_chunking(server: ChatServer) -> None:
    """A chunk whose size is not a number is named."""
    report = examined(server, lambda _: [*paced(3, 0.02), SendRaw(b"zz\r\nx\r\n"), Cut()])
    assert grave(report) == [("bad-chunking", None)]


def test_not_compressed_as_it_says(server: ChatServer) -> None:
    """A plain body that claims to be compressed is not called empty, nor its chunks wrong."""
    server.stream(["data: x\n\n"], headers={"Content-Encoding": "gzip"}, repeat=True)
    (finding,) = diagnose(server.url, {}, timeout=30).findings
    assert finding.code == "bad-chunking"
    assert "compressed body" in finding.what
    assert "Content-Encoding" in finding.remedy


def test_coding_that_nobody_asked_for(server: ChatServer) -> None:
    """A body in a coding that cannot be read is named, and is neither empty nor cut."""
    server.stream(["\x0b\x02data"], headers={"Content-Encoding": "br"}, repeat=True)
    (finding,) = diagnose(server.url, {}, timeout=30).findings
    assert (finding.code, finding.evidence["content_encoding"]) == ("not-an-event-stream", "br")


def test_first_event_without_an_end(server: ChatServer) -> None:
    """An event that never ends is a finding; one of some megabytes is not."""
    server.stream([b"data: half an event\n", Hang()])
    report = diagnose(server.url, {}, timeout=1)
    assert (report.verdict, grave(report)) == ("no stream", [("no-blank-line", None)])
    large = b"data: " + b"x" * 3_000_000 + b"\n\n"
    report = examined(server, lambda _: [large, *paced(5, 0.02)])
    assert report.verdict == "streams"


def test_no_end_marker(server: ChatServer) -> None:
    """A stream of a known dialect without its marker looks like a truncated one."""
    chunk = 'data: {"object":"chat.completion.chunk","choices":[{"delta":{"content":"a"}}]}\n\n'
    report = examined(server, lambda _: [chunk, Pause(0.05), chunk])
    assert (report.dialect, grave(report)) == ("openai", [("no-end-marker", None)])


def test_harmless(server: ChatServer) -> None:
    """A harmless fact is a note, and disappears with the header."""
    report = examined(server, lambda _: paced(3, 0.02), framing="close")
    assert {one.code for one in report.findings} == INFO - {"http-1.0"}
    with ChatServer() as other:
        headers = {
            "Cache-Control": "no-cache, no-transform",
            "X-Accel-Buffering": "no",
            "Access-Control-Allow-Origin": "*",
        }
        report = examined(other, lambda _: paced(3, 0.02), headers=headers)
    assert report.findings == ()


# Unreachable ----------------------------------------------------------------------------------


def test_refused() -> None:
    """A refused port is no connection."""
    with RefusingPort() as port:
        report = diagnose(port.url, {}, timeout=5)
    assert (report.verdict, grave(report)) == ("unreachable", [("no-connection", None)])
    assert report.probes[0]["status"] is None


def test_unknown_host() -> None:
    """So is a host that does not resolve."""
    report = diagnose("http://nowhere.invalid/x", {}, timeout=5)
    assert grave(report) == [("no-connection", None)]


def test_tls() -> None:
    """A certificate that is not trusted is not accepted."""
    pytest.importorskip("trustme")
    with ChatServer(tls=True) as server:
        report = diagnose(server.url, {}, timeout=5)
        assert not server.requests
    assert grave(report) == [("tls", None)]


@pytest.mark.parametrize("how", ["silent", "drop", "not http"])
def test_no_answer(server: ChatServer, how: str) -> None:
    """A server that sends nothing, closes or speaks another protocol gives no answer."""
    if how == "silent":
        server.silent()
    elif how == "drop":
        server.drop()
    else:
        server.raw(b"SSH-2.0-OpenSSH_9.2\r\n")
    report = diagnose(server.url, {}, timeout=1)
    assert (report.verdict, grave(report)) == ("unreachable", [("no-answer", None)])


# The report -----------------------------------------------------------------------------------


def test_shape(server: ChatServer) -> None:
    """`to_dict` has the keys of the contract, and is JSON."""
    report = examined(server, lambda _: paced(4, 0.05))
    value = json.loads(json.dumps(report.to_dict()))
    assert list(value) == ["url", "verdict", "dialect", "findings", "probes"]
    assert all(list(finding) == FINDING_KEYS for finding in value["findings"])
    assert all(list(probe) == PROBE_KEYS for probe in value["probes"])
    assert [probe["accept_encoding"] for probe in value["probes"]] == ["identity", "gzip, deflate"]
    probe = value["probes"][0]
    assert (probe["status"], probe["http_version"], probe["framing"]) == (200, "1.1", "chunked")
    assert [events for _, _, events in probe["reads"]] == [1, 1, 1, 1]
    assert [size for _, size, _ in probe["reads"]] == [len(event(n)) for n in range(4)]
    times = [at for at, _, _ in probe["reads"]]
    assert times == sorted(times)
    assert 0 < probe["headers_s"] <= probe["first_byte_s"] <= probe["end_s"]
    assert probe["gaps_s"]["p50"] >= 0.04


def test_no_secret(server: ChatServer) -> None:
    """However a secret was given and wherever the backend repeats it, it is not shown."""
    keys = ["tok-11112222", "coo-33334444", "que-55556666", "bod-77778888"]
    echo = " ".join(keys)
    server.stream(
        lambda _: [f'data: {{"x": {echo}\n\n', Pause(0.02), f"data: {echo}\n\n"],
        headers={"X-Echo": echo, "Set-Cookie": "id=set-99990000", "Server": keys[0]},
        repeat=True,
    )
    report = diagnose(
        f"{server.url}/?api_key={keys[2]}",
        {"secret": keys[3]},
        token=keys[0],
        headers={"Cookie": f"a={keys[1]}"},
        timeout=30,
    )
    shown = json.dumps(report.to_dict()) + repr(report)
    assert "bad-json" in shown
    assert not [key for key in [*keys, "set-99990000"] if key in shown]


# The command ----------------------------------------------------------------------------------


def test_command(server: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
    """A healthy backend is exit code 0."""
    server.stream(lambda _: paced(5, 0.05), repeat=True)
    assert main(["doctor", server.url, "--data", "{}", "--yes"]) == 0
    out = capsys.readouterr().out
    assert "It streams" in out
    assert "Nothing to mend" in out


def test_command_findings(server: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Findings are exit code 1, also where only others are hurt."""
    server.stream(lambda _: paced(5, 0.05), repeat=True)
    with RelayServer(server.url, "gzip") as relay:
        assert main(["doctor", relay.url, "--data", "{}", "--yes", "--json"]) == 1
    value = json.loads(capsys.readouterr().out)
    assert value["verdict"] == "streams"


def test_command_unreachable(capsys: pytest.CaptureFixture[str]) -> None:
    """An impossible request is exit code 2."""
    with RefusingPort() as port:
        assert main(["doctor", port.url, "--data", "{}", "--yes"]) == 2
    assert "no-connection" in capsys.readouterr().out


def test_command_with_nobody_to_ask(
    server: ChatServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `--yes` and without a terminal nothing is sent."""
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["doctor", server.url, "--data", "{}"]) == 2
    assert "--yes" in capsys.readouterr().err
    assert not server.requests


def test_command_escapes(server: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences of a backend never reach the terminal."""
    server.reply(500, json={"error": {"message": "\x1b]0;owned\x07"}}, repeat=True)
    main(["doctor", server.url, "--data", "{}", "--yes"])
    assert "\x1b" not in capsys.readouterr().out
