"""`chatsdk serve --fault` and `--proxy`."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests
import urllib3

from chatsdk import ChatClient, StreamInterrupted
from chatsdk.cli import main
from chatsdk.cli.faulty import faulty_server, names_of_faults
from chatsdk.testing import ChatServer
from chatsdk.testing.faults import Faults

WAIT_SECONDS = 30


@contextlib.contextmanager
def serving(*options: str) -> Iterator[str]:
    """Run the command as a process; return its first line."""
    process = subprocess.Popen(
        [sys.executable, "-m", "chatsdk", "serve", "--port", "0", *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline()
            process.send_signal(signal.SIGINT)
            assert process.wait(WAIT_SECONDS) == 0
        finally:
            process.kill()


def url_in(line: str) -> str:
    return next(word for word in line.split() if word.startswith("http://")).rstrip(".")


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    """`--fault list` prints a name a line, those of the methods."""
    assert main(["serve", "--fault", "list"]) == 0
    names = capsys.readouterr().out.split()
    assert names == names_of_faults()
    assert {"cut_after", "drip", "busy"} <= set(names) <= set(dir(Faults))


@pytest.mark.parametrize("name", names_of_faults())
def test_every_fault(name: str) -> None:
    """Each fault is served, to every request."""
    with faulty_server(name, host="127.0.0.1", port=0) as server:
        for count in (1, 2):
            with contextlib.suppress(requests.RequestException, urllib3.exceptions.HTTPError):
                with requests.post(server.url, timeout=2, stream=True, allow_redirects=False) as r:
                    r.raw.read(100)
            assert len(server.requests) == count
        assert not server.errors


def test_fault() -> None:
    """The command serves it."""
    with serving("--fault", "cut_after") as line, ChatClient(url_in(line), dialect="raw") as c:
        for _ in range(2):
            with pytest.raises(StreamInterrupted):
                c.send({}).result()


def test_proxy() -> None:
    """The command passes requests on, and breaks the stream."""
    with ChatServer() as server:
        server.stream(["data: 1\n\n", "data: 2\n\n"], repeat=True)
        with serving("--proxy", server.url) as line, ChatClient(url_in(line), dialect="raw") as c:
            assert c.send({}).result().text == "12"
        with (
            serving("--proxy", server.url, "--break", "cut=5") as line,
            ChatClient(url_in(line), dialect="raw") as c,
            pytest.raises(StreamInterrupted),
        ):
            c.send({}).result()


@pytest.mark.parametrize(
    "options",
    [
        ["--break", "gzip"],
        ["--fault", "drip", "--proxy", "http://127.0.0.1:1"],
        ["--fault", "nonesuch"],
        ["--proxy", "http://127.0.0.1:1", "--break", "melt"],
        ["--proxy", "ftp://127.0.0.1"],
    ],
    ids=["break alone", "both", "no fault", "no way", "no address"],
)
def test_wrong(options: list[str]) -> None:
    """Options that do not go together are exit code 2."""
    assert main(["serve", "--port", "0", *options]) == 2
