"""The chat page: one HTML file, with a strict Content-Security-Policy."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from importlib import resources

from chatsdk.web.http_messages import WebResponse

__all__ = ["page"]


def page() -> WebResponse:
    """Return the page, with its Content-Security-Policy."""
    body, policy = _read()
    headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", policy),
        ("Cache-Control", "no-cache"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
    ]
    return WebResponse(200, headers, body)


@functools.cache
def _read() -> tuple[bytes, str]:
    body = resources.files("chatsdk.web").joinpath("page.html").read_bytes()
    policy = {
        "default-src": "'none'",
        # The hashes of the only script and the only style: anything added to the page does not run.
        "script-src": _hash(body, b"script"),
        "style-src": _hash(body, b"style"),
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }
    return body, "; ".join(f"{name} {value}" for name, value in policy.items())


def _hash(body: bytes, tag: bytes) -> str:
    (content,) = re.findall(b"<%s>(.*?)</%s>" % (tag, tag), body, re.S)
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode("ascii")
    return f"'sha256-{digest}'"
