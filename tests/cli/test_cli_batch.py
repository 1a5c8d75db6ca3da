"""`chatsdk batch`: the prompts of a file."""

from __future__ import annotations

import io
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chatsdk.answer import Answer
from chatsdk.cli import main
from chatsdk.cli.answer_forms import as_json
from chatsdk.cli.background_reader import AHEAD, BackgroundReader
from chatsdk.cli.batch_output import BatchOutput
from chatsdk.cli.remedies import WrongArguments
from chatsdk.client.outcomes import NOT_YET
from chatsdk.testing import ChatServer, EmbeddedServer
from chatsdk.testing.answers import AnswerScript, answer_parts
from chatsdk.testing.response import Reply
from chatsdk.testing.waitable import WAIT_SECONDS

KEYS = ["index", *(["id"] + [name for name in as_json(Answer(), None) if name != "id"])]

SIX = {
    "openai": ["--model", "m"],
    "anthropic": ["--model", "m", "--option", "max_tokens=10"],
    "gemini": [],
    "ollama": ["--model", "m"],
    "dify": ["--option", "user=u"],
    "fastgpt": [],
}


def prompt_in(request) -> str:
    return request.json["messages"][-1]["content"]


def echo(request):
    """An answer that repeats the prompt; a 400 for the prompt "bad"."""
    prompt = prompt_in(request)
    if prompt == "bad":
        return Reply(400, json={"error": {"message": "this is bad"}})
    return AnswerScript("openai", answer_parts(prompt))


@pytest.fixture
def server():
    with ChatServer(echo) as server:
        yield server


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


