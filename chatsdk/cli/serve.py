"""`chatsdk serve`: runs the built-in server, to try other programs with."""

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

EXAMPLES = """\
examples:
  chatsdk serve
  chatsdk serve --dialect anthropic --port 0
  curl -N -X POST http://127.0.0.1:8765/sse"""

# Addresses that no other machine can reach.
LOOPBACK = ("127.0.0.1", "localhost", "::1")

# Seconds. On Windows, Ctrl-C does not interrupt a wait without a timeout.
AWAKE_SECONDS = 1.0


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Run the built-in server until Ctrl-C. It answers in one dialect: at the path of that "
        "backend, at / and at /chat. The replies are canned: no model is involved. POST /sse "
        "sends ten plain events."
    )
    parser.epilog = EXAMPLES
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)"
    )
    parser.add_argument(
        "--port", type=port, default=PORT, help="default: %(default)s; 0 takes a free one"
    )
    parser.add_argument(
        "--dialect",
        default="openai",
        metavar="NAME",
        help="the protocol of its answers (default: %(default)s)",
    )
    parser.add_argument(
        "--interval",
        type=seconds,
        default=1.0,
        metavar="SECONDS",
        help="time between two events of /sse (default: %(default)s)",
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
            # The usual end.
            print("\nstopped", flush=True)
    return 0


def _written(name: str) -> Dialect:
    """Return the dialect, if chatsdk can write its answers."""
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
        f"The built-in server answers at {url} in the dialect {name}.",
        "Its replies are canned: no model is involved.",
        "",
        f"Talk to it:  chatsdk chat{option} {url}",
        f"Ten events:  curl -N -X POST {server.url}/sse",
        "",
    ]
    if arguments.host not in LOOPBACK:
        lines.append("Other machines can reach it, and it asks for no token.")
    lines.append("Ctrl-C stops it.")
    print("\n".join(lines), flush=True)


def chat_url(server: EmbeddedServer) -> str:
    """Return the server's address, with the path of the dialect's own backend."""
    path = server.dialect.about.endpoint.split()[-1]
    if not path.startswith("/"):
        path = "/"
    return server.url + re.sub(r"\{[^}]*\}", "1", path)
