"""Errors in one line, with what the user of the command can do about them."""

from __future__ import annotations

from chatsdk.cli.screen import printable
from chatsdk.errors import (
    ChatError,
    ChatTimeout,
    ConnectError,
    HTTPStatusError,
    LimitExceeded,
    NotAStreamError,
    ProtocolError,
    StreamInterrupted,
)

__all__ = ["TOKEN_VARIABLE", "WrongArguments", "in_one_line"]

# Where a token is looked for unless --token-env names another variable.
TOKEN_VARIABLE = "CHATSDK_TOKEN"

# Characters of an error's message that are shown; a backend may send a page of them.
MESSAGE_CHARACTERS = 400

STATUS_REMEDIES = {
    400: "see whether --dialect and --model fit the backend",
    401: f"put the token into {TOKEN_VARIABLE}, or name its variable with --token-env",
    403: "the token may not be allowed to do this",
    404: "give the whole address of the API, such as https://host/v1/chat/completions; "
    "the name after --model may be wrong too",
    405: "give the whole address of the API, such as https://host/v1/chat/completions",
    413: "the conversation is too long for the backend: begin a new one",
    422: "see whether --dialect and --model fit the backend",
    429: "the backend has had too many requests: wait, then ask again",
}
# Of every status from 500 on.
SERVER_REMEDY = "the backend failed; try again later"

UNREACHED_REMEDY = "check that the backend is running, and that the host and port are right"

REMEDIES: dict[type[ChatError], str] = {
    ConnectError: UNREACHED_REMEDY,
    ChatTimeout: "the backend may be busy: try again",
    NotAStreamError: "see whether the address and --dialect are right",
    StreamInterrupted: "what is above is not the whole answer: ask again",
    ProtocolError: "see whether --dialect is the backend's",
    LimitExceeded: "ask for less at once",
}
CERTIFICATE_REMEDY = "name the file of your CA certificates in REQUESTS_CA_BUNDLE"


# Messages with one of these already say what to do.
CURES = ("write http", "check the port")


class WrongArguments(Exception):
    """The command line asks for what cannot be; nothing was sent."""


def in_one_line(error: ChatError) -> str:
    """Return an error as one line: what happened, and the remedy if there is one."""
    message = " ".join(str(error).split()) or type(error).__name__
    if len(message) > MESSAGE_CHARACTERS:
        message = message[:MESSAGE_CHARACTERS] + "…"
    parts = [message]
    if remedy := _remedy(error):
        parts.append(remedy)
    if error.request_id:
        parts.append(f"request id {error.request_id}")
    return printable("; ".join(parts))


def _remedy(error: ChatError) -> str | None:
    if isinstance(error, HTTPStatusError):
        if error.retry_after is not None:
            return f"ask again in {error.retry_after:.0f} s"
        return SERVER_REMEDY if error.status >= 500 else STATUS_REMEDIES.get(error.status)
    if any(cure in str(error) for cure in CURES):
        return None
    if isinstance(error, ConnectError) and "certificate" in str(error):
        return CERTIFICATE_REMEDY
    if isinstance(error, ChatTimeout) and error.phase == "connect":
        return UNREACHED_REMEDY
    for kind, remedy in REMEDIES.items():
        if isinstance(error, kind):
            return remedy
    return None
