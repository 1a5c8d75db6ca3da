"""When a request is sent again, and after how long."""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Mapping

from chatsdk.errors import ChatError, ChatTimeout, ConnectError, HTTPStatusError, StreamInterrupted
from chatsdk.options import Retry

__all__ = ["retry_after", "wait_before"]

# With an idempotency key the backend can tell a repetition, so these are worth one as well.
REPEATABLE_WITH_KEY = frozenset({408, 409, 500, 502, 504})


def retry_after(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """Read how many seconds the backend asks to wait.

    ``retry-after-ms`` in milliseconds (OpenAI, Azure) goes before ``Retry-After`` in seconds or as
    an HTTP date (RFC 9110, section 10.2.3); ``None`` where neither can be read.
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


def wait_before(
    retry: Retry, error: ChatError, attempt: int, *, keyed: bool, written: bool
) -> float | None:
    """Return how many seconds to wait before sending again, ``None`` for not at all.

    Args:
        retry: what the user allows.
        error: what the attempt failed with.
        attempt: its number, 1 for the first.
        keyed: the request carries an idempotency key.
        written: the request may have reached the backend.
    """
    if attempt >= retry.attempts or not _repeatable(retry, error, keyed, written):
        return None
    if isinstance(error, HTTPStatusError) and error.retry_after is not None:
        return error.retry_after if error.retry_after <= retry.max_wait else None
    # Full jitter, but never none: clients that failed together must not come back together.
    longest = min(retry.max_wait, retry.backoff * 2.0 ** min(attempt - 1, 30))
    return longest * random.uniform(0.5, 1.0)


def _repeatable(retry: Retry, error: ChatError, keyed: bool, written: bool) -> bool:
    if isinstance(error, HTTPStatusError):
        return error.status in retry.statuses or (keyed and error.status in REPEATABLE_WITH_KEY)
    if written and not keyed:
        return False
    if isinstance(error, ChatTimeout):
        return error.phase == "connect"
    # Before the headers only: a stream that broke off is not sent again, key or no key.
    return isinstance(error, ConnectError) or (keyed and isinstance(error, StreamInterrupted))
