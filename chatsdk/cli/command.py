"""`main`: reads the command line, runs one command, and returns its exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

import chatsdk
from chatsdk.cli.answer_notes import printable
from chatsdk.cli.remedies import WrongArguments, in_one_line
from chatsdk.cli.unknown import unknown_arguments, unknown_command
from chatsdk.cli.word_wrap import columns_of, wrapped
from chatsdk.errors import ChatError

__all__ = ["main"]

FINE = 0
FAILED = 1
# argparse's own exit code for wrong arguments.
WRONG_ARGUMENTS = 2
# 128 plus the number of SIGINT, as a shell reports a program that Ctrl-C ended.
INTERRUPTED = 130

# Each command with its line in the help. Its module in chatsdk.cli is loaded only when needed, so
# that `chatsdk --help` and `chatsdk ask` start quickly.
COMMANDS = {
    "demo": "watch an answer stream from the built-in server",
    "chat": "talk to a backend",
    "ask": "ask one question; made for scripts and pipes",
    "batch": "ask many questions at once, from a file into a file",
    "web": "serve a chat page for a backend",
    "gateway": "serve a backend in the dialect of another one",
    "doctor": "find out why a stream arrives late, at once, or not at all",
    "inspect": "watch the events of a stream: times, gaps, sizes",
    "record": "record a stream in a file",
    "replay": "serve a recording over HTTP",
    "serve": "run the built-in server, to try other programs with",
}

# Commands that run until Ctrl-C.
SERVERS = frozenset({"web", "gateway", "replay", "serve"})

EXAMPLES = """\
examples:
  chatsdk demo
  chatsdk chat https://api.openai.com/v1 --model gpt-4o
  chatsdk ask http://localhost:8765/v1/chat/completions "Say hello"
  git diff | chatsdk ask URL - --system "Write a commit message."
  chatsdk serve

`chatsdk COMMAND --help` explains a command."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    0 is success, 1 an error, 2 wrong arguments, 130 Ctrl-C. An error is one line on stderr.

    Args:
        argv: the arguments after the command's name; ``None`` takes those of the process.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    _open_streams(given)
    try:
        parser = _parser(given)
        if not given:
            parser.print_help()
            return FINE
        if not given[0].startswith("-") and given[0] not in COMMANDS:
            parser.print_usage(sys.stderr)
            return _failed(unknown_command(given[0], list(COMMANDS)), WRONG_ARGUMENTS)
        arguments, rest = parser.parse_known_args(given)
        if len(rest) == 1 and _is_missing_prompt(arguments, rest[0]):
            arguments.prompt = rest[0]
        elif rest:
            return _failed(unknown_arguments(arguments, rest), WRONG_ARGUMENTS)
    except WrongArguments as error:
        return _failed(str(error), WRONG_ARGUMENTS)
    except SystemExit as end:
        # --help, --version or wrong arguments; argparse has printed everything.
        return int(end.code or FINE)
    except BrokenPipeError:
        return _unheard()
    try:
        code: int = arguments.run(arguments)
        # Notice here, not while Python shuts down, that the reader of a pipe has gone.
        sys.stdout.flush()
        return code
    except WrongArguments as error:
        return _failed(str(error), WRONG_ARGUMENTS)
    except ChatError as error:
        return _failed(in_one_line(error), FAILED)
    except BrokenPipeError:
        return _unheard()
    except OSError as error:
        _unheard()
        return _failed(f"cannot write the output: {error.strerror or error}", FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED


def _open_streams(given: list[str]) -> None:
    """Replace standard streams that the caller has closed (``>&-``), for which Python has None.

    A connection would otherwise get the number of a closed one. Writing to a closed stdout fails,
    except for a server, whose greeting is not essential.
    """
    serves = bool(given) and given[0] in SERVERS
    modes = (("stdin", "r"), ("stdout", "w" if serves else "r"), ("stderr", "w"))
    for name, mode in modes:
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _is_missing_prompt(arguments: argparse.Namespace, word: str) -> bool:
    # Before Python 3.12.7, argparse fills an optional positional as soon as it sees the one before
    # it, so a prompt that follows an option is left over.
    optional = getattr(arguments, "prompt", "") is None and not hasattr(arguments, "data")
    return optional and not word.startswith("-")


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chatsdk",
        description="Stream answers from the backends of large language models.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"chatsdk {chatsdk.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", title="commands", required=True)
    for name, line in COMMANDS.items():
        command = commands.add_parser(
            name, help=line, formatter_class=_HelpFormatter, allow_abbrev=False
        )
        command.set_defaults(command=command)
        if name in given:
            _module(name).add_to(command)
    return parser


def _module(name: str) -> Any:
    # Import statements, because bundlers do not follow computed names.
    if name == "demo":
        from chatsdk.cli import demo

        return demo
    if name == "chat":
        from chatsdk.cli import chat

        return chat
    if name == "ask":
        from chatsdk.cli import ask

        return ask
    if name == "batch":
        from chatsdk.cli import batch

        return batch
    if name == "web":
        from chatsdk.cli import web

        return web
    if name == "gateway":
        from chatsdk.cli import gateway

        return gateway
    if name == "doctor":
        from chatsdk.cli import doctor

        return doctor
    if name == "inspect":
        from chatsdk.cli import inspect

        return inspect
    if name == "record":
        from chatsdk.cli import record

        return record
    if name == "replay":
        from chatsdk.cli import replay

        return replay
    from chatsdk.cli import serve

    return serve


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Wraps the description, and leaves the examples as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return super()._fill_text(text, width, indent)
        return argparse.HelpFormatter._fill_text(self, text, width, indent)


def _failed(message: str, code: int) -> int:
    text = printable(f"chatsdk: {message}")
    if sys.stderr.isatty():
        text = wrapped(text, columns_of(sys.stderr))
    print(text, file=sys.stderr)
    return code


def _unheard() -> int:
    """Discard unwritten output; otherwise Python would report another error when it flushes."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FAILED
