"""The benchmarks with a client, or a program, that fails. Nothing here is timed."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def programs(monkeypatch):
    """The folder's modules, found as its programs find them."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import measuring
    import run

    monkeypatch.setattr(measuring, "left_out", [])
    yield measuring, run
    for name, module in list(sys.modules.items()):
        if Path(getattr(module, "__file__", None) or "/").parent == BENCHMARKS:
            del sys.modules[name]


def test_a_program_that_fails_is_named_and_the_others_are_on_the_page(programs):
    """The page has all figures, bold if they are too high, and lists the failures."""
    measuring, run = programs
    high = measuring.Row("one thing: to another", 1.5, 1.3, 1.1, detail={"a": 3.0, "b": 2.0})
    found = run.Found([high], left_out=["a client: cannot be imported"])
    run.measured("no_such_program", quick=True, found=found)
    assert found.failed == ["no_such_program: CalledProcessError"]
    page = run.page(found)
    assert "| one thing: to another | 1.3 | 1.1 | **1.50 ×** |" in page
    assert "| one thing | µs an event | a 3, b 2 |" in page
    assert "Left out: a client: cannot be imported." in page
    assert "Not measured: no_such_program: CalledProcessError." in page


def test_a_client_that_hangs_is_left_out(programs, monkeypatch):
    """A process that gives no answer in its time is ended, and not asked again."""
    measuring, _ = programs
    monkeypatch.setattr(measuring, "RUN_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent, measuring.started(["floor"]) as found:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert measuring.present(found, url, "openai") == []
        assert measuring.left_out == ["floor: its process ended, after 1 s at most"]
        assert found[0].run(url, "openai") == {"failed": "its process had ended before"}


def test_a_client_that_is_not_installed_is_left_out(programs):
    """A client that cannot be imported, or does not read the framing, is named with the reason."""
    measuring, _ = programs
    with measuring.server() as url, measuring.started(["floor", "launchdarkly-eventsource"]) as all:
        found = measuring.present(all, f"{url}/gzip/openai/20", "openai")
        assert [each.name for each in found] == ["floor"]
        assert len(measuring.left_out) == 1
        assert set(measuring.costs(found, f"{url}/gzip/openai/20", "openai", rounds=1)) == {"floor"}
