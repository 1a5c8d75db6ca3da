"""Time limits that are exceptions: of task queues, of signal handlers, of greenlets."""

from __future__ import annotations

import pytest
from backend import TEXT
from rows import Row

ROWS = [
    Row(
        "signal handlers",
        (),
        "exceptions like those of Celery's `soft_time_limit`, RQ's job timeout and `signal.alarm`",
        "they are raised unchanged, even where requests wraps a `TimeoutError`",
    ),
    Row("Celery", ("celery",), "a task, with the broker in memory"),
    Row("gevent", ("gevent",), "streams side by side, a silence, `gevent.Timeout`, `stop()`"),
    Row("eventlet", ("eventlet",), "streams side by side, a silence, `eventlet.Timeout`, `stop()`"),
]


@pytest.mark.parametrize("prompt", ["hold", "silent", "drip 100"])
def test_exceptions(programs, backend, prompt):
    """A limit that is not a socket error is raised unchanged, and the request is not repeated."""
    for name in ("SoftTimeLimitExceeded", "JobTimeoutException"):
        assert programs.both("limited", name, prompt) == f"{TEXT}\n{name} in time"
    # Each of the four programs had asked once before.
    assert len(backend.server.requests) == 8


@pytest.mark.parametrize("name", ["TimeoutError", "Late"])
@pytest.mark.parametrize("prompt", ["hold", "silent"])
def test_timeouts(programs, backend, name, prompt):
    """A `TimeoutError` that a handler raised is not taken for one of the socket."""
    assert programs.run("limited", "chatsdk", name, prompt) == f"{TEXT}\n{name} in time"
    backend.wait_for_disconnect()
    assert len(backend.server.requests) == 2


def test_celery(programs):
    """A task gets its answer."""
    assert programs.both("celery_task", "fast") == TEXT


@pytest.mark.parametrize("when", ["first", "late"])
@pytest.mark.parametrize("package", ["gevent", "eventlet"])
def test_green(programs, package, when):
    """Greenlets stream side by side, and limits hold, whenever the modules were patched."""
    said = programs.both("green", package, when).splitlines()
    assert said[0] == TEXT
    assert said[1:] == [
        "1 in time",
        "an error of the wire in time",
        "the limit of a greenlet in time",
    ]
