"""`chatsdk batch URL FILE -o FILE`: asks many prompts, from one file into another."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import stat
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

from chatsdk.cli.answer_forms import as_json
from chatsdk.cli.backend import add_backend_arguments, client_of
from chatsdk.cli.background_reader import BackgroundReader
from chatsdk.cli.batch_output import BatchOutput
from chatsdk.cli.prompt_lines import PromptLine, prompt_lines
from chatsdk.cli.remedies import WrongArguments, in_one_line
from chatsdk.client import ChatClient
from chatsdk.client.outcomes import MOST_WORKERS, Outcomes
from chatsdk.client.prompt_outcome import PromptOutcome

__all__ = ["add_to", "run"]

EXAMPLES = """\
examples:
  chatsdk batch http://localhost:8765/v1/chat/completions prompts.jsonl -o answers.jsonl
  chatsdk batch URL prompts.jsonl -o answers.jsonl --model small --workers 32
  chatsdk batch URL prompts.jsonl -o answers.jsonl --resume

A line of the input is a JSON string, the prompt, or an object with "prompt" or
"messages", optionally "id", and options of the request such as "temperature".
A line of the output has "index", "id" and the fields of `chatsdk ask --json`.

exit codes:
  0    every prompt has its complete answer
  1    a prompt failed; its line has the error and the text so far
  2    wrong arguments, or an input that cannot be read to its end; the answers to
       what was read before are in the file
  130  stopped by Ctrl-C; the answers that were complete are in the file"""

STDIN = "-"

# Keeps bytes that are not text, so that only their line fails.
KEEP = "surrogateescape"


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Ask the prompts of a file, several at once, and write the answers into another file, in "
        "the same order."
    )
    parser.epilog = EXAMPLES
    add_backend_arguments(parser)
    parser.add_argument(
        "file", metavar="FILE", help="the prompts, as JSON lines; - reads them from stdin"
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="the file for the answers"
    )
    parser.add_argument(
        "--workers",
        type=_workers,
        default=8,
        metavar="N",
        help="how many prompts are asked at once (8)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="keep the answers that the output file has, and ask only what is missing or failed",
    )
    parser.add_argument(
        "--unordered",
        action="store_true",
        help="write each answer as soon as it is complete, in any order",
    )
    bar = parser.add_mutually_exclusive_group()
    bar.add_argument(
        "--progress",
        action="store_const",
        const="always",
        default=True,
        help="draw the progress bar although stderr is not a terminal",
    )
    bar.add_argument(
        "--no-progress",
        action="store_const",
        const=False,
        dest="progress",
        help="draw no progress bar",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Ask everything, and return the exit code.

    Raises:
        WrongArguments: nothing was sent; or the input could not be read to its end, and what was
            read before has been asked and written.
        KeyboardInterrupt: Ctrl-C; the complete answers have been written.
    """
    if "://" in arguments.file and "://" not in arguments.url:
        arguments.url, arguments.file = arguments.file, arguments.url
    with contextlib.ExitStack() as stack:
        lines = stack.enter_context(_input(arguments.file))
        client = stack.enter_context(client_of(arguments))
        if arguments.output == "-":
            raise WrongArguments("-o: give a file, because --resume reads it; - is not one")
        if _is_file(lines, arguments.output):
            raise WrongArguments("the input and the output are the same file: give -o another one")
        output = stack.enter_context(BatchOutput(arguments.output, resume=arguments.resume))
        tally = Tally(output)
        try:
            _ask(client, lines, output, tally, arguments)
        except KeyboardInterrupt:
            tally.report(stopped=True)
            raise
        except WrongArguments:
            if output.written:
                tally.report(stopped=True)
            raise
        tally.report(stopped=False)
    return 1 if tally.failed else 0


