"""`chatsdk chat URL`: a conversation with a backend, in a terminal or through a pipe."""

from __future__ import annotations

import argparse
import sys

from chatsdk.cli.arguments import body_options, header_fields, token_of
from chatsdk.cli.conversation import Conversation
from chatsdk.cli.keyboard import prompts
from chatsdk.cli.markdown import screen_for
from chatsdk.cli.remedies import TOKEN_VARIABLE, WrongArguments
from chatsdk.client import ChatClient
from chatsdk.dialects import Dialect, get, names
from chatsdk.dialects.urls import ask_dialect
from chatsdk.messages import Message

__all__ = ["add_to", "run"]


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "chat",
        help="talk to a backend",
        description="Talk to a backend. Ctrl-C stops the answer and keeps its text; Ctrl-C at the "
        "prompt leaves, as does Ctrl-D. Where the input is no terminal, each of its lines is a "
        "prompt, the text of the answers goes to the output, and the first error ends it.",
        epilog="With rich and prompt_toolkit (the extra `cli`) lines are easier to edit, and "
        "answers are rendered.",
    )
    parser.add_argument("url", metavar="URL", help="the address that takes the POST")
    parser.add_argument(
        "--dialect",
        default="auto",
        metavar="NAME",
        help="what the backend speaks; needed where the URL does not tell",
    )
    parser.add_argument("--model", metavar="NAME", help="the model to ask for")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a field of the request, such as temperature=0.2 or user=me, any number of times; "
        "JSON, or else text",
    )
    parser.add_argument(
        "--token-env",
        metavar="VARIABLE",
        help=f"the environment variable that holds the token ({TOKEN_VARIABLE}, if it is there); "
        "the token itself is never taken from the command line, where others can read it",
    )
    parser.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="a header field to send along, any number of times; 'NAME: $VARIABLE' takes the value "
        "from the environment",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Talk until the input ends, or until Ctrl-C."""
    client = _client(arguments)
    screen = screen_for(sys.stdout, sys.stderr, rewrites=client.dialect.text == "snapshot")
    typed = sys.stdin.isatty()
    with client, Conversation(client, screen) as conversation:
        if not typed:
            return conversation.read_all(sys.stdin)
        screen.note(
            f"{client.url}, dialect {client.dialect.name}; Ctrl-C stops an answer, Ctrl-D leaves"
        )
        return conversation.talk(prompts(sys.stdout))


def _client(arguments: argparse.Namespace) -> ChatClient:
    defaults = body_options(arguments.option)
    if arguments.model is not None:
        defaults["model"] = arguments.model
    headers = header_fields(arguments.header)
    token = token_of(arguments.token_env)
    try:
        dialect = _dialect(arguments)
        if not _asks(dialect.name):
            raise WrongArguments(
                f"the dialect {dialect.name!r} has no way to ask a prompt; "
                f"those that have are {', '.join(filter(_asks, names()))}"
            )
        client = ChatClient(
            arguments.url, dialect=dialect, token=token, headers=headers, defaults=defaults
        )
    except (TypeError, ValueError) as error:
        raise WrongArguments(str(error)) from None
    try:
        # What cannot be asked at all is told now, and not after the first prompt.
        dialect.body(Message.all_of("Hi"), **defaults)
    except (TypeError, ValueError) as error:
        raise WrongArguments(f"{error} (here: --option NAME=VALUE)") from None
    return client


def _dialect(arguments: argparse.Namespace) -> Dialect:
    dialect = ask_dialect(get(arguments.dialect), arguments.url)
    if dialect.name == "auto":
        raise WrongArguments(
            "the URL does not show which backend this is: name what it speaks with --dialect; "
            f"there are {', '.join(filter(_asks, names()))}"
        )
    return dialect


def _asks(name: str) -> bool:
    """Whether the dialect can write what asks a prompt."""
    return name != "auto" and type(get(name)).body is not Dialect.body