class Files:
    """The input and the output of a test."""

    def __init__(self, folder) -> None:
        self.input = folder / "prompts.jsonl"
        self.output = folder / "answers.jsonl"

    def write(self, *lines) -> None:
        text = (line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
        self.input.write_bytes(b"\n".join(text))

    @property
    def lines(self) -> list[dict]:
        text = self.output.read_text(encoding="utf-8")
        assert text.endswith("\n") or not text
        return [json.loads(line) for line in text.splitlines()]

    def arguments(self, server, *options) -> list[str]:
        url = f"{server.url}/v1/chat/completions"
        return ["batch", url, str(self.input), "-o", str(self.output), *options]


def test_lines(server, files, capsys) -> None:
    """A line is a string or an object; the output has index, id and the fields of `ask --json`."""
    files.write(
        "Hi",
        {"prompt": "Yo", "id": "second", "temperature": 0.5},
        b"",
        {"messages": [{"role": "user", "content": "Hé"}], "id": {"deep": [3]}},
    )
    assert main(files.arguments(server)) == 0
    lines = files.lines
    assert [list(line) for line in lines] == [KEYS] * 3
    assert [(line["index"], line["id"], line["text"]) for line in lines] == [
        (0, None, "Hi"),
        (1, "second", "Yo"),
        (2, {"deep": [3]}, "Hé"),
    ]
    assert {request.json.get("temperature") for request in server.requests} == {None, 0.5}
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "chatsdk: 3 complete answers written\n"


@pytest.mark.parametrize("dialect", SIX)
def test_dialects(files, dialect) -> None:
    """Every prompt is answered in each dialect, and in order."""
    files.write(*(f"Number {number}?" for number in range(10)))
    with EmbeddedServer(dialect, pace=0) as server:
        arguments = ["batch", f"{server.url}/chat", str(files.input), "-o", str(files.output)]
        assert main([*arguments, "--dialect", dialect, *SIX[dialect], "--workers", "3"]) == 0
    assert [line["index"] for line in files.lines] == list(range(10))
    assert all(f"Number {line['index']}?" in line["text"] for line in files.lines)


def test_the_url_may_come_second(server, files) -> None:
    """The URL is recognised on either side of the file."""
    files.write("Hi")
    command, url, file, *rest = files.arguments(server)
    assert main([command, file, url, *rest]) == 0
    assert files.lines[0]["text"] == "Hi"


def test_standard_input(server, files, monkeypatch) -> None:
    """`-` reads the prompts from stdin."""
    monkeypatch.setattr(sys, "stdin", io.StringIO('"Hi"\n"Yo"\n'))
    command, url, _, *rest = files.arguments(server)
    assert main([command, url, "-", *rest]) == 0
    assert [line["text"] for line in files.lines] == ["Hi", "Yo"]


def test_a_system_message(server, files) -> None:
    """`--system` is sent with each prompt that has none."""
    own = [{"role": "system", "content": "Mine."}, {"role": "user", "content": "Yo"}]
    files.write("Hi", {"messages": own})
    assert main(files.arguments(server, "--system", "Be brief.", "--workers", "1")) == 0
    sent = [request.json["messages"][0]["content"] for request in server.requests]
    assert sent == ["Be brief.", "Mine."]


def test_failures(server, files, capsys) -> None:
    """A failed prompt has its error and partial text in its line, and the exit code is 1."""
    frame = b'data: {"choices":[{"index":0,"delta":{"content":"Half"}}]}\n\n'
    server.cut_after(len(frame), frame * 2)
    files.write("cut", "bad", "Hi")
    assert main(files.arguments(server, "--workers", "1")) == 1
    cut, bad, fine = files.lines
    assert (cut["text"], cut["error"]["type"]) == ("Half", "StreamInterrupted")
    assert (bad["text"], bad["error"]["status"]) == ("", 400)
    assert (fine["text"], fine["error"]) == ("Hi", None)
    assert "1 complete answer written; 2 failed (the first: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"nonsense", "it is not JSON"),
        (b'"caf\xe9"', "it is not UTF-8 text"),
        (b"[1]", "neither a string nor an object"),
        (b'{"id": 7}', 'it needs either "prompt" or "messages"'),
        (b'{"id": 7, "prompt": "a", "messages": []}', 'it needs either "prompt" or "messages"'),
        (b'{"id": 7, "prompt": ""}', '"prompt" is not a string, or empty'),
        (b'{"id": 7, "messages": "Hi"}', '"messages" is not a list'),
        (b'{"id": 7, "messages": [{"role": "nobody"}]}', "role"),
        (b'{"id": 7, "prompt": "a", "cancel": 1}', "cancel"),
        (b'{"id": 7, "prompt": "a", "max_rounds": 1}', "max_rounds"),
    ],
)
def test_a_line_that_cannot_be_asked(server, files, line, problem) -> None:
    """Such a line fails by itself, with its number and the reason; the others are asked."""
    files.write("Hi", line, "Yo")
    assert main(files.arguments(server)) == 1
    first, wrong, last = files.lines
    assert wrong["error"]["message"].startswith("line 2 of the input cannot be asked: ")
    assert problem in wrong["error"]["message"]
    assert wrong["id"] == (7 if b"id" in line else None)
    assert (first["text"], last["text"]) == ("Hi", "Yo")


@pytest.mark.parametrize(
    "options",
    [
        {"output": 5},
        {"output": {"type": "object", "properties": [1]}},
        {"output": {"type": "object", "required": 5}},
        {"output": {"$ref": "#/$defs/a", "$defs": 5}},
        {"repair": "no", "output": {"type": "object"}},
        {"tools": [5]},
    ],
)
def test_an_odd_option_disturbs_no_other_line(files, options) -> None:
    """A line whose options have odd values fails by itself."""
    files.write("Hi", {"prompt": "odd", **options}, "Yo")
    needed = ["--dialect", "anthropic", "--model", "m", "--option", "max_tokens=9"]
    with ChatServer(lambda request: AnswerScript("anthropic", answer_parts("Yes."))) as server:
        assert main(files.arguments(server, *needed)) == 1
    first, odd, last = files.lines
    assert odd["error"]["message"].startswith("line 2 of the input cannot be asked: ")
    assert (first["text"], last["text"]) == ("Yes.", "Yes.")


