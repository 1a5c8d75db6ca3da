"""`chatsdk gateway URL --as DIALECT`: serves any backend in another dialect."""

from __future__ import annotations

import argparse
from functools import partial

from chatsdk.cli.arguments import dialect_name, token_in
from chatsdk.cli.backend import add_backend_arguments, client_of
from chatsdk.cli.remedies import WrongArguments
from chatsdk.cli.wsgi_server import add_server_arguments, serve
from chatsdk.web.gateway import is_loopback

__all__ = ["add_to", "run"]

PORT = 8001

EXAMPLES = """\
examples:
  chatsdk gateway http://localhost:11434 --as openai
  chatsdk gateway https://api.anthropic.com --model claude-sonnet-4-5 --as openai
  chatsdk gateway URL --as ollama --token-file callers.txt --host 0.0.0.0"""


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Serve a backend in the dialect of another one until Ctrl-C, so that tools made for that "
        "one can use it."
    )
    parser.epilog = EXAMPLES
    add_backend_arguments(parser, token_file=False)
    add_server_arguments(parser, PORT)
    parser.add_argument(
        "--as",
        dest="front",
        default="openai",
        type=partial(dialect_name, option="--as"),
        metavar="NAME",
        help="the dialect that callers speak (default: %(default)s)",
    )
    parser.add_argument(
        "--token-file",
        dest="callers",
        metavar="FILE",
        help="the token that callers must send; without it only this machine is served (the "
        "backend's own token comes from --token-env or the environment)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    from chatsdk.web import Gateway

    token = None if arguments.callers is None else token_in(arguments.callers)
    if token is None and not is_loopback(arguments.host):
        raise WrongArguments(
            f"--host {arguments.host} lets other machines in: give --token-file with the "
            "token that they must send"
        )
    with client_of(arguments) as client:
        try:
            gateway = Gateway(client, dialect=arguments.front, token=token)
        except ValueError as error:
            raise WrongArguments(f"--as: {error}") from None
        path = gateway.paths[0] if gateway.paths else "/"
        name = gateway.dialect.about.backend
        return serve(gateway, arguments, lambda url: f"{name} at {url}{path}")
