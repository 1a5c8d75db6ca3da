"""Decides whether to retry a request, and after how many seconds."""

from __future__ import annotations

import contextlib
import email.utils
import json
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from chatsdk.errors import ChatError, ChatTimeout, ConnectError, HTTPStatusError, StreamInterrupted
from chatsdk.options import Retry

__all__ = [
    "asked_in",
    "backoff",
    "is_left",
    "is_used_up",
    "leave_retries",
    "retry_after",
    "wait_before",
]

# Also retried when the request carries an idempotency key.
REPEATABLE_WITH_KEY = frozenset({408, 409, 500, 502, 504})


# Codes of an exhausted quota or balance: waiting seconds does not help.
USED_UP = frozenset(
    {
        *(
            "insufficient_quota",
            "quota_exceeded",
            "provider_quota_exceeded",
            "insufficient_balance",
        ),
        *("billing_hard_limit_reached", "billing_not_active", "insufficient_credits", "arrearage"),
        *("exceeded_current_quota_error", "credit_balance_too_low", "insufficient_user_quota"),
    }
)
USED_UP_WORDS = (
    r"(?i)exceeded your current quota|insufficient (?:balance|credit|quota)"
    r"|credit balance is too low|out of credits|quota has been exhausted"
)

# A duration in the JSON of protocol buffers.
DURATION = r"(\d+(?:\.\d+)?)s"

# Selects the errors after which the caller, not the transport, sends again.
_left: ContextVar[Callable[[ChatError], bool] | None] = ContextVar("chatsdk_left", default=None)


@contextlib.contextmanager
def leave_retries(which: Callable[[ChatError], bool]) -> Iterator[None]:
    """Raise the errors that `which` selects at once in this block, instead of sending again."""
    token = _left.set(which)
    try:
        yield
    finally:
        _left.reset(token)


def is_left(error: ChatError) -> bool:
    """Whether the caller wants to handle this error by itself: see `leave_retries`."""
    which = _left.get()
    return which is not None and which(error)


def retry_after(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """Return the seconds that the backend asks to wait, or ``None``.

    ``retry-after-ms`` in milliseconds (OpenAI, Azure) takes precedence over ``Retry-After`` in
    seconds or as an HTTP date (RFC 9110, section 10.2.3).
    """
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        try:
            seconds = float(text) * scale
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    text = headers.get("retry-after", "").strip()
    try:
        when = email.utils.parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return max(0.0, when - (time.time() if now is None else now))


def asked_in(body: bytes) -> float | None:
    """Return the seconds that Google asks to wait, from the ``RetryInfo`` of an error's details.

    Source: https://cloud.google.com/apis/design/errors, ``google.rpc.RetryInfo``.
    """
    for detail in _details(body):
        delay = detail.get("retryDelay")
        found = re.fullmatch(DURATION, delay) if isinstance(delay, str) else None
        if found is not None:
            return float(found[1])
    return None


def _details(body: bytes) -> Iterator[dict[str, Any]]:
    """The details of an error in Google's format."""
    if b"details" not in body:
        return
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return
    if isinstance(value, list) and value:
        value = value[0]
    error = value.get("error") if isinstance(value, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict):
            yield detail


def _is_hopeless(error: HTTPStatusError) -> bool:
    """Whether the backend states that a retry would fail, too."""
    if error.headers.get("x-should-retry", "").strip().lower() == "false":
        return True
    return is_used_up(error)


def is_used_up(error: HTTPStatusError) -> bool:
    """Whether the error reports an exhausted quota or balance."""
    if str(error.code).lower() in USED_UP:
        return True
    for detail in _details(error.body):
        violations = detail.get("violations")
        for item in violations if isinstance(violations, list) else ():
            if isinstance(item, dict) and "PerDay" in str(item.get("quotaId")):
                return True
    return error.retry_after is None and bool(re.search(USED_UP_WORDS, error.message))


def wait_before(
    retry: Retry, error: ChatError, attempt: int, *, keyed: bool, written: bool
) -> float | None:
    """Return the seconds to wait before a retry, ``None`` to give up.

    Args:
        retry: what the user allows.
        error: the error of the attempt.
        attempt: its number, 1 for the first.
        keyed: the request carries an idempotency key.
        written: the request may have reached the backend.
    """
    if attempt >= retry.attempts or not _repeatable(retry, error, keyed, written):
        return None
    if isinstance(error, HTTPStatusError) and error.retry_after is not None:
        return error.retry_after if error.retry_after <= retry.max_wait else None
    return backoff(retry, attempt)


def backoff(retry: Retry, attempt: int) -> float:
    """Return the seconds to wait after an attempt, if the backend did not request a time."""
    # Full jitter, but never zero: clients that failed together must not retry together.
    longest = min(retry.max_wait, retry.backoff * 2.0 ** min(attempt - 1, 30))
    return longest * random.uniform(0.5, 1.0)


def _repeatable(retry: Retry, error: ChatError, keyed: bool, written: bool) -> bool:
    if isinstance(error, HTTPStatusError):
        if _is_hopeless(error):
            return False
        return error.status in retry.statuses or (keyed and error.status in REPEATABLE_WITH_KEY)
    if written and not keyed:
        return False
    if isinstance(error, ChatTimeout):
        return error.phase == "connect"
    # Only before the headers: an interrupted stream is not retried, with or without a key.
    return isinstance(error, ConnectError) or (keyed and isinstance(error, StreamInterrupted))