def test_a_line_with_output_without_its_extra(server, files, monkeypatch) -> None:
    """Without the packages of `output` such a line fails with the command that installs them."""
    monkeypatch.setitem(sys.modules, "jiter", None)
    files.write("Hi", {"prompt": "odd", "output": {"type": "object"}}, "Yo")
    assert main(files.arguments(server)) == 1
    first, odd, last = files.lines
    assert "pip install 'chatsdk[output]'" in odd["error"]["message"]
    assert (first["text"], last["text"]) == ("Hi", "Yo")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--workers", "0"], "from 1 to"),
        (["--workers", "many"], "from 1 to"),
        (["--modle", "m"], "did you mean --model?"),
        (["--progress", "--no-progress"], "not allowed with"),
    ],
)
def test_wrong_arguments(server, files, capsys, options, problem) -> None:
    """Wrong arguments are 2, and nothing is sent."""
    files.write("Hi")
    assert main(files.arguments(server, *options)) == 2
    assert problem in capsys.readouterr().err
    assert server.requests == []


def test_files_that_cannot_be_opened(server, files, capsys) -> None:
    """An input that is not there and an output that cannot be written are 2."""
    assert main(files.arguments(server)) == 2
    assert f"cannot read {files.input}" in capsys.readouterr().err
    files.write("Hi")
    files.output.mkdir()
    assert main(files.arguments(server)) == 2
    assert f"cannot write {files.output}" in capsys.readouterr().err
    assert server.requests == []


def test_the_output_is_not_overwritten(server, files, capsys) -> None:
    """An output with answers in it is kept unless `--resume` is given; an empty one is used."""
    files.write("Hi")
    files.output.write_text("")
    assert main(files.arguments(server)) == 0
    before = files.output.read_text()
    assert main(files.arguments(server)) == 2
    assert "--resume" in capsys.readouterr().err
    assert files.output.read_text() == before


# Resuming -----------------------------------------------------------------------------------


def test_resume(server, files, capsys) -> None:
    """`--resume` keeps complete answers, and asks what is missing, failed or half written."""
    files.write("a", {"prompt": "b", "id": "x"}, "c", "d")
    assert main(files.arguments(server)) == 0
    first, second, third, _ = files.output.read_text().splitlines(keepends=True)
    failed = json.dumps(json.loads(third) | {"error": {"type": "ChatError"}}) + "\n"
    files.output.write_text(first + failed + second + first[:40])
    asked = len(server.requests)
    assert main(files.arguments(server, "--resume")) == 0
    assert {prompt_in(request) for request in server.requests[asked:]} == {"c", "d"}
    assert [(line["index"], line["text"]) for line in files.lines] == [
        (0, "a"),
        (1, "b"),
        (2, "c"),
        (3, "d"),
    ]
    assert "2 complete answers written, after 2 that were there" in capsys.readouterr().err
    assert not files.output.with_name("answers.jsonl.part").exists()


def test_resume_without_an_output(server, files) -> None:
    """`--resume` begins if there is nothing to resume."""
    files.write("a")
    assert main(files.arguments(server, "--resume")) == 0
    assert len(files.lines) == 1


def test_resume_with_nothing_left(server, files) -> None:
    """A complete output is left as it is, and nothing is sent."""
    files.write("a", "b")
    assert main(files.arguments(server)) == 0
    before = files.output.read_bytes()
    assert main(files.arguments(server, "--resume")) == 0
    assert files.output.read_bytes() == before
    assert len(server.requests) == 2


def test_resume_with_another_input(server, files, capsys) -> None:
    """An output that has other ids belongs to another input: 2."""
    files.write({"prompt": "a", "id": "one"}, "b")
    assert main(files.arguments(server)) == 0
    files.write({"prompt": "a", "id": "two"}, "b")
    assert main(files.arguments(server, "--resume")) == 2
    assert "belongs to another input" in capsys.readouterr().err


def test_the_input_fails_in_the_middle(server, files, capsys) -> None:
    """The prompts before the fault are answered and counted; the exit code is 2."""
    files.write("a", "b", {"prompt": "c", "id": "mine"})
    files.output.write_text('{"index": 2, "id": "other", "error": null}\n')
    assert main(files.arguments(server, "--resume")) == 2
    assert [line["index"] for line in files.lines] == [2, 0, 1]
    shown = capsys.readouterr().err
    assert "2 complete answers written, after 1 that were there" in shown
    assert "belongs to another input" in shown


