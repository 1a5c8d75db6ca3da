"""The request arguments that `doctor`, `inspect` and `record` share."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from chatsdk.cli.arguments import (
    add_dialect_and_headers,
    body_options,
    header_fields,
    seconds,
    token_of,
)
from chatsdk.cli.remedies import WrongArguments, in_options
from chatsdk.client import ChatClient
from chatsdk.dialects import Dialect
from chatsdk.dialects.urls import with_model
from chatsdk.messages import Message
from chatsdk.options import Retry, Timeout

__all__ = ["Asked", "add_request_arguments", "asked_of"]

PROMPT = "Say hello in one short sentence."


@attrs.frozen
class Asked:
    """The request that the arguments describe.

    Attributes:
        url: as given on the command line.
        body: the JSON value to send; ``None`` for a request without a body.
        dialect: the backend's dialect.
        seconds: time limit of the request; ``None`` for the command's default.
    """

    url: str
    body: Any
    method: str
    dialect: str
    seconds: float | None
    exact: bool
    headers: Mapping[str, str] = attrs.field(repr=False)
    token: str | None = attrs.field(repr=False)

    def client(self, tap: Callable[[bytes, float], object]) -> ChatClient:
        """Return a client that sends it once, tapped.

        Raises:
            WrongArguments: the URL or a header is invalid.
        """
        timeout = Timeout() if self.seconds is None else _bounded(self.seconds)
        try:
            client = ChatClient(
                self.url,
                dialect=self.dialect,
                token=self.token,
                headers=self.headers,
                timeout=timeout,
                # Each request may be billed.
                retry=Retry(attempts=1),
                exact_url=self.exact,
                tap=tap,
            )
        except (TypeError, ValueError) as error:
            raise WrongArguments(str(error)) from None
        client._method = self.method
        return client


def add_request_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the URL and the options for the request."""
    parser.add_argument("url", metavar="URL", help="the address that streams")
    asking = parser.add_argument_group("what is sent")
    body = asking.add_mutually_exclusive_group()
    body.add_argument(
        "--data", metavar="JSON", help="the JSON body to send; @FILE reads it from a file"
    )
    body.add_argument(
        "--prompt",
        metavar="TEXT",
        help=f"a question, written in the dialect of the backend (default: {PROMPT})",
    )
    asking.add_argument("--model", metavar="NAME", help="the model that --prompt asks")
    asking.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another field of the request that --prompt makes; repeatable",
    )
    add_dialect_and_headers(asking)
    asking.add_argument("--method", default="POST", help="the HTTP method (default: %(default)s)")
    asking.add_argument(
        "--exact-url", action="store_true", help="send to URL as it is written; complete nothing"
    )
    asking.add_argument(
        "--timeout",
        type=seconds,
        metavar="SECONDS",
        help="time limit of one request",
    )
    tokens = parser.add_argument_group(
        "the token (API key)",
        "By default it is read from CHATSDK_TOKEN, and next from the provider's own variable, such "
        "as OPENAI_API_KEY, for that provider's host alone.",
    ).add_mutually_exclusive_group()
    tokens.add_argument(
        "--token-env", metavar="VARIABLE", help="read it from this environment variable"
    )
    tokens.add_argument("--token-file", metavar="FILE", help="read it from this file")
    tokens.add_argument(
        "--token-prompt", action="store_true", help="type it at a prompt that does not show it"
    )


def asked_of(arguments: argparse.Namespace) -> Asked:
    """Return the request that the arguments describe.

    Raises:
        WrongArguments: it cannot be sent, and nothing was.
    """
    headers = header_fields(arguments.header)
    method = arguments.method.upper()
    if not method.isascii() or not method.isalpha():
        raise WrongArguments(f"--method: {arguments.method!r} is not an HTTP method, such as POST")
    if arguments.timeout == 0:
        raise WrongArguments("--timeout: give more than 0 seconds")
    try:
        client = ChatClient(
            arguments.url, dialect=arguments.dialect, exact_url=arguments.exact_url, headers=headers
        )
    except (TypeError, ValueError) as error:
        raise WrongArguments(str(error)) from None
    if arguments.data is not None:
        body = _json(arguments.data)
    elif arguments.prompt is None and method in ("GET", "HEAD"):
        body = None
    else:
        body = _asking(arguments, client)
    return Asked(
        arguments.url,
        body,
        method,
        arguments.dialect,
        arguments.timeout,
        arguments.exact_url,
        headers,
        token_of(arguments),
    )


def _asking(arguments: argparse.Namespace, client: ChatClient) -> Any:
    """The body for a prompt; for an unknown backend OpenAI's, which most accept."""
    dialect = client.ask_dialect
    options = body_options(arguments.option)
    if arguments.model is not None:
        options["model"] = arguments.model
    if dialect.name == "auto" or type(dialect).body is Dialect.body:
        if arguments.prompt is not None:
            raise WrongArguments(
                "the URL does not show which backend this is, so --prompt cannot be written for "
                "it: name the protocol with --dialect, or give the body with --data"
            )
        return {}
    try:
        _, fields = with_model(client.url, options)
        return dialect.body(Message.all_of(arguments.prompt or PROMPT), **fields)
    except (TypeError, ValueError) as error:
        raise WrongArguments(in_options(error)) from None


def _json(given: str) -> Any:
    text = given
    if given.startswith("@"):
        try:
            with open(given[1:], encoding="utf-8") as file:
                text = file.read()
        except UnicodeDecodeError:
            raise WrongArguments(f"--data: {given[1:]} is not UTF-8 text") from None
        except OSError as error:
            raise WrongArguments(f"--data: cannot read {given[1:]}: {error.strerror}") from None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        # Do not repeat the text, because it may contain a key.
        why = str(error) if isinstance(error, json.JSONDecodeError) else "too deep"
        raise WrongArguments(f"--data is not JSON: {why}") from None


def _bounded(limit: float) -> Timeout:
    return Timeout(
        connect=min(10.0, limit), first_event=limit, idle=limit, total=limit, progress=None
    )
