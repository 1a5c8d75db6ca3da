"""What an argument of the command line may be, and where secrets come from: never from there."""

from __future__ import annotations

import argparse
import json
import math
import os
import re
from collections.abc import Iterable
from typing import Any

from chatsdk.cli.remedies import TOKEN_VARIABLE, WrongArguments

__all__ = ["body_options", "header_fields", "port", "seconds", "token_of"]

HIGHEST_PORT = 65_535

# Header fields whose values are nobody's business.
_CREDENTIALS = re.compile(r"auth|cookie|token|secret|password|credential|(^|-)key$", re.IGNORECASE)
_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)\}")

WHY_NOT_HERE = (
    "other users of this machine can read a command line, and the shell keeps it in its history"
)


def port(text: str) -> int:
    """Read the number of a port; for argparse."""
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


def body_options(lines: Iterable[str]) -> dict[str, Any]:
    """Read fields of the request, each ``name=value``, the value being JSON or else text."""
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


def token_of(variable: str | None) -> str | None:
    """Return the token from the environment, or ``None``: `chatsdk.ChatClient` sends none then.

    Args:
        variable: the name of the variable that has to be there; ``None`` looks into
            `TOKEN_VARIABLE`, which need not be.
    """
    if variable is None:
        return os.environ.get(TOKEN_VARIABLE) or None
    token = os.environ.get(variable)
    if not token:
        # Somebody may have given the token itself, so what was given is not repeated.
        raise WrongArguments(
            "--token-env: there is no environment variable of that name, or it is empty; give the "
            f"variable's name and not the token, as {WHY_NOT_HERE}"
        )
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
                    f"--header: there is nothing in the environment variable {value}"
                )
            value = found
        elif _CREDENTIALS.search(name):
            raise WrongArguments(
                f"--header: {name} is not taken from the command line, as {WHY_NOT_HERE}; "
                f"put it into an environment variable and give '{name}: $VARIABLE', in single "
                "quotes"
            )
        fields[name] = value
    return fields
