"""`Mask`: redacts secrets in recordings and reports, which show requests and responses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote_plus, urlsplit, urlunsplit

from chatsdk.transport.redaction import HIDDEN, Secrets, is_private_header

__all__ = ["ByteMask", "Mask"]

# Names of query and body fields with secret values. Session and conversation ids are not among
# them, because a recorded answer must keep them.
_PRIVATE_FIELD = re.compile(
    r"api[-_]?key|^key$|^token$|(access|auth|bearer|refresh|id)[-_]?token|secret|passw|credential"
    r"|authorization|access[-_]?key|private[-_]?key|^sig(nature)?$|cookie",
    re.I,
)

# A query value that looks like a key, whatever its name.
_LIKE_A_KEY = re.compile(r"(?=[^&]*[0-9])(?=[^&]*[A-Za-z])[\w.~+/=-]{20,}")

# Response fields that show where a proxy sends its requests.
_INNER_ADDRESS = {"x-real-url"}

# Header fields whose values are URLs.
_ADDRESSES = {"location", "content-location", "referer"}


class Mask:
    """The secrets of one request. Redacts everything of it that is kept or shown."""

    def __init__(self) -> None:
        self._secrets = Secrets()

    def add(self, value: str | None) -> None:
        """Redact `value` wherever it occurs."""
        self._secrets.add(value)

    def add_request(self, url: str, headers: Mapping[str, str], body: bytes | str = b"") -> None:
        """Redact the credentials of a request: in its URL, header fields and JSON body."""
        self._secrets.add_headers(headers)
        self.add_url(url)
        try:
            value = json.loads(body) if body else None
        except (ValueError, RecursionError):
            return
        for secret in _private_values(value):
            self.add(secret)

    def add_url(self, url: str) -> None:
        """Redact the password of a URL and the credentials in its query."""
        try:
            parts = urlsplit(url)
            self.add(parts.password)
        except ValueError:
            return
        for name, value in _fields(parts.query):
            if _is_secret(name, value):
                self.add(value)
                self.add(unquote_plus(value))

    def text(self, text: str) -> str:
        """Return `text` without secrets."""
        return self._secrets.hide(text)

    def url(self, url: str) -> str:
        """Return a URL without its user, its password and the credentials in its query."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return HIDDEN
        host = parts.netloc.rpartition("@")[2]
        fields = parts.query.split("&") if parts.query else []
        shown = []
        for field in fields:
            name, equals, value = field.partition("=")
            secret = _is_secret(name, value)
            shown.append(f"{name}={HIDDEN}" if secret and equals else field)
        whole = urlunsplit((parts.scheme, host, parts.path, "&".join(shown), ""))
        return self.text(whole)

    def headers(self, fields: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return header fields with the values of private ones replaced."""
        return [(name, self._field(name, value)) for name, value in fields]

    def json(self, value: Any) -> Any:
        """Return a JSON value with the values of private fields replaced."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.json(item) for item in value]
        if isinstance(value, dict):
            return {
                self.text(name): HIDDEN
                if isinstance(item, str) and _PRIVATE_FIELD.search(name)
                else self.json(item)
                for name, item in value.items()
            }
        return value

    def bytes(self, data: bytes) -> bytes:
        """Return `data` without secrets, with the same length."""
        return self.stream().whole(data)

    def stream(self) -> ByteMask:
        """Return a `ByteMask` for one body, which may arrive in any chunks."""
        return ByteMask(self._secrets.values())

    def _field(self, name: str, value: str) -> str:
        lower = name.lower()
        if lower in _INNER_ADDRESS or is_private_header(name):
            return HIDDEN
        return self.url(value) if lower in _ADDRESSES else self.text(value)


class ByteMask:
    """Replaces secrets in chunks of bytes with asterisks, keeping each chunk's length.

    A chunk that ends in a possible start of a secret is held back until that is decided.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        found = {secret.encode("utf-8", "surrogatepass") for secret in secrets if secret}
        self._longest_first = sorted(found, key=len, reverse=True)
        self._most = max(map(len, found), default=0)
        pattern = b"|".join(map(re.escape, self._longest_first))
        self._pattern = re.compile(pattern) if found else None
        self._kept: list[tuple[float, int]] = []
        self._open = bytearray()

    def whole(self, data: bytes) -> bytes:
        """Return `data` with its secrets replaced."""
        if self._pattern is None:
            return data
        return self._pattern.sub(lambda found: b"*" * len(found[0]), data)

    def feed(self, data: bytes, at: float) -> Iterator[tuple[bytes, float]]:
        """Yield the chunks that are decided, each with its time."""
        if self._pattern is None:
            yield data, at
            return
        if not self._kept:
            masked = self.whole(data)
            if not self._begun(masked):
                yield masked, at
                return
        self._kept.append((at, len(data)))
        self._open += data
        masked = self.whole(bytes(self._open))
        if not self._begun(masked):
            yield from self._release(masked)

    def finish(self) -> Iterator[tuple[bytes, float]]:
        """Yield the chunks held back; a secret truncated by the end is replaced, too."""
        masked = self.whole(bytes(self._open))
        begun = self._begun(masked)
        if begun:
            masked = masked[:-begun] + b"*" * begun
        yield from self._release(masked)

    def _release(self, masked: bytes) -> Iterator[tuple[bytes, float]]:
        kept, self._kept = self._kept, []
        self._open = bytearray()
        start = 0
        for at, length in kept:
            yield masked[start : start + length], at
            start += length

    def _begun(self, data: bytes) -> int:
        """Number of bytes at the end of `data` that may start a secret."""
        tail = data[-self._most :]
        last = tail[-1:]
        most = 0
        for secret in self._longest_first:
            # Fast path: the last byte usually does not occur in the secret.
            if last not in secret:
                continue
            for length in range(min(len(secret) - 1, len(tail)), most, -1):
                if tail.endswith(secret[:length]):
                    most = length
                    break
        return most


def _fields(query: str) -> list[tuple[str, str]]:
    pairs = (field.partition("=") for field in query.split("&"))
    return [(name, value) for name, _, value in pairs]


def _is_secret(name: str, value: str) -> bool:
    return bool(_PRIVATE_FIELD.search(unquote_plus(name)) or _LIKE_A_KEY.fullmatch(value))


def _private_values(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, str) and _PRIVATE_FIELD.search(name):
                yield item
            else:
                yield from _private_values(item)
    elif isinstance(value, list):
        for item in value:
            yield from _private_values(item)
