"""Formats an error as one line with its remedy."""

from __future__ import annotations

import errno
import re

from chatsdk.cli.answer_notes import printable
from chatsdk.cli.provider_tokens import provider_variables
from chatsdk.dialects.request import OptionMissing
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
from chatsdk.transport.http_errors import CHECK_THE_MODEL, GIVE_A_MODEL, TOO_LONG
from chatsdk.transport.http_errors import REMEDIES as REMEDIES_OF_STATUS

__all__ = ["TOKEN_VARIABLE", "WrongArguments", "cannot_listen", "in_one_line", "in_options"]

# The environment variable that holds the token, unless an option names another source.
TOKEN_VARIABLE = "CHATSDK_TOKEN"

# Characters to show of an error's message; a backend may send a complete page.
MESSAGE_CHARACTERS = 400

WHOLE_ADDRESS = "give the address of the API, such as https://host/v1/chat/completions"

STATUS_REMEDIES = {
    400: "check --dialect and --model",
    401: f"put the token into {TOKEN_VARIABLE}, or use --token-env, --token-file or --token-prompt",
    404: f"{WHOLE_ADDRESS}, and check the name after --model",
    405: WHOLE_ADDRESS,
    422: "check --dialect and --model",
    429: "too many requests: wait, then try again",
}
# For a status from 500 for which the library has none.
SERVER_REMEDY = "the backend failed; try again later"

NAME_REMEDY = "check its spelling, and the network of this machine"
UNREACHED_REMEDY = "check that the backend is running, and that the host and port are right"

REMEDIES: dict[type[ChatError], str] = {
    ConnectError: UNREACHED_REMEDY,
    ChatTimeout: "the backend may be busy; try again",
    NotAStreamError: "check the address and --dialect",
    StreamInterrupted: "the answer is incomplete; try again",
    ProtocolError: "check --dialect",
    LimitExceeded: "ask for less at once",
}
# Additions to the library's remedies that have an option here.
MORE_REMEDIES = {
    GIVE_A_MODEL: "the option is --model NAME",
    CHECK_THE_MODEL: "the option is --model NAME",
    TOO_LONG: "ask something shorter, or begin a new conversation",
}

# Messages with one of these already include the remedy.
CURES = (
    "certificate",
    "write http",
    "check the port",
    "check the address",
    "check that the request",
    "dialect=",
)


# The library's notation for something that is an option here.
TOKEN_OPTION = ": give token=..."
DIALECT_OPTION = re.compile(r"\bdialect='(\w+)'")


class WrongArguments(Exception):
    """The command line is invalid, or it names a file that cannot be used."""


def cannot_listen(host: str, port: int, error: Exception) -> ChatError:
    """Return the error of a server that cannot begin, with its remedy."""
    # asyncio and socketserver append the address, which the message already has.
    why = (getattr(error, "strerror", None) or str(error)).partition(" (while attempting")[0]
    cure = "check --host"
    if getattr(error, "errno", None) in (errno.EADDRINUSE, errno.EACCES):
        cure = "choose another with --port, or --port 0 for a free one"
    return ChatError(f"cannot listen on {host} port {port}: {why.rstrip('.')}; {cure}")


def in_options(error: Exception) -> str:
    """Return the message of a request that cannot be made, in terms of the command line."""
    if isinstance(error, OptionMissing):
        given = " ".join(f"--option {name}=..." for name in error.names)
        return f"{error.reason}: give {given}"
    return f"{error} (here: --model NAME, --option NAME=VALUE)"


def in_one_line(error: ChatError) -> str:
    """Return an error as one line: what failed, and the remedy if one is known."""
    message = " ".join(str(error).split()) or type(error).__name__
    message = DIALECT_OPTION.sub(r"--dialect \1", message).replace(TOKEN_OPTION, "")
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
            return f"try again in {error.retry_after:.0f} s"
        if error.status == 401 and (own := provider_variables(error.url)):
            return f"put the API key into {own[0]}; {TOKEN_VARIABLE} and --token-... go before it"
        if "did you mean" in str(error):
            return None
        for cure, remedy in MORE_REMEDIES.items():
            if str(error).endswith(f"({cure})"):
                return remedy
        known = error.status < 500 or error.status in REMEDIES_OF_STATUS
        return STATUS_REMEDIES.get(error.status) if known else SERVER_REMEDY
    if any(cure in str(error) for cure in CURES):
        return None
    if isinstance(error, ConnectError) and "is unknown" in str(error):
        return NAME_REMEDY
    if isinstance(error, ChatTimeout) and error.phase == "connect":
        return UNREACHED_REMEDY
    for kind, remedy in REMEDIES.items():
        if isinstance(error, kind):
            return remedy
    return None