def test_an_input_that_breaks_off(server, files, capsys, monkeypatch) -> None:
    """An input that cannot be read further is 2; what was read before is answered."""

    class Broken(io.StringIO):
        def __next__(self):
            line = self.readline()
            if not line:
                raise OSError(5, "Input/output error")
            return line

    monkeypatch.setattr(sys, "stdin", Broken('"a"\n"b"\n'))
    command, url, _, *rest = files.arguments(server)
    assert main([command, url, "-", *rest]) == 2
    assert [line["text"] for line in files.lines] == ["a", "b"]
    shown = capsys.readouterr().err
    assert "2 complete answers written; stopped" in shown
    assert "cannot read -: Input/output error" in shown


def test_an_output_cut_anywhere_is_resumed(tmp_path) -> None:
    """Wherever a crash cut the output, its complete lines are kept, and no others."""
    lines = [
        json.dumps(
            {"index": index, "id": f"é{index}", "text": "ü", "error": None}, ensure_ascii=False
        )
        for index in (2, 0, 1)
    ]
    whole = "".join(f"{line}\n" for line in lines).encode()
    path = tmp_path / "answers.jsonl"
    for cut in range(1, len(whole) + 1):
        path.write_bytes(whole[:cut])
        complete = whole[:cut].count(b"\n")
        with BatchOutput(str(path), resume=True) as output:
            assert output.kept == complete
            assert [output.has(index, f"é{index}") for index in (2, 0, 1, 3)] == [
                *(place < complete for place in range(3)),
                False,
            ]
            output.write({"index": 3})
        kept = [json.loads(line)["index"] for line in path.read_text("utf-8").splitlines()]
        assert kept == [*(2, 0, 1)[:complete], 3]


@settings(max_examples=50)
@given(st.binary(min_size=1, max_size=200))
def test_an_output_of_anything_else_is_left_alone(tmp_path_factory, data) -> None:
    """A file that no batch wrote is refused, and keeps every byte."""
    assume(not b'{"index"'.startswith(data[:8]))
    path = tmp_path_factory.mktemp("batch") / "answers.jsonl"
    path.write_bytes(data)
    with pytest.raises(WrongArguments, match="line 1 is no answer"):
        BatchOutput(str(path), resume=True)
    assert path.read_bytes() == data
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize(
    "line",
    [
        b"my diary\n",
        b"my diary",
        b"\n",
        b'"Hi"\n',
        b"[0]\n",
        b'{"id": 1}\n',
        b'{"index": "0"}\n',
        b'{"index": true}\n',
        b'{"index": -1}\n',
        b'{"index": 1, "text": "caf\xe9"}\n',
    ],
)
def test_a_line_of_another_file_is_not_dropped(server, files, capsys, line) -> None:
    """`--resume` refuses an output with a foreign line: exit code 2, and the file is unchanged."""
    files.write("a", "b")
    before = b'{"index": 0, "id": null, "error": {}}\n' + line
    files.output.write_bytes(before)
    assert main(files.arguments(server, "--resume")) == 2
    assert "its line 2 is no answer" in capsys.readouterr().err
    assert files.output.read_bytes() == before
    assert server.requests == []


@pytest.mark.parametrize("options", [[], ["--resume"]])
def test_the_input_is_not_the_output(server, files, capsys, options) -> None:
    """The file of the prompts is not written over, under whichever name it is given: 2."""
    files.write({"index": 0, "prompt": "a"})
    before = files.input.read_bytes()
    files.output.symlink_to(files.input)
    assert main(files.arguments(server, *options)) == 2
    assert "the same file" in capsys.readouterr().err
    assert files.input.read_bytes() == before
    assert server.requests == []


