"""`chatsdk serve`: the embedded server alone, to try other programs with."""

from __future__ import annotations

import argparse
import re
import threading

from chatsdk import dialects
from chatsdk.cli.arguments import port, seconds
from chatsdk.cli.remedies import WrongArguments
from chatsdk.dialects import Dialect
from chatsdk.dialects.urls import guess
from chatsdk.errors import ChatError
from chatsdk.testing import EmbeddedServer

__all__ = ["add_to", "chat_url", "run"]

PORT = 8765

# Addresses that no other machine can reach.
LOOPBACK = ("127.0.0.1", "localhost", "::1")

# Seconds. On Windows a wait without end is deaf to Ctrl-C.
AWAKE_SECONDS = 1.0


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "serve",
        help="run the embedded server alone",
        description="Run the embedded server until Ctrl-C. It answers in one dialect, at the path "
        "of its backend, at / and at /chat, through its built-in speaker: there is no model. "
        "POST /sse gives ten plain events.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (%(default)s)")
    parser.add_argument(
        "--port", type=port, default=PORT, help="the port (%(default)s); 0 takes a free one"
    )
    parser.add_argument(
        "--dialect", default="openai", metavar="NAME", help="how it answers (%(default)s)"
    )
    parser.add_argument(
        "--interval",
        type=seconds,
        default=1.0,
        metavar="SECONDS",
        help="between two events of /sse (%(default)s)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    dialect = _written(arguments.dialect)
    try:
        server = EmbeddedServer(
            dialect, host=arguments.host, port=arguments.port, interval=arguments.interval
        )
    except OSError as error:
        raise ChatError(
            f"cannot listen on {arguments.host} port {arguments.port}: {error.strerror or error}; "
            "choose another with --port, or --port 0 for a free one"
        ) from error
    with server:
        never = threading.Event()
        try:
            _greet(server, arguments)
            while not never.wait(AWAKE_SECONDS):
                pass
        except KeyboardInterrupt:
            # This is how it is meant to end.
            print("\nended", flush=True)
    return 0


def _written(name: str) -> Dialect:
    """Return the dialect, if chatsdk can write it."""
    try:
        dialect = dialects.get(name)
        dialect.encode(())
    except ValueError as error:
        raise WrongArguments(f"--dialect: {error}") from None
    return dialect


def _greet(server: EmbeddedServer, arguments: argparse.Namespace) -> None:
    name = server.dialect.name
    url = chat_url(server)
    option = "" if guess(url) == name else f" --dialect {name}"
    lines = [
        f"The embedded server answers at {url} in the dialect {name}.",
        "Its speaker is built in: there is no model.",
        "",
        f"A conversation:  chatsdk chat{option} {url}",
        f"Ten events:      curl -N -X POST {server.url}/sse",
        "",
    ]
    if arguments.host not in LOOPBACK:
        lines.append("Other machines can reach it too, and it asks for no token.")
    lines.append("Ctrl-C ends it.")
    print("\n".join(lines), flush=True)


def chat_url(server: EmbeddedServer) -> str:
    """Return where the server is asked, at the path where the dialect's own backend is."""
    path = server.dialect.about.endpoint.split()[-1]
    if not path.startswith("/"):
        path = "/"
    return server.url + re.sub(r"\{[^}]*\}", "1", path)
