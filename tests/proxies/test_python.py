"""gunicorn, Flask, Django, uvicorn, Starlette and mitmproxy, as shipped, broken and cured."""

from __future__ import annotations

import inspect
import shutil
import sys

import pytest
from programs import examined, free_port

FLASK = """\
import flask, requests

app = flask.Flask(__name__)

@app.post("/")
def relay():
    upstream = requests.post("BACKEND", json={}, stream=STREAM)
    body = upstream.iter_content(None) if STREAM else upstream.content
    return flask.Response(body, content_type="text/event-stream")
"""

DJANGO = """\
import time
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import StreamingHttpResponse
from django.urls import path

settings.configure(
    ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x",
    MIDDLEWARE=["django.middleware.gzip.GZipMiddleware"],
)

def events():
    for number in range(12):
        yield b'data: {"number": %d}\\n\\n' % number
        time.sleep(0.1)

def view(request):
    response = StreamingHttpResponse(events(), content_type="text/event-stream")
    MORE
    return response

urlpatterns = [path("", view)]
app = get_wsgi_application()
"""

STARLETTE = """\
import asyncio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import StreamingResponse
from starlette.routing import Route

async def events():
    for number in range(12):
        yield b'data: {"number": %d}\\n\\n' % number
        await asyncio.sleep(0.1)

async def view(request):
    return StreamingResponse(events(), media_type="text/event-stream")

app = Starlette(
    routes=[Route("/", view, methods=["POST"])], middleware=[Middleware(GZipMiddleware)]
)
"""


def gunicorn(run, program: str) -> str:
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{port}", "program:app"]
    return run(command, port, {"program.py": program})


def uvicorn(run, program: str) -> str:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--port", str(port), "program:app"]
    return run(command, port, {"program.py": program})


def test_gunicorn_reads_the_whole_body(run, backend) -> None:
    """A view that reads the whole upstream body is named; streaming it is the cure."""
    program = FLASK.replace("BACKEND", backend.url)
    url = gunicorn(run, program.replace("STREAM", "False"))
    report = examined(url, "burst", "gateway-reads-whole-body: gunicorn")
    assert "stream=True" in report.findings[0].remedy
    examined(gunicorn(run, program.replace("STREAM", "True")))


def test_django_gzip(run) -> None:
    """GZipMiddleware does not flush; a header of the view is the cure."""
    # A later version of Django may flush each piece.
    text = pytest.importorskip("django.utils.text")
    flushes = "flush()" in inspect.getsource(text.compress_sequence)
    findings = [] if flushes else ["compression-not-flushed: django-gzip"]
    examined(gunicorn(run, DJANGO.replace("MORE", "")), "streams", *findings)
    cured = 'response["Content-Encoding"] = "identity"'
    examined(gunicorn(run, DJANGO.replace("MORE", cured)))


def test_starlette_gzip(run) -> None:
    """Starlette's GZipMiddleware leaves event streams alone."""
    examined(uvicorn(run, STARLETTE))


@pytest.mark.parametrize(
    ("options", "streams"), [([], False), (["--set", "stream_large_bodies=1"], True)]
)
def test_mitmproxy(run, backend, options: list[str], streams: bool) -> None:
    """mitmproxy as shipped keeps the body; its option is the cure."""
    if shutil.which("mitmdump") is None:
        pytest.skip("mitmproxy is not installed")
    port = free_port()
    url = run(
        [
            *("mitmdump", "--mode", f"reverse:{backend.url}", "--listen-port", str(port)),
            *("--set", "confdir={folder}", *options),
        ],
        port,
    )
    if streams:
        examined(url)
    else:
        report = examined(url, "burst", "proxy-buffering: None")
        assert "stream_large_bodies" in report.findings[0].remedy
