"""What must not be seen: values of tokens, cookies and query strings, and where they could show."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from chatsdk.errors import BackendError, ChatError, HTTPStatusError, NotAStreamError
from chatsdk.transport.connection import current_wire

__all__ = ["Secrets", "checked_headers", "quiet_urllib3", "shown_url"]

HIDDEN = "***"

# Header fields whose values are nobody's business.
_PRIVATE = re.compile(r"auth|token|secret|cookie|session|credential|password|(^|[-_])key", re.I)

_FIELD_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")

# A value this short would hide ordinary words wherever they stand.
MIN_SECRET_CHARS = 4


class Secrets:
    """The secrets of one request, to be taken out of whatever is shown of it."""

    def __init__(self) -> None:
        self._values: set[str] = set()

    def add(self, value: str | None) -> None:
        """Keep `value` from being shown, as it is and percent-encoded."""
        if value and len(value) >= MIN_SECRET_CHARS:
            self._values |= {value, quote(value, safe=""), quote(value), unquote(value)}

    def add_headers(self, headers: Mapping[str, str]) -> None:
        """Keep the values of private header fields; of ``Bearer x`` also the ``x``."""
        for name, value in headers.items():
            if _PRIVATE.search(name):
                self.add(value)
                scheme, _, rest = value.partition(" ")
                if rest and scheme.isalpha():
                    self.add(rest.strip())
                if "cookie" in name.lower():
                    for cookie in value.split(";"):
                        self.add(cookie.partition("=")[2].strip())

    def add_url(self, url: str) -> None:
        """Keep the query, its values, and a password in front of the host."""
        parts = urlsplit(url)
        self.add(parts.query)
        for field in parts.query.split("&"):
            self.add(field.partition("=")[2])
        self.add(parts.password)

    def clean(self, text: str) -> str:
        """Return `text` without any of the secrets."""
        # The longest first: a secret may be the beginning of another.
        for value in sorted(self._values, key=len, reverse=True):
            if value in text:
                text = text.replace(value, HIDDEN)
        return text

    def shows(self, *exceptions: BaseException | None) -> bool:
        """Whether one of these, or what it was caused by, shows a secret or a query string."""
        for exception in exceptions:
            seen: set[int] = set()
            while exception is not None and id(exception) not in seen:
                seen.add(id(exception))
                said = f"{exception} {exception!r}"
                if self.clean(said) != said:
                    return True
                exception = exception.__cause__ or exception.__context__
        return False

    def scrub(self, error: ChatError) -> ChatError:
        """Take the secrets out of everything that `error` shows, in place."""
        if not self._values:
            return error
        error.args = tuple(self._any(value) for value in error.args)
        if error.request_id is not None:
            error.request_id = self.clean(error.request_id)
        if isinstance(error, (HTTPStatusError, NotAStreamError)):
            error.body = self._bytes(error.body)
        if isinstance(error, HTTPStatusError):
            error.headers = {name: self.clean(value) for name, value in error.headers.items()}
        if isinstance(error, (HTTPStatusError, BackendError)):
            error.message = self.clean(error.message)
            error.code = self._any(error.code)
        return error

    def _any(self, value: Any) -> Any:
        return self.clean(value) if isinstance(value, str) else value

    def _bytes(self, body: bytes) -> bytes:
        for value in sorted(self._values, key=len, reverse=True):
            body = body.replace(value.encode("utf-8", "surrogatepass"), HIDDEN.encode())
        return body


def checked_headers(headers: Mapping[str, str], *, what: str = "header") -> dict[str, str]:
    """Return the header fields as a dict, every one fit to be sent.

    Raises:
        TypeError, ValueError: a name or value that HTTP cannot carry. No value is shown.
    """
    checked = {}
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"{what} names and values are strings; see {name!r}")
        if not _FIELD_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no {what} name: letters, digits and hyphens only")
        checked[name] = checked_value(value, f"the {what} {name!r}")
    return checked


def checked_value(value: str, what: str) -> str:
    """Return a header field's value, or raise a ValueError that does not show it."""
    if any(char in value for char in "\r\n\0"):
        raise ValueError(
            f"{what} holds a line break or NUL, which HTTP cannot carry; "
            "if it was read from a file, call .strip() on it"
        )
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        # From None: the original message shows the value.
        raise ValueError(
            f"{what} holds characters outside Latin-1, which HTTP cannot carry; "
            "look for quotation marks or dashes that were pasted along"
        ) from None
    return value


def shown_url(url: str) -> str:
    """Return a URL without user, password, query and fragment."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


class _HideQueries(logging.Filter):
    """Takes query strings out of what urllib3 logs about our own requests."""

    def filter(self, record: logging.LogRecord) -> bool:
        if current_wire() is not None and isinstance(record.args, tuple):
            record.args = tuple(_without_query(value) for value in record.args)
        return True


def _without_query(value: Any) -> Any:
    if isinstance(value, str) and "?" in value:
        return value.partition("?")[0] + "?" + HIDDEN
    return value


def quiet_urllib3(
    names: Iterable[str] = ("urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry"),
) -> None:
    """Let urllib3 log no query string of a request that chatsdk sends."""
    for name in names:
        logger = logging.getLogger(name)
        if not any(isinstance(known, _HideQueries) for known in logger.filters):
            logger.addFilter(_HideQueries())