class Tally:
    """Writes the outcomes and counts them."""

    def __init__(self, output: BatchOutput) -> None:
        self._output = output
        self.failed = 0
        self._first: str | None = None

    def add(self, outcome: PromptOutcome) -> None:
        """Write one outcome. An answer that was stopped is left for ``--resume``."""
        if outcome.reason == "stopped":
            return
        line: PromptLine = outcome.prompt
        error = outcome.error
        if error is not None:
            self.failed += 1
            self._first = self._first or in_one_line(error)
        # The id is that of the prompt, by which the reader of the file knows it.
        fields = as_json(outcome.answer, error) | {"id": line.id}
        self._output.write({"index": line.index, "id": line.id, **fields})

    def report(self, *, stopped: bool) -> None:
        """Print the number of answers in the file."""
        kept = f", after {self._output.kept} that were there" if self._output.kept else ""
        complete = self._output.written - self.failed
        words = [f"{complete} complete answer{'' if complete == 1 else 's'} written{kept}"]
        if self.failed:
            words.append(f"{self.failed} failed (the first: {self._first})")
        if stopped:
            words.append("stopped")
        if stopped or self.failed:
            words.append("--resume asks the rest")
        print(f"chatsdk: {'; '.join(words)}", file=sys.stderr)


def _ask(
    client: ChatClient,
    lines: TextIO,
    output: BatchOutput,
    tally: Tally,
    arguments: argparse.Namespace,
) -> None:
    def missing() -> Iterator[PromptLine]:
        try:
            for line in prompt_lines(lines, arguments.system):
                if not output.has(line.index, line.id):
                    yield line
        except OSError as error:
            raise _unreadable(arguments.file, error) from None

    # A regular file keeps no reader waiting.
    source = None if _is_regular(lines) else BackgroundReader(missing())
    outcomes = Outcomes(
        lambda line, cancel: line.ask(client, cancel=cancel),
        source or missing(),
        workers=arguments.workers,
        ordered=not arguments.unordered,
        on_error="keep",
        progress=arguments.progress,
        cancel=None,
        retry=client._retry,
        total=_count(arguments.file, output.kept) if arguments.progress else None,
    )
    with contextlib.ExitStack() as stack:
        if source is not None:
            source.wake = outcomes.wake
            stack.callback(source.close)
        stack.enter_context(outcomes)
        interrupts = stack.enter_context(_stopped_by_interrupts(outcomes))
        for outcome in outcomes:
            tally.add(outcome)
    if interrupts:
        raise KeyboardInterrupt


@contextlib.contextmanager
def _stopped_by_interrupts(outcomes: Outcomes) -> Iterator[list[int]]:
    """Make Ctrl-C stop the outcomes instead of raising, so that no answer is lost.

    Yields the list of the interrupts that came. A second one is raised.
    """
    interrupts: list[int] = []

    def stop(number: int, frame: object) -> None:
        if interrupts:
            raise KeyboardInterrupt
        interrupts.append(number)
        outcomes.stop()

    if threading.current_thread() is not threading.main_thread():
        yield interrupts
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _input(name: str) -> Iterator[TextIO]:
    if name == STDIN:
        yield _stdin()
        return
    try:
        file = open(name, encoding="utf-8-sig", errors=KEEP)  # noqa: SIM115
    except OSError as error:
        raise _unreadable(name, error) from None
    try:
        yield file
    finally:
        # Closing a pipe would wait for the thread that reads it.
        if _is_regular(file):
            file.close()


def _unreadable(name: str, error: OSError) -> WrongArguments:
    return WrongArguments(f"cannot read {name}: {error.strerror or error}")


def _stdin() -> TextIO:
    try:
        number = sys.stdin.fileno()
    except OSError:
        return sys.stdin
    # Not the object that Python itself closes at its end, while a thread may be reading it.
    return open(number, encoding=sys.stdin.encoding, errors=KEEP, closefd=False)


def _is_regular(lines: TextIO) -> bool:
    """Whether lines come from a regular file, or from memory."""
    try:
        return stat.S_ISREG(os.fstat(lines.fileno()).st_mode)
    except OSError:
        return True


def _is_file(lines: TextIO, name: str) -> bool:
    """Whether these lines are read from the file `name`, perhaps under another name."""
    with contextlib.suppress(OSError):
        return os.path.isfile(name) and os.path.samestat(os.fstat(lines.fileno()), os.stat(name))
    return False


def _count(name: str, kept: int) -> int | None:
    """Count the prompts that will be asked; ``None`` for a pipe, which can be read only once."""
    if not os.path.isfile(name):
        return None
    with open(name, "rb") as file:
        return sum(1 for line in file if line.strip()) - kept


def _workers(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"give a number from 1 to {MOST_WORKERS:,}")
    return int(text)
