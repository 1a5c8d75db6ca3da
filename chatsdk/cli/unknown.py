"""Messages for commands and arguments that do not exist."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from chatsdk.cli.arguments import WHY_NOT_HERE

__all__ = ["unknown_arguments", "unknown_command"]

# Options with which other programs take an API key.
KEYS = ("--token", "--api-key", "--apikey", "--api_key", "--key", "--bearer", "--auth")

# The message of `chatsdk record` without its option.
NO_OUTPUT = "name the file to write with -o FILE, such as -o answer.jsonl"

# Options of other programs, and common parameters of models, with their equivalent here.
ELSEWHERE = {
    "--api-base": "the address is the first argument",
    "--base-url": "the address is the first argument",
    "--url": "the address is the first argument",
    "--prompt": "the prompt is the second argument",
    "--max-tokens": "use --option max_tokens=...",
    "--temperature": "use --option temperature=...",
    "--top-p": "use --option top_p=...",
    "--system-prompt": "use --system TEXT",
    "--image": "use --file FILE with `chatsdk ask`",
}


def unknown_command(word: str, commands: Sequence[str]) -> str:
    """Return the message for a first argument that is not a command."""
    from difflib import get_close_matches

    if "://" in word:
        return "the command comes before the address, such as chatsdk chat URL"
    if close := get_close_matches(word, commands, 1):
        return f"there is no command {word}: did you mean {close[0]}?"
    return "the first argument is not a command; `chatsdk --help` lists the commands"


def unknown_arguments(arguments: Namespace, rest: Sequence[str]) -> str:
    """Return the message for arguments that are left over.

    A value is not repeated, because it may be a key.

    Args:
        arguments: those that were accepted.
        rest: the others.
    """
    command: ArgumentParser = arguments.command
    name = next((word for word in rest if word.startswith("-")), None)
    if name is None:
        cure = "put a prompt of several words in quotation marks"
        if hasattr(arguments, "data"):
            cure = "give the prompt as --prompt TEXT, in quotation marks if it has spaces"
        if getattr(arguments, "output", "") is None:
            cure += f"; {NO_OUTPUT}"
        return f"{len(rest)} argument{'' if len(rest) == 1 else 's'} too many; {cure}"
    name = name.partition("=")[0]
    text = f"{command.prog.rpartition(' ')[2]} has no option {name}"
    if name in KEYS:
        return (
            f"{text}: put the key into the environment variable CHATSDK_TOKEN, or use "
            f"--token-file or --token-prompt; {WHY_NOT_HERE}"
        )
    if name in ELSEWHERE:
        return f"{text}: {ELSEWHERE[name]}"
    from difflib import get_close_matches

    known = sorted(set(re.findall(r"--[a-z][a-z-]+", command.format_help())))
    if close := get_close_matches(name, known, 1):
        return f"{text}: did you mean {close[0]}?"
    return f"{text}; `{command.prog} --help` lists its options"
