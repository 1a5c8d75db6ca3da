"""A WSGI application that relays answers, configured by the variables KIND and URL."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.argv[1:] = [os.environ["KIND"], os.environ["URL"]]

from asking import outcome, text  # noqa: E402

if os.environ.get("WARM"):
    # At its import, in the master process, as a health check does.
    text("fast")


def app(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    prompt = environ["PATH_INFO"].strip("/").replace("-", " ")
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    yield outcome(prompt, timeouts=(2, 1)).encode()
