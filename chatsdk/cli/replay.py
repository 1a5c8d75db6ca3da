"""`chatsdk replay FILE`: serves a recording over HTTP."""

from __future__ import annotations

import argparse
import threading

from chatsdk.cli.arguments import port, seconds
from chatsdk.cli.remedies import WrongArguments, cannot_listen
from chatsdk.recording import load
from chatsdk.testing import replay

__all__ = ["add_to", "run"]

EXAMPLES = """\
examples:
  chatsdk replay hello.jsonl
  chatsdk replay page.har --speed 10 --port 8765"""

# Seconds between wake-ups. On Windows, Ctrl-C does not interrupt a wait without a timeout.
AWAKE_SECONDS = 1.0


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Serve a recording until Ctrl-C: to every request at any path, with its status, its "
        "headers, and a chunk for each recorded read. It also plays the HAR files of browsers and "
        "the output of curl -i --no-buffer, as far as they keep the body."
    )
    parser.epilog = EXAMPLES
    parser.add_argument("file", metavar="FILE", help="the recording")
    parser.add_argument(
        "--speed",
        type=seconds,
        default=1.0,
        metavar="N",
        help="0 plays at once, 1 as it was (the default), 10 ten times as fast",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)"
    )
    parser.add_argument("--port", type=port, default=0, help="the port; a free one by default")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    try:
        recording = load(arguments.file)
    except ValueError as error:
        raise WrongArguments(str(error)) from None
    except OSError as error:
        raise WrongArguments(f"cannot read {arguments.file}: {error.strerror}") from None
    try:
        server = replay(arguments.file, arguments.speed, host=arguments.host, port=arguments.port)
    except OSError as error:
        raise cannot_listen(arguments.host, arguments.port, error) from error
    with server:
        never = threading.Event()
        try:
            print(server.url, flush=True)
            print(
                f"It plays HTTP {recording.status}, {len(recording.reads)} reads, the end "
                f"{recording.end!r}, to every request at any path. Ctrl-C stops it.",
                flush=True,
            )
            while not never.wait(AWAKE_SECONDS):
                pass
        except KeyboardInterrupt:
            print("\nstopped", flush=True)
    return 0
