"""The arguments that describe a backend, and the client built from them."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from chatsdk.cli.arguments import add_dialect_and_headers, body_options, header_fields, token_of
from chatsdk.cli.remedies import TOKEN_VARIABLE, WrongArguments, in_options
from chatsdk.client import ChatClient
from chatsdk.dialects import Dialect, get
from chatsdk.dialects.url_suggestions import unknown_backend
from chatsdk.dialects.urls import with_model
from chatsdk.messages import Message

__all__ = ["add_backend_arguments", "client_of"]

# Dialects that cannot encode requests unless a program configures them.
NEED_ARGUMENTS = ("auto", "json", "text")

# Dialects to mention if the URL shows none.
OFTEN_ASKED = ("openai", "anthropic", "gemini", "ollama", "dify", "ragflow")


def add_backend_arguments(parser: argparse.ArgumentParser, *, token_file: bool = True) -> None:
    """Add the URL and the options for the backend.

    Args:
        parser: where to add them.
        token_file: whether ``--token-file`` names the backend's token.
    """
    parser.add_argument(
        "url",
        metavar="URL",
        help="the base URL of the backend, such as https://api.openai.com/v1 or "
        "http://localhost:11434, or the complete address",
    )
    asking = parser.add_argument_group("what is asked")
    asking.add_argument("--model", metavar="NAME", help="the model to ask for")
    asking.add_argument("--system", metavar="TEXT", help="a system message to begin with")
    asking.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a field of the request, such as temperature=0.2 or user=me; repeatable; a VALUE "
        "that is not JSON is sent as text",
    )
    add_dialect_and_headers(asking)
    asking.add_argument(
        "--exact-url", action="store_true", help="post to URL as it is written; complete nothing"
    )
    tokens = parser.add_argument_group(
        "the token (API key)",
        f"By default it is read from {TOKEN_VARIABLE}, and next from the provider's own variable, "
        "such as OPENAI_API_KEY, for that provider's host alone.",
    ).add_mutually_exclusive_group()
    tokens.add_argument(
        "--token-env", metavar="VARIABLE", help="read it from this environment variable"
    )
    if token_file:
        tokens.add_argument("--token-file", metavar="FILE", help="read it from this file")
    else:
        parser.set_defaults(token_file=None)
    tokens.add_argument(
        "--token-prompt", action="store_true", help="type it at a prompt that does not show it"
    )


def client_of(
    arguments: argparse.Namespace, *, tap: Callable[[bytes, float], object] | None = None
) -> ChatClient:
    """Return the client that the arguments describe.

    Args:
        arguments: of a parser with `add_backend_arguments`.
        tap: as in `ChatClient`.

    Raises:
        WrongArguments: such a request is not possible; nothing was sent.
    """
    prompt = getattr(arguments, "prompt", None) or ""
    if "://" not in arguments.url and prompt.startswith(("http://", "https://")):
        raise WrongArguments("the URL comes first, and the prompt after it")
    defaults = body_options(arguments.option)
    if arguments.model is not None:
        defaults["model"] = arguments.model
    headers = header_fields(arguments.header)
    token = token_of(arguments)
    try:
        asked = ChatClient(arguments.url, dialect=arguments.dialect, exact_url=arguments.exact_url)
        dialect = asked.ask_dialect
        if dialect.name == "auto":
            raise WrongArguments(
                f"{unknown_backend(asked.url)} the dialect with --dialect (--dialect list prints "
                f"all); among others there are {', '.join(OFTEN_ASKED)}"
            )
        if not _can_ask(dialect.name):
            raise WrongArguments(
                f"the dialect {dialect.name!r} only reads answers, so it cannot ask a prompt: name "
                "another one, such as openai"
            )
        client = ChatClient(
            arguments.url,
            dialect=dialect,
            token=token,
            headers=headers,
            defaults=defaults,
            exact_url=arguments.exact_url,
            tap=tap,
        )
    except (TypeError, ValueError) as error:
        raise WrongArguments(str(error)) from None
    try:
        # Reports what the dialect lacks now, not after the first prompt.
        _, options = with_model(asked.url, defaults)
        dialect.body(Message.all_of("Hi"), **options)
    except (TypeError, ValueError) as error:
        raise WrongArguments(in_options(error)) from None
    return client


def _can_ask(name: str) -> bool:
    """Whether the dialect of this name, without arguments, can encode a request for a prompt."""
    return name not in NEED_ARGUMENTS and type(get(name)).body is not Dialect.body
