"""`chatsdk demo`: one POST to the embedded server, and its answer as it streams."""

from __future__ import annotations

import argparse
import sys

import chatsdk
from chatsdk.cli.screen import Screen
from chatsdk.client import ChatClient
from chatsdk.testing import EmbeddedServer

__all__ = ["add_to", "run"]

PROMPT = "Hello! What are you?"


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "demo",
        help="watch an answer stream from the embedded server",
        description="Start the embedded server on the loopback, ask it, print its answer as it "
        "streams, then how it came. The server's speaker is built in: there is no model.",
    )
    parser.add_argument(
        "prompt", nargs="*", help=f"what to ask, in quotes or not; by default: {PROMPT}"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Ask once and show how the answer comes."""
    prompt = " ".join(arguments.prompt) or PROMPT
    with EmbeddedServer() as server, ChatClient(f"{server.url}/v1/chat/completions") as client:
        print(f"chatsdk {chatsdk.__version__}, asking the embedded server at {client.url}")
        print("Its speaker is built in: there is no model, and nothing leaves this machine.")
        print(f"\n> {prompt}\n", flush=True)
        screen = Screen(sys.stdout, sys.stderr)
        with client.ask(prompt) as stream:
            for answer in stream:
                screen.step(answer)
    timings = stream.answer.timings
    first = timings.first_text
    print("\n")
    print(f"time to first text  {0.0 if first is None else first:.3f} s")
    print(f"events              {timings.events}")
    print(f"duration            {timings.duration:.3f} s")
    return 0
