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

# Phases of a backend that has not begun to answer.
PHASES = ("connect", "first_event")

# Codes and types in which backends report the same inside a stream or in a 200.
WORDS = re.compile(
    r"overload|rate.?limit|too.?many|throttl|quota|exhausted|insufficient|balance|arrear|billing"
    r"|unavailable|capacity|busy|server.?error|internal|api_error|timeout",
    re.IGNORECASE,
)


def is_unavailable(error: ChatError) -> bool:
    """Whether the backend cannot be reached, refuses for now, or is silent.

    True if it cannot be connected to, ends the connection before its answer, is silent longer than
    `Timeout.first_event`, or refuses with 402, 408, 429 or a status from 500 on, for an exhausted
    quota, or with such an error in a 200. A wrong key, model or request is an error of the caller.
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
