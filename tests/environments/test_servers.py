"""WSGI servers, with each kind of worker, and forked after a first request."""

from __future__ import annotations

import socket

import pytest
from backend import TEXT
from rows import Row
from servers import ask, command_of, running

ROWS = [
    Row(
        "gunicorn",
        ("gunicorn",),
        "sync, gthread and gevent workers, with and without `--preload`: an answer, a silence",
    ),
    Row(
        "uWSGI",
        ("uwsgi",),
        "with and without `--enable-threads`, also after a request in the master process",
    ),
    Row("waitress", ("waitress",), "an answer, a silence"),
]

WARM = {"WARM": "1"}
SERVERS = {
    "gunicorn sync": ("gunicorn", ["--worker-class", "sync"], {}),
    "gunicorn sync --preload": ("gunicorn", ["--worker-class", "sync", "--preload"], WARM),
    "gunicorn gthread": ("gunicorn", ["--worker-class", "gthread", "--threads", "4"], {}),
    "gunicorn gthread --preload": (
        "gunicorn",
        ["--worker-class", "gthread", "--threads", "4", "--preload"],
        WARM,
    ),
    "gunicorn gevent": ("gunicorn", ["--worker-class", "gevent"], {}),
    "gunicorn gevent --preload": ("gunicorn", ["--worker-class", "gevent", "--preload"], WARM),
    "uwsgi": ("uwsgi", [], {}),
    "uwsgi --enable-threads": ("uwsgi", ["--enable-threads"], {}),
    "uwsgi, after a request": ("uwsgi", [], WARM),
    "uwsgi --enable-threads, after a request": ("uwsgi", ["--enable-threads"], WARM),
    "waitress": ("waitress-serve", [], {}),
}


@pytest.fixture
def port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.mark.parametrize("name", SERVERS)
def test_a_view(programs, backend, port, tmp_path, name):
    """A view gets its answer, and the limit of a silence holds in the worker."""
    server, options, variables = SERVERS[name]
    said = {}
    for kind in ("requests", "chatsdk"):
        given = {**programs.variables(), **variables, "KIND": kind, "URL": backend.url}
        command = command_of(server, port, *options)
        with running(command, port, given, tmp_path / f"{kind}.log"):
            said[kind] = [ask(port, prompt) for prompt in ("fast", "silent", "fast")]
    assert said["chatsdk"] == said["requests"] == [TEXT, "an error of the wire", TEXT]
