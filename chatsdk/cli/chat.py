"""`chatsdk chat URL [PROMPT]`: a conversation with a backend."""

from __future__ import annotations

import argparse
import sys

from chatsdk.cli.backend import add_backend_arguments, client_of
from chatsdk.cli.conversation import Conversation
from chatsdk.cli.keyboard import prompts
from chatsdk.cli.markdown_screen import screen_for
from chatsdk.cli.prompt_history import History, history_file
from chatsdk.cli.slash_commands import COMMANDS

__all__ = ["add_to", "run"]

EXAMPLES = """\
examples:
  chatsdk chat http://localhost:8765/v1/chat/completions
  chatsdk chat https://api.openai.com/v1 --model gpt-4.1-mini
  chatsdk chat http://localhost:11434 "What is SSE?" --model llama3.2
  printf 'Hi\\nWhat did I say?\\n' | chatsdk chat URL

At the prompt, /help lists the commands and keys. The extra `cli` (rich,
prompt_toolkit) adds Markdown and a better line editor. To use a model in a
script, see `chatsdk ask --help`.

exit codes: 0 fine, 1 an answer failed, 2 wrong arguments, 130 Ctrl-C"""


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Talk to a backend. Esc or Ctrl-C stops an answer and keeps its text; Ctrl-D at the prompt "
        "leaves. If stdin is not a terminal, each line of it is a prompt, only the answers' text "
        "goes to stdout, and the first error stops the program."
    )
    parser.epilog = EXAMPLES
    add_backend_arguments(parser)
    parser.add_argument(
        "prompt",
        nargs="?",
        metavar="PROMPT",
        help="the first question; the conversation goes on after it if stdin and stdout are a "
        "terminal, otherwise it is the only one",
    )
    parser.add_argument(
        "--no-history",
        action="store_true",
        help="neither read nor keep earlier prompts (they are kept in a file that only you can "
        "read)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Talk until the input ends, or until Ctrl-C."""
    client = client_of(arguments)
    screen = screen_for(sys.stdout, sys.stderr, rewrites=client.dialect.text == "snapshot")
    conversation = Conversation(client, screen, system=arguments.system, model=arguments.model)
    with client, conversation:
        first = None if arguments.prompt is None else arguments.prompt.strip()
        if first and not (sys.stdin.isatty() and screen.terminal):
            return conversation.ask_once(first)
        if not sys.stdin.isatty():
            return conversation.read_all(sys.stdin)
        screen.note(f"{client.url}, dialect {client.dialect.name}")
        screen.note("Esc or Ctrl-C stops an answer, Ctrl-D leaves, /help lists the commands")
        screen.space()
        history = History(None if arguments.no_history else history_file())
        names = [name.split()[0] for name in COMMANDS]
        return conversation.talk(
            prompts(sys.stdout, history, names), history=history, first=first or None
        )
