"""`chatsdk demo`: sends a prompt to the built-in server and prints the streaming answer."""

from __future__ import annotations

import argparse
import sys

import chatsdk
from chatsdk.cli.screen import Screen
from chatsdk.client import ChatClient
from chatsdk.testing import EmbeddedServer

__all__ = ["add_to", "run"]

PROMPT = "Hello! What are you?"


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Start the built-in server on this machine, ask it something, and print its answer as it "
        "streams, then its timings. The replies are canned: no model is involved."
    )
    parser.add_argument("prompt", nargs="*", help=f"what to ask (default: {PROMPT})")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Ask once, and show how the answer arrives."""
    prompt = " ".join(arguments.prompt) or PROMPT
    with EmbeddedServer() as server, ChatClient(f"{server.url}/v1/chat/completions") as client:
        print(f"chatsdk {chatsdk.__version__}, asking the built-in server at {client.url}")
        print("Its replies are canned: no model is involved, and nothing leaves this machine.")
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
