"""The client's options for time, size and retries: `Timeout`, `Limits` and `Retry`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from chatsdk.frozen_values import Value
from chatsdk.keywords import checked_keywords

__all__ = ["Limits", "Retry", "Timeout"]

# Long enough for a distant TLS handshake, short enough to notice a wrong URL.
CONNECT_SECONDS = 10.0
# Reasoning models are silent for minutes before the first event.
FIRST_EVENT_SECONDS = 300.0
# Live backends ping every 10 to 15 s; 8 to 12 missed pings mean a dead connection.
IDLE_SECONDS = 120.0
# A server that only pings may have lost its model; no model needs ten minutes between two deltas.
PROGRESS_SECONDS = 600.0

# More than any answer takes, and less than the limit of operating systems' timers.
LONGEST_SECONDS = 1_000_000.0

# Statuses of a server that rejects a request for now (RFC 9110).
NOT_NOW = frozenset({429, 503})

MIB = 1024 * 1024


def _seconds(name: str, value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} is a number of seconds or None, not {value!r}")
    if not 0 < value <= LONGEST_SECONDS:
        raise ValueError(
            f"{name} must be more than 0 and at most {LONGEST_SECONDS:,.0f} seconds; for no limit "
            "give None"
        )


def _count(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a whole number, not {value!r}; leave it out for the default")
    if value < 1:
        raise ValueError(f"{name} must be 1 or more, not {value}")


def _waits(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(
            f"{name} is a number of seconds, not {value!r}; leave it out for the default"
        )
    if not 0 <= value <= LONGEST_SECONDS:
        raise ValueError(f"{name} must be from 0 to {LONGEST_SECONDS:,.0f} seconds")


def _key(name: str, value: object) -> None:
    if value is not None and not callable(value) and not (isinstance(value, str) and value):
        raise TypeError(f"{name} is a string, a callable that returns one, or None")


def _statuses(statuses: object) -> frozenset[int]:
    if not isinstance(statuses, Iterable) or isinstance(statuses, (str, bytes)):
        raise TypeError(f"statuses are numbers such as {{429, 503}}, not {statuses!r}")
    try:
        found = frozenset(statuses)
    except TypeError:
        raise TypeError(f"statuses are numbers such as {{429, 503}}, not {statuses!r}") from None
    if not all(isinstance(status, int) and 400 <= status <= 599 for status in found):
        raise ValueError("statuses are those of errors, 400 to 599: no other is sent again")
    return found


class Timeout(Value):
    """How long to wait, in seconds; ``None`` is no limit.

    Attributes:
        connect: to connect, including TLS and a proxy.
        first_event: from sending the request to the first event of the answer. Reasoning models
            are silent for minutes, hence the long default.
        idle: the longest silence of the connection after the first event; comments count as data.
        total: from sending the request to the end of the answer, whatever arrives meanwhile.
        progress: the longest time after the first event without an event that adds something to
            the answer, whatever pings arrive meanwhile.
    """

    __match_args__ = ("connect", "first_event", "idle", "total", "progress")
    __slots__ = __match_args__
    connect: float | None
    first_event: float | None
    idle: float | None
    total: float | None
    progress: float | None

    @checked_keywords
    def __init__(
        self,
        connect: float | None = CONNECT_SECONDS,
        first_event: float | None = FIRST_EVENT_SECONDS,
        idle: float | None = IDLE_SECONDS,
        total: float | None = None,
        progress: float | None = PROGRESS_SECONDS,
    ) -> None:
        _seconds("connect", connect)
        _seconds("first_event", first_event)
        _seconds("idle", idle)
        _seconds("total", total)
        _seconds("progress", progress)
        self._set(connect, first_event, idle, total, progress)

    @classmethod
    def of(cls, value: Timeout | float | None) -> Timeout:
        """Convert a `Timeout`, a plain number of seconds, or ``None``.

        A number ``n`` means ``connect=min(10, n)``, ``first_event=idle=n`` and
        ``progress=max(600, n)``; ``None`` means no limit at all.

        Raises:
            TypeError, ValueError: not a positive number of seconds.
        """
        if isinstance(value, Timeout):
            return value
        if value is None:
            return cls(connect=None, first_event=None, idle=None, progress=None)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"timeout is a Timeout, a number of seconds or None, not {value!r}")
        _seconds("timeout", value)
        return cls(
            connect=min(CONNECT_SECONDS, value),
            first_event=value,
            idle=value,
            progress=max(PROGRESS_SECONDS, value),
        )


class Limits(Value):
    """How much to accept from a backend; beyond it, `LimitExceeded` is raised.

    Attributes:
        event_bytes: bytes of one line and of one event (16 MiB). The largest known frames, with
            complete documents as citations or audio in base64, have a few MiB.
        answer_bytes: bytes of memory for the answer (32 MiB: more than 350,000 deltas). They are
            its text, reasoning, tool calls and citations, plus 88 bytes per delta and 8 bytes per
            event.
        body_bytes: bytes of the complete body, after decompression (1 GiB). This allows a backend
            that sends all the text again with each event, and ends a flood of comments.
        error_body: bytes kept of a body that is not a stream (64 KiB: an HTML page, a stack trace).
        header_lines: number of header lines of one response (100, as in Python's HTTP client).
    """

    __match_args__ = ("event_bytes", "answer_bytes", "body_bytes", "error_body", "header_lines")
    __slots__ = __match_args__
    event_bytes: int
    answer_bytes: int
    body_bytes: int
    error_body: int
    header_lines: int

    @checked_keywords
    def __init__(
        self,
        event_bytes: int = 16 * MIB,
        answer_bytes: int = 32 * MIB,
        body_bytes: int = 1024 * MIB,
        error_body: int = 64 * 1024,
        header_lines: int = 100,
    ) -> None:
        _count("event_bytes", event_bytes)
        _count("answer_bytes", answer_bytes)
        _count("body_bytes", body_bytes)
        _count("error_body", error_body)
        _count("header_lines", header_lines)
        self._set(event_bytes, answer_bytes, body_bytes, error_body, header_lines)


class Retry(Value):
    """When to send a request again.

    By default only if it certainly did not reach the backend (refused, unknown host, TLS handshake,
    connect timeout, a proxy that refuses). Also if the backend rejected it for now (429, 503). A
    request that was written but not answered is never sent again: it may have been billed.

    Attributes:
        attempts: total number of attempts; 1 disables retries.
        backoff: seconds before the first retry, doubled each time and jittered.
        max_wait: the longest wait in seconds. If the backend's ``Retry-After`` asks for more, the
            error is raised at once, with `HTTPStatusError.retry_after`.
        statuses: the HTTP statuses that reject a request for now.
        idempotency_key: sent as ``Idempotency-Key``. It lets a backend distinguish a retry from a
            new request. So 408, 409, 500, 502, 504 and a connection lost before any response are
            retried, too. Each request needs its own key, so pass a callable that returns a new one,
            such as ``lambda: str(uuid.uuid4())``; it is called once per send. A string suits a
            client that sends once. ``send(body, idempotency_key=...)`` overrides either.
    """

    __match_args__ = ("attempts", "backoff", "max_wait", "statuses", "idempotency_key")
    __slots__ = __match_args__
    attempts: int
    backoff: float
    max_wait: float
    statuses: frozenset[int]
    idempotency_key: str | Callable[[], str] | None
    _unshown = ("idempotency_key",)

    @checked_keywords
    def __init__(
        self,
        attempts: int = 2,
        backoff: float = 0.5,
        max_wait: float = 30.0,
        statuses: Iterable[int] = NOT_NOW,
        idempotency_key: str | Callable[[], str] | None = None,
    ) -> None:
        found = _statuses(statuses)
        _count("attempts", attempts)
        _waits("backoff", backoff)
        _waits("max_wait", max_wait)
        _key("idempotency_key", idempotency_key)
        self._set(attempts, backoff, max_wait, found, idempotency_key)
