"""Sessions of other packages, given as ``http=``."""

from __future__ import annotations

import hashlib
import re

import pytest
from backend import TEXT
from rows import Row

ROWS = [
    Row("google-auth", ("google-auth",), "`AuthorizedSession`"),
    Row(
        "requests-oauthlib",
        ("requests-oauthlib",),
        "`OAuth2Session`, with a token that it refreshes, and `OAuth1Session`",
    ),
    Row("authlib", ("authlib",), "`OAuth2Session`"),
    Row("requests-aws4auth", ("requests-aws4auth",), "the signature covers the body that is sent"),
]


@pytest.mark.parametrize("package", ["google", "requests_oauthlib", "refreshing", "authlib"])
def test_bearer(programs, backend, package):
    """The backend gets the token that the session has, or fetched."""
    assert programs.both("signing", package).startswith(TEXT)
    chats = [item for item in backend.server.requests if item.path != "/token"]
    sent = {item.headers["authorization"] for item in chats}
    assert sent == {"Bearer fresh" if package == "refreshing" else "Bearer ya29.token"}


def test_oauth1(programs, backend):
    """The request is signed."""
    assert programs.both("signing", "oauth1").startswith(TEXT)
    assert all(
        item.headers["authorization"].startswith("OAuth ") for item in backend.server.requests
    )


def test_aws(programs, backend):
    """The signature is of the body that was sent."""
    assert programs.both("signing", "aws").startswith(TEXT)
    for request in backend.server.requests:
        assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 ")
        assert request.headers["x-amz-content-sha256"] == hashlib.sha256(request.body).hexdigest()
        assert re.search(
            "SignedHeaders=[^,]*x-amz-content-sha256", request.headers["authorization"]
        )
