"""`main`: reads the command line, runs one command, and turns how it ended into an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import chatsdk
from chatsdk.cli import chat, demo, serve
from chatsdk.cli.remedies import WrongArguments, in_one_line
from chatsdk.errors import ChatError

__all__ = ["main"]

FINE = 0
FAILED = 1
# What argparse uses too.
WRONG_ARGUMENTS = 2
# 128 and the number of SIGINT: what a shell reports for a program that Ctrl-C has ended.
INTERRUPTED = 130

COMMANDS = (demo, serve, chat)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    0 is fine, 1 an error, 2 wrong arguments, 130 an interruption by Ctrl-C. An error is told in one
    line on the standard error stream.

    Args:
        argv: the arguments after the command's name; ``None`` takes those of the process.
    """
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as end:
        # Of --help, --version and wrong arguments; argparse has said everything.
        return int(end.code or FINE)
    try:
        code: int = arguments.run(arguments)
        # A reader that has gone is found out here and not while Python shuts down.
        sys.stdout.flush()
        return code
    except WrongArguments as error:
        return _failed(str(error), WRONG_ARGUMENTS)
    except ChatError as error:
        return _failed(in_one_line(error), FAILED)
    except BrokenPipeError:
        # `chatsdk ... | head`: nobody reads on. Python would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chatsdk",
        description="Stream a chat answer from a language-model backend.",
        epilog="`chatsdk COMMAND --help` says more about a command.",
    )
    parser.add_argument("--version", action="version", version=f"chatsdk {chatsdk.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    return parser


def _failed(message: str, code: int) -> int:
    print(f"chatsdk: {message}", file=sys.stderr)
    return code
