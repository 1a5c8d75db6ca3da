"""Reads the values of command-line arguments; secrets never come from the command line."""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import sys
from collections.abc import Iterable
from typing import Any

from chatsdk.cli.provider_tokens import provider_token
from chatsdk.cli.remedies import TOKEN_VARIABLE, WrongArguments
from chatsdk.dialects import names
from chatsdk.dialects.registry import unknown_dialect
from chatsdk.transport import is_private_header

__all__ = [
    "add_dialect_and_headers",
    "body_options",
    "dialect_name",
    "header_fields",
    "port",
    "seconds",
    "token_in",
    "token_of",
]

HIGHEST_PORT = 65_535

_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)\}")

WHY_NOT_HERE = (
    "other users of this machine can read a command line, and the shell keeps it in its history"
)


def port(text: str) -> int:
    """Read a port number; for argparse."""
    if not text.isascii() or not text.isdigit() or int(text) > HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to {HIGHEST_PORT}")
    return int(text)


def seconds(text: str) -> float:
    """Read a number of seconds, 0 or more; for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError("give a number of seconds, 0 or more")
    return value


def dialect_name(text: str, option: str = "--dialect") -> str:
    """Read the name of a dialect, or print all names and exit for ``list``; for argparse."""
    known = names()
    if text == "list":
        print("\n".join(known))
        raise SystemExit(0)
    if text.lower().replace("-", "_") not in known:
        raise WrongArguments(f"{option}: {unknown_dialect(text, f'{option} list')}")
    return text


def body_options(lines: Iterable[str]) -> dict[str, Any]:
    """Read fields of the request, each ``name=value``; a value that is not JSON is text."""
    options = {}
    for line in lines:
        name, equals, text = line.partition("=")
        if not equals or not name:
            raise WrongArguments("--option: give NAME=VALUE")
        try:
            options[name] = json.loads(text)
        except ValueError:
            options[name] = text
    return options


def token_of(arguments: argparse.Namespace) -> str | None:
    """Return the token that the ``--token-...`` options name, else that of `TOKEN_VARIABLE`.

    The variable of the URL's own provider comes last. With ``None``, `chatsdk.ChatClient` sends no
    token.
    """
    if arguments.token_env is not None:
        return _from_variable(arguments.token_env)
    if arguments.token_file is not None:
        return token_in(arguments.token_file)
    if arguments.token_prompt:
        return _from_prompt()
    return os.environ.get(TOKEN_VARIABLE) or provider_token(arguments.url)


def _from_variable(name: str) -> str:
    token = os.environ.get(name)
    if not token:
        # The user may have passed the token itself, so do not repeat it.
        raise WrongArguments(
            "--token-env: there is no such environment variable, or it is empty; give the "
            f"variable's name, never the token itself: {WHY_NOT_HERE}"
        )
    return token


def token_in(name: str) -> str:
    """Return the token in a file.

    Raises:
        WrongArguments: the file cannot be read, or is empty.
    """
    try:
        with open(name, encoding="utf-8") as file:
            # A key has a few hundred characters; do not read the rest of a huge file.
            token = file.read(64 * 1024).strip()
    except UnicodeDecodeError:
        raise WrongArguments(f"--token-file: {name} is not a text file") from None
    except OSError as error:
        raise WrongArguments(f"--token-file: cannot read {name}: {error.strerror}") from None
    if not token:
        raise WrongArguments(f"--token-file: {name} is empty")
    return token


def _from_prompt() -> str:
    import getpass
    import warnings

    if not sys.stderr.isatty() and not sys.stdin.isatty():
        raise WrongArguments("--token-prompt needs a terminal; use --token-file or --token-env")
    with warnings.catch_warnings():
        # Fail rather than show the token on the screen.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            token = getpass.getpass("Token: ").strip()
        except (getpass.GetPassWarning, EOFError):
            raise WrongArguments("--token-prompt needs a terminal that can hide it") from None
    if not token:
        raise WrongArguments("--token-prompt: no token was typed")
    return token


def header_fields(lines: Iterable[str]) -> dict[str, str]:
    """Read header fields, each ``Name: value``, or ``Name: $VARIABLE`` from the environment."""
    fields = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name, value = name.strip(), value.strip()
        if not colon or not name:
            raise WrongArguments("--header: give 'Name: value'")
        variable = _VARIABLE.fullmatch(value)
        if variable is not None:
            found = os.environ.get(variable[1] or variable[2])
            if not found:
                raise WrongArguments(
                    f"--header: the environment variable {value} is missing or empty"
                )
            value = found
        elif is_private_header(name):
            raise WrongArguments(
                f"--header: keep the value of {name} off the command line: {WHY_NOT_HERE}; "
                f"put it into an environment variable and give '{name}: $VARIABLE', in single "
                "quotes"
            )
        fields[name] = value
    return fields


def add_dialect_and_headers(asking: argparse._ArgumentGroup) -> None:
    """Add ``--dialect`` and ``--header``, which every command that sends a request has."""
    asking.add_argument(
        "--dialect",
        default="auto",
        type=dialect_name,
        metavar="NAME",
        help="the backend's protocol, only needed if the URL does not show it; `list` prints the "
        "names",
    )
    asking.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="a header to send; repeatable; 'NAME: $VARIABLE' takes the value from the "
        "environment, which keeps secrets off the command line",
    )
