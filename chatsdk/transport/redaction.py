"""Redacts tokens, cookies, passwords and query strings in errors, reprs and log records."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any, AnyStr
from urllib.parse import quote, unquote, urlsplit

from chatsdk.errors import BackendError, ChatError, HTTPStatusError, NotAStreamError
from chatsdk.transport.http1.connection import current_scope

__all__ = ["HIDDEN", "Secrets", "is_private_header", "quiet_urllib3"]


HIDDEN = "***"

# Names of header fields whose values are secret.
_PRIVATE = re.compile(
    r"auth|token|secret|cookie|session|credential|password|apikey|(^|[-_])key", re.I
)

# Exceptions among them, whose values are known to be words and numbers.
_HARMLESS = re.compile(r"^access-control-|ratelimit.*tokens", re.I)

# Shortest value to redact, in characters: a shorter one would hide ordinary words.
MIN_SECRET_CHARS = 4

# Shortest start of a secret to redact where a text is truncated, in characters.
MIN_CUT_CHARS = 6

# Marks where a text is truncated.
CUT = "…"


def is_private_header(name: str) -> bool:
    """Return whether the value of a header field of this name is secret."""
    return _PRIVATE.search(name) is not None and _HARMLESS.search(name) is None


class Secrets:
    """The secrets of one request, which are redacted in whatever is shown of it."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._longest_first: list[str] | None = None

    def add(self, value: str | None) -> None:
        """Add a secret: as it is, percent-encoded, and as quoted in JSON or a repr."""
        if value and len(value) >= MIN_SECRET_CHARS:
            self._values.add(value)
            self._longest_first = None

    def add_headers(self, headers: Mapping[str, str | bytes]) -> None:
        """Add the values of private header fields; of ``Bearer x`` also the ``x``."""
        for name, given in headers.items():
            if not is_private_header(name):
                continue
            value = given.decode("latin-1") if isinstance(given, bytes) else given
            self.add(value)
            scheme, _, rest = value.partition(" ")
            if rest and scheme.isalpha():
                self.add(rest.strip())
            if scheme.lower() == "basic":
                self._add_basic(rest)
            if "cookie" in name.lower():
                for cookie in value.split(";"):
                    self.add(cookie.partition("=")[2].strip())

    def add_url(self, url: str) -> None:
        """Add the query, its values, and the password before the host.

        Raises:
            ValueError: it is not a URL that can be split into its parts.
        """
        parts = urlsplit(url)
        self.add(parts.query)
        for field in parts.query.split("&"):
            self.add(field.partition("=")[2])
        if parts.password:
            self.add(parts.password)
            pair = f"{unquote(parts.username or '')}:{unquote(parts.password)}"
            self.add(base64.b64encode(pair.encode()).decode())

    def hide(self, text: str) -> str:
        """Return `text` with all secrets redacted."""
        # Longest first, because a secret may be the start of another.
        for value in self._sorted():
            if value in text:
                text = text.replace(value, HIDDEN)
        return text

    def values(self) -> list[str]:
        """Return the secrets in every form in which they may occur, longest first."""
        return list(self._sorted())

    def clean(self, text: str) -> str:
        """As `hide`, and also redact the start of a secret where the text is truncated."""
        text = self.hide(text)
        for value in self._sorted():
            text = _without_beginning(text, value)
        return text

    def shown_in(self, exception: BaseException) -> bool:
        """Whether this exception shows a secret."""
        said = f"{exception} {exception!r}"
        return self.clean(said) != said

    def scrub(self, error: ChatError) -> ChatError:
        """Redact the secrets in everything that `error` shows, in place."""
        if not self._values:
            return error
        error.args = tuple(self._any(value) for value in error.args)
        if error.request_id is not None:
            error.request_id = self.clean(error.request_id)
        if isinstance(error, (HTTPStatusError, NotAStreamError)):
            error.body = self._bytes(error.body)
        if isinstance(error, NotAStreamError):
            error.content_type = self.clean(error.content_type)
        if isinstance(error, HTTPStatusError):
            error.headers = {name: self.clean(value) for name, value in error.headers.items()}
            error.url = self.clean(error.url)
        if isinstance(error, (HTTPStatusError, BackendError)):
            error.message = self.clean(error.message)
            error.code = self._any(error.code)
        return error

    def _add_basic(self, encoded: str) -> None:
        try:
            pair = base64.b64decode(encoded).decode()
        except (binascii.Error, ValueError):
            return
        self.add(pair.partition(":")[2])

    def _sorted(self) -> list[str]:
        values = self._longest_first
        if values is None:
            found = set()
            for value in self._values:
                found |= {value, quote(value, safe=""), quote(value), unquote(value)}
                found |= {json.dumps(value)[1:-1], repr(value)[1:-1]}
            values = self._longest_first = sorted(found, key=len, reverse=True)
        return values

    def _any(self, value: Any) -> Any:
        return self.clean(value) if isinstance(value, str) else value

    def _bytes(self, body: bytes) -> bytes:
        for value in self._sorted():
            body = body.replace(value.encode("utf-8", "surrogatepass"), HIDDEN.encode())
        for value in self._sorted():
            # The body may be truncated, so its end may be the start of a secret.
            length = _cut_at(value.encode("utf-8", "surrogatepass"), body)
            if length:
                body = body[:-length] + HIDDEN.encode()
        return body


def _without_beginning(text: str, value: str) -> str:
    if CUT in text:
        for length in range(len(value) - 1, MIN_CUT_CHARS - 1, -1):
            text = text.replace(value[:length] + CUT, HIDDEN + CUT)
    length = _cut_at(value, text)
    return text[:-length] + HIDDEN if length else text


def _cut_at(value: AnyStr, text: AnyStr) -> int:
    """Length of the start of `value` that ends `text`; 0 if it is too short to redact."""
    for length in range(min(len(value) - 1, len(text)), MIN_CUT_CHARS - 1, -1):
        if text.endswith(value[:length]):
            return length
    return 0


# A query string, up to a character that ends a URL in a log line.
_QUERY = re.compile(r"\?[^\s\"'<>]+")


class _HideSecrets(logging.Filter):
    """Redacts the records logged while chatsdk sends a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        scope = current_scope()
        if scope is not None:
            said = scope.redact(_QUERY.sub("?" + HIDDEN, record.getMessage()))
            record.msg, record.args = said, ()
            # Its message may quote the server, and its frames hold the request.
            record.exc_info = record.exc_text = None
        return True


def quiet_urllib3(
    names: Iterable[str] = (
        *("urllib3.connectionpool", "urllib3.connection"),
        *("urllib3.response", "urllib3.util.retry", "urllib3.poolmanager"),
    ),
) -> None:
    """Redact the secrets of chatsdk's requests in the records of urllib3's loggers."""
    for name in names:
        logger = logging.getLogger(name)
        if not any(isinstance(known, _HideSecrets) for known in logger.filters):
            logger.addFilter(_HideSecrets())
