"""`chatsdk ask URL PROMPT`: one question, for scripts and pipes."""

from __future__ import annotations

import argparse
import json
import os
import stat
import sys
import threading
from typing import Any

from chatsdk.answer import Answer
from chatsdk.cli.answer_forms import Form, JsonForm, RawForm, TextForm, ValueForm
from chatsdk.cli.answer_notes import remarks
from chatsdk.cli.attachments import message_of
from chatsdk.cli.backend import add_backend_arguments, client_of
from chatsdk.cli.payloads import Payloads
from chatsdk.cli.remedies import WrongArguments
from chatsdk.client import AnswerStream, ChatClient
from chatsdk.errors import ChatError
from chatsdk.messages import Message
from chatsdk.transport import Cancel

__all__ = ["add_to", "run"]

EXAMPLES = """\
examples:
  chatsdk ask http://localhost:8765/v1/chat/completions "Say hello"
  git diff | chatsdk ask URL - --system "Write a commit message."
  chatsdk ask URL "What is in this picture?" --file photo.png
  chatsdk ask URL "Why is the sky blue?" --json | jq .usage.output
  chatsdk ask URL "A recipe for pancakes" --schema recipe.json | jq .steps

exit codes:
  0    the answer is complete
  1    the backend refused, could not be reached, or broke off (the text so far
       is printed); or stdout could not be written
  2    wrong arguments; nothing was sent
  130  stopped by Ctrl-C"""


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Ask one question. Only the text of the answer goes to stdout, as it arrives; everything "
        "else goes to stderr."
    )
    parser.epilog = EXAMPLES
    add_backend_arguments(parser)
    parser.add_argument("prompt", metavar="PROMPT", help="the question; - reads all of stdin")
    parser.add_argument(
        "--file",
        action="append",
        default=[],
        metavar="FILE",
        help="send this file along: a picture (PNG, JPEG, GIF, WebP) or UTF-8 text; repeatable",
    )
    parser.add_argument(
        "--schema",
        metavar="FILE",
        help="ask for JSON that fits the JSON schema in this file, check it, and print it at the "
        "end (extra `output`)",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--raw", action="store_true", help="print the payload of each event, one per line"
    )
    form.add_argument(
        "--json", action="store_true", help="print the final answer as one JSON object"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Ask, print the answer, and return 0.

    Raises:
        WrongArguments: nothing was sent.
        ChatError: the answer is incomplete; the received part has been printed.
        BrokenPipeError: the reader of the output has gone.
        KeyboardInterrupt: Ctrl-C.
    """
    messages = [message_of(_prompt(arguments.prompt), arguments.file)]
    if arguments.system is not None:
        messages.insert(0, Message("system", arguments.system))
    schema = None if arguments.schema is None else _schema(arguments.schema)
    payloads = Payloads()
    with client_of(arguments, tap=payloads.tap if arguments.raw else None) as client:
        rewrites = client.dialect.text == "snapshot"
        if arguments.raw:
            form: Form = RawForm(sys.stdout, payloads)
        elif arguments.json:
            form = JsonForm(sys.stdout)
        elif schema is not None:
            form = ValueForm(sys.stdout)
        else:
            form = TextForm(sys.stdout, at_the_end=rewrites)
        _ask(client, messages, form, schema)
    return 0


def _schema(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            schema = json.load(file)
    except OSError as error:
        raise WrongArguments(f"--schema: {path}: {error.strerror}") from None
    except ValueError as error:
        raise WrongArguments(f"--schema: {path} is not JSON: {error}") from None
    if not isinstance(schema, dict):
        raise WrongArguments(f"--schema: {path} is not a JSON schema, which is an object")
    return schema


def _ask(
    client: ChatClient, messages: list[Message], form: Form, schema: dict[str, Any] | None
) -> None:
    cancel = Cancel()
    reader_left = _watch_reader(cancel)
    stream: AnswerStream | None = None
    try:
        stream = _opened(client, messages, cancel, schema)
        # Leaving it for any reason closes the backend's stream.
        with stream:
            form.begin(stream)
            for answer in stream:
                form.step(answer)
    except (ChatError, KeyboardInterrupt) as error:
        form.end(Answer() if stream is None else stream.answer, error)
        raise
    outcome = stream.outcome
    if outcome.reason == "stopped" and reader_left.is_set():
        raise BrokenPipeError
    form.end(stream.answer, None)
    for line in remarks(outcome, timings=False):
        print(f"chatsdk: {line}", file=sys.stderr)


def _opened(
    client: ChatClient, messages: list[Message], cancel: Cancel, schema: dict[str, Any] | None
) -> AnswerStream:
    try:
        return client.ask(messages, cancel=cancel, output=schema)
    except (TypeError, ValueError, ImportError) as error:
        # For example, the backend does not accept images.
        raise WrongArguments(str(error)) from None


def _prompt(given: str) -> str:
    if given == "-":
        try:
            # PowerShell begins a pipe with a byte order mark.
            given = sys.stdin.read().removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            raise WrongArguments(f"stdin is not {error.encoding} text: {error.reason}") from None
    if not given.strip():
        raise WrongArguments("the prompt is empty")
    try:
        given.encode()
    except UnicodeEncodeError:
        raise WrongArguments("the prompt is not UTF-8 text") from None
    return given


def _watch_reader(cancel: Cancel) -> threading.Event:
    """Cancel as soon as the reader of stdout has gone, even while the backend is silent.

    Otherwise only the next write would fail, perhaps after minutes of billed output.
    """
    left = threading.Event()
    try:
        import select

        output = sys.stdout.fileno()
        mode = os.fstat(output).st_mode
        poll = select.poll()
    except (ImportError, AttributeError, OSError, ValueError):
        # Windows does not have poll().
        return left
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return left
    # Errors and hang-ups are reported even for an empty event mask.
    poll.register(output, 0)

    def watch() -> None:
        if poll.poll():
            left.set()
            cancel.set()

    threading.Thread(target=watch, name="chatsdk-ask-reader", daemon=True).start()
    return left