def test_resume_keeps_the_mode_the_link_and_other_files(server, files) -> None:
    """`--resume` keeps the file's mode, a link to it, and a file that is called FILE.part."""
    files.write("a", "b")
    real = files.output.with_name("real.jsonl")
    real.write_text('{"index": 0, "id": null, "error": {}}\n')
    real.chmod(0o600)
    files.output.symlink_to(real)
    others = [files.output.with_name(f"{name}.jsonl.part") for name in ("real", "answers")]
    for other in others:
        other.write_text("mine")
    assert main(files.arguments(server, "--resume")) == 0
    assert [line["text"] for line in files.lines] == ["a", "b"]
    assert files.output.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o600
    assert [other.read_text() for other in others] == ["mine", "mine"]
    assert len(os.listdir(real.parent)) == 5


@pytest.mark.parametrize("options", [[], ["--unordered"]])
def test_ctrl_c_keeps_what_is_done_and_resume_does_the_rest(files, options) -> None:
    """After Ctrl-C the file has the complete answers; `--resume` adds the others: 130, then 0."""
    files.write("slow", "quick", *map(str, range(50)))
    ready = threading.Event()
    count = threading.Semaphore(0)
    free = threading.Event()

    def answer(request):
        if prompt_in(request) == "slow":
            # Until the test lets it through.
            ready.set()
            assert free.wait(WAIT_SECONDS)
        count.release()
        return echo(request)

    with ChatServer(answer) as server:
        arguments = files.arguments(server, "--workers", "2", *options)
        with subprocess.Popen(
            [sys.executable, "-m", "chatsdk", *arguments], stderr=subprocess.PIPE, text=True
        ) as process:
            assert ready.wait(WAIT_SECONDS)
            # Six requests after which the worker asks the next: five answers were read.
            for _ in range(6):
                assert count.acquire(timeout=WAIT_SECONDS)
            process.send_signal(signal.SIGINT)
            _, shown = process.communicate(timeout=WAIT_SECONDS)
        assert process.returncode == 130
        assert "--resume asks the rest" in shown
        assert "Traceback" not in shown
        kept = files.lines
        assert len(kept) >= 5
        assert {line["error"] for line in kept} == {None}
        assert 0 not in {line["index"] for line in kept}
        free.set()
        assert main(files.arguments(server, "--resume")) == 0
    assert sorted(line["index"] for line in files.lines) == list(range(52))
    # The kept lines are the first ones still.
    assert files.lines[: len(kept)] == kept


