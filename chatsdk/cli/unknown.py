"""Messages for arguments that match no option of a command."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from collections.abc import Sequence

from chatsdk.cli.arguments import WHY_NOT_HERE

__all__ = ["unknown_arguments"]

# Options with which other programs take an API key.
KEYS = ("--token", "--api-key", "--apikey", "--api_key", "--key", "--bearer", "--auth")

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


def unknown_arguments(command: ArgumentParser, rest: Sequence[str]) -> str:
    """Return the message for arguments that are left over.

    A value is not repeated, because it may be a key.

    Args:
        command: the parser of the command.
        rest: the arguments that it did not accept.
    """
    name = next((word for word in rest if word.startswith("-")), None)
    if name is None:
        return (
            f"{len(rest)} argument{'' if len(rest) == 1 else 's'} too many; "
            "put a prompt of several words in quotation marks"
        )
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
