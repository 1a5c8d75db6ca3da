"""`chatsdk serve`: runs the built-in server, for trying other programs with it."""

from __future__ import annotations

import argparse
import re
import threading

from chatsdk import dialects
from chatsdk.cli.arguments import dialect_name, port, seconds
from chatsdk.cli.remedies import WrongArguments, cannot_listen
from chatsdk.dialects import Dialect
from chatsdk.dialects.urls import guess
from chatsdk.testing import ChatServer, EmbeddedServer
from chatsdk.transport import shown_url

__all__ = ["add_to", "chat_url", "run"]

PORT = 8765

EXAMPLES = """\
examples:
  chatsdk serve
  chatsdk serve --dialect anthropic --port 0
  curl -N -X POST http://127.0.0.1:8765/sse
  chatsdk serve --fault cut_after
  chatsdk serve --proxy http://127.0.0.1:8000 --break gzip"""

# Addresses that no other machine can reach.
LOOPBACK = ("127.0.0.1", "localhost", "::1")

# Seconds between wake-ups. On Windows, Ctrl-C does not interrupt a wait without a timeout.
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
        type=dialect_name,
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
    breaking = parser.add_argument_group("broken on purpose")
    breaking.add_argument(
        "--fault",
        metavar="NAME",
        help="answer every request with this fault, such as cut_after; `--fault list` lists them",
    )
    breaking.add_argument(
        "--proxy", metavar="URL", help="pass every request on to the backend at this address"
    )
    breaking.add_argument(
        "--break",
        dest="broken",
        metavar="HOW",
        help="break the streams of --proxy: gzip (compress, and do not flush), buffer (keep all to "
        "the end), group=5 (so many events at a time), delay=0.2 (seconds), cut=1000 (bytes), "
        "close (end the body with the connection)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    if arguments.broken is not None and arguments.proxy is None:
        raise WrongArguments("--break needs --proxy URL: the backend whose streams it breaks")
    if arguments.fault is not None and arguments.proxy is not None:
        raise WrongArguments("--fault and --proxy do not go together: give one of them")
    if arguments.fault == "list":
        from chatsdk.cli.faulty import names_of_faults

        print("\n".join(names_of_faults()))
        return 0
    try:
        server, lines = _server(arguments)
    except OSError as error:
        raise cannot_listen(arguments.host, arguments.port, error) from error
    with server:
        never = threading.Event()
        try:
            if arguments.host not in LOOPBACK:
                lines.append("Other machines can reach it, and it asks for no token.")
            print("\n".join([*lines, "Ctrl-C stops it."]), flush=True)
            while not never.wait(AWAKE_SECONDS):
                pass
        except KeyboardInterrupt:
            # The normal end.
            print("\nstopped", flush=True)
    return 0


def _server(arguments: argparse.Namespace) -> tuple[ChatServer, list[str]]:
    """Return the server, and the lines to print about it."""
    if arguments.fault is not None:
        from chatsdk.cli.faulty import faulty_server

        faulty = faulty_server(arguments.fault, host=arguments.host, port=arguments.port)
        return faulty, [f"Every request to {faulty.url} gets the fault {arguments.fault}."]
    if arguments.proxy is not None:
        from chatsdk.cli.faulty import relay_server

        relay = relay_server(arguments)
        how = f", broken by {arguments.broken}" if arguments.broken is not None else ""
        backend = shown_url(arguments.proxy)
        return relay, [f"Every request to {relay.url} goes on to {backend}{how}."]
    dialect = _written(arguments.dialect)
    server = EmbeddedServer(
        dialect, host=arguments.host, port=arguments.port, interval=arguments.interval
    )
    return server, _greeting(server)


def _written(name: str) -> Dialect:
    """Return the dialect, if chatsdk can encode its answers."""
    try:
        dialect = dialects.get(name)
        dialect.encode(())
    except ValueError as error:
        raise WrongArguments(f"--dialect: {error}") from None
    return dialect


def _greeting(server: EmbeddedServer) -> list[str]:
    name = server.dialect.name
    url = chat_url(server)
    option = "" if guess(url) == name else f" --dialect {name}"
    return [
        f"The built-in server answers at {url} in the dialect {name}.",
        "Its replies are canned: no model is involved.",
        "",
        f"Talk to it:  chatsdk chat{option} {url}",
        f"Ten events:  curl -N -X POST {server.url}/sse",
        "",
    ]


def chat_url(server: EmbeddedServer) -> str:
    """Return the server's URL, with the path of the dialect's own backend."""
    path = server.dialect.path or "/"
    return server.url + re.sub(r"\{[^}]*\}", "1", path)
