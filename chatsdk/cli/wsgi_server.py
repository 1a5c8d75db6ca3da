"""Serves a WSGI application with threads until Ctrl-C, for `chatsdk web` and `chatsdk gateway`."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from typing import Any

from chatsdk.cli.arguments import port
from chatsdk.cli.remedies import WrongArguments, cannot_listen
from chatsdk.web.gateway import is_loopback

__all__ = ["add_server_arguments", "serve"]

# A browser holds one thread for as long as it follows an answer.
THREADS = 64

# Bytes that may wait for a browser that reads slowly; with more, the backend is not read.
WAITING_BYTES = 64 * 1024


def add_server_arguments(parser: argparse.ArgumentParser, default_port: int) -> None:
    """Add where to listen."""
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)"
    )
    parser.add_argument(
        "--port", type=port, default=default_port, help="default: %(default)s; 0 takes a free one"
    )


def serve(application: Any, arguments: argparse.Namespace, greet: Callable[[str], str]) -> int:
    """Serve until Ctrl-C.

    Args:
        application: the WSGI application.
        arguments: with ``host`` and ``port``.
        greet: takes the server's URL and returns the text to print.

    Raises:
        WrongArguments: the extra ``web`` is not installed.
        ChatError: the port is taken.
    """
    try:
        import waitress
    except ImportError:
        raise WrongArguments(
            "this command needs a web server: pip install 'chatsdk[web]', or in a checkout "
            "pip install '.[web]'"
        ) from None
    # It would log a warning for each request that waits for a thread.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    try:
        server = waitress.create_server(
            application,
            host=arguments.host,
            port=arguments.port,
            threads=THREADS,
            ident=None,
            outbuf_high_watermark=WAITING_BYTES,
            # Reading ahead lets it notice a browser that leaves while nothing is written.
            channel_request_lookahead=1,
            clear_untrusted_proxy_headers=False,
        )
    except (OSError, ValueError) as error:
        raise cannot_listen(arguments.host, arguments.port, error) from error
    shown = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    print(greet(f"http://{shown}:{_port_of(server)}"), flush=True)
    if not is_loopback(arguments.host):
        print("Other machines can reach it.", flush=True)
    print("Ctrl-C stops it.", flush=True)
    server.run()
    print("\nstopped", flush=True)
    return 0


def _port_of(server: Any) -> int:
    listening = getattr(server, "effective_listen", None)
    found = listening[0][1] if listening else server.effective_port
    return int(found)
