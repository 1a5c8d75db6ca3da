"""`is_unavailable`: whether another backend should be asked after an error."""

from __future__ import annotations

import re

from chatsdk.errors import (
    BackendError,
    ChatError,
    ChatTimeout,
    ConnectError,
    HTTPStatusError,
    StreamInterrupted,
)
from chatsdk.transport.retry import is_used_up

__all__ = ["is_unavailable"]

# Statuses of a backend that cannot answer now: payment required, request timeout, too many
# requests. Those from 500 on count, too.
STATUSES = frozenset({402, 408, 429})

# Phases of a backend that is silent. After its first event, before the first word, those of a
# stream apply. `total` is a limit of the caller's.
PHASES = ("connect", "first_event", "idle", "progress")

# Codes and types in which backends report the same inside a stream or in a 200.
WORDS = re.compile(
    r"overload|rate.?limit|too.?many|throttl|quota|exhausted|insufficient|balance|arrear|billing"
    r"|unavailable|capacity|busy|server.?error|internal|api_error|timeout",
    re.IGNORECASE,
)


def is_unavailable(error: ChatError) -> bool:
    """Whether the backend cannot be reached, refuses for now, or is silent.

    For errors before the first word of an answer. True if it cannot be connected to, ends the
    connection, or is silent longer than a `Timeout` other than ``total``. Also true if it refuses
    with 402, 408, 429 or a status from 500 on. An exhausted quota counts, even in a 200 or
    in the stream. A wrong key, model or request is an error of the caller.
    """
    if isinstance(error, ChatTimeout):
        return error.phase in PHASES
    if isinstance(error, HTTPStatusError):
        return error.status in STATUSES or error.status >= 500 or is_used_up(error)
    if isinstance(error, BackendError):
        return _is_refusal(error)
    return isinstance(error, (ConnectError, StreamInterrupted))


def _is_refusal(error: BackendError) -> bool:
    code = str(error.code)
    if code.isdigit():
        return int(code) in STATUSES or 500 <= int(code) <= 599
    return bool(WORDS.search(code))