class Piped:
    """A batch whose prompts come from a pipe that stays open."""

    def __init__(self, files, server, *options) -> None:
        self._files = files
        command, url, _, *rest = files.arguments(server, *options)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "chatsdk", command, url, "-", *rest],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ask(self, *prompts: str) -> None:
        for prompt in prompts:
            self.process.stdin.write(f"{json.dumps(prompt)}\n")
        self.process.stdin.flush()

    def wait_for(self, count: int) -> None:
        """Wait until the output has so many lines."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not self._files.output.exists() or len(self._files.lines) < count:
            assert time.monotonic() < deadline, "an answer was held back"
            threading.Event().wait(0.02)

    def __enter__(self) -> Piped:
        return self

    def __exit__(self, *exc_info) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.mark.parametrize("options", [[], ["--unordered"]])
def test_a_pipe_holds_no_answer_back(server, files, options) -> None:
    """Answers are written while the pipe has no further prompt yet; its end is the end."""
    with Piped(files, server, *options) as batch:
        batch.ask("a", "b", "c")
        batch.wait_for(3)
        batch.ask("d")
        batch.wait_for(4)
        _, shown = batch.process.communicate(timeout=WAIT_SECONDS)
    assert shown == "chatsdk: 4 complete answers written\n"
    assert batch.process.returncode == 0
    assert sorted(line["text"] for line in files.lines) == ["a", "b", "c", "d"]


def test_ctrl_c_while_a_pipe_has_no_prompt(server, files) -> None:
    """Ctrl-C ends a batch that waits for its pipe: 130."""
    with Piped(files, server) as batch:
        batch.ask("a", "b")
        batch.wait_for(2)
        batch.process.send_signal(signal.SIGINT)
        # The pipe is still open.
        assert batch.process.wait(WAIT_SECONDS) == 130
        shown = batch.process.stderr.read()
    assert shown == "chatsdk: 2 complete answers written; stopped; --resume asks the rest\n"


def test_a_pipe_with_a_line_that_is_not_text(server, files) -> None:
    """A line of a pipe that is not UTF-8 fails by itself."""
    command, url, _, *rest = files.arguments(server)
    done = subprocess.run(
        [sys.executable, "-m", "chatsdk", command, url, "-", *rest],
        input=b'"Hi"\n"caf\xe9"\n"Yo"\n',
        capture_output=True,
        timeout=WAIT_SECONDS,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert (done.returncode, b"it is not UTF-8 text" in done.stderr) == (1, True)
    assert [line["text"] for line in files.lines] == ["Hi", "", "Yo"]


def test_reading_ahead_of_a_source_that_fails() -> None:
    """The items before the failure come first, then its exception."""

    def source():
        yield "item"
        raise LookupError("gone")

    ahead = BackgroundReader(source())
    woken = threading.Semaphore(0)
    ahead.wake = woken.release
    first = next(ahead)
    for _ in range(2):
        assert woken.acquire(timeout=WAIT_SECONDS)
    # The thread has just begun, so there may have been nothing yet.
    assert (next(ahead) if first is NOT_YET else first) == "item"
    with pytest.raises(LookupError, match="gone"):
        next(ahead)


def test_reading_ahead_ends_with_the_batch() -> None:
    """A source without an end is read a little ahead, and no longer once it is closed."""
    taken = []
    woken = threading.Event()

    def source():
        for number in itertools.count():
            taken.append(number)
            yield number

    ahead = BackgroundReader(source())
    ahead.wake = woken.set
    while (item := next(ahead)) is NOT_YET:
        assert woken.wait(WAIT_SECONDS)
    assert item == 0
    ahead.close()
    for thread in threading.enumerate():
        if thread.name == "chatsdk-read-ahead":
            thread.join(WAIT_SECONDS)
            assert not thread.is_alive()
    assert len(taken) <= AHEAD + 3


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk(server, files, capsys) -> None:
    """An output that cannot be written is 1, with the reason."""
    files.write("Hi")
    command, url, file, *_ = files.arguments(server)
    done = subprocess.run(
        [sys.executable, "-m", "chatsdk", command, url, file, "-o", "/dev/full"],
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
    )
    assert (done.returncode, "No space left on device" in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr


def test_the_bar(server, files, capsys) -> None:
    """`--progress` draws the bar even if stderr is not a terminal; otherwise it is not drawn."""
    pytest.importorskip("tqdm")
    files.write("a", "b")
    assert main(files.arguments(server, "--progress")) == 0
    assert "2/2" in capsys.readouterr().err
    assert main(files.arguments(server, "--resume", "--no-progress")) == 0
    assert "prompts" not in capsys.readouterr().err


def test_the_bar_in_a_terminal(server, files) -> None:
    """In a terminal the bar shows the prompts, the rate and the time without being asked for."""
    pytest.importorskip("tqdm")
    terminal = pytest.importorskip("terminal", reason="needs a pseudo-terminal")
    files.write(*map(str, range(20)))
    with terminal.Terminal("-m", "chatsdk", *files.arguments(server)) as shown:
        shown.expect("20 complete answers written")
        assert shown.wait() == 0
    assert "20/20" in shown.seen
    assert "prompts/s" in shown.seen
    assert len(files.lines) == 20


def test_ctrl_c_in_a_terminal(server, files) -> None:
    """Ctrl-C ends the command with 130 and no traceback, while the backend is silent."""
    terminal = pytest.importorskip("terminal", reason="needs a pseudo-terminal")
    files.write("a", "b")
    script = server.silent(head=True)
    server.silent(head=True)
    with terminal.Terminal("-m", "chatsdk", *files.arguments(server)) as shown:
        server.wait_for_request()
        server.wait_for_request()
        shown.type(terminal.CTRL_C)
        script.wait_for_disconnect()
        shown.expect("stopped; --resume asks the rest")
        assert shown.wait() == 130
    assert "Traceback" not in shown.seen
    assert files.lines == []
