"""`chatsdk record URL -o FILE`: records the response to one request."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator

from chatsdk.cli.remedies import WrongArguments
from chatsdk.cli.request_options import add_request_arguments, asked_of
from chatsdk.cli.unknown import NO_OUTPUT
from chatsdk.errors import ChatError
from chatsdk.recording import Recorder

__all__ = ["add_to", "run"]

EXAMPLES = """\
examples:
  chatsdk record http://localhost:8765/v1/chat/completions --prompt Hello -o hello.jsonl
  chatsdk record URL --data @body.json --header 'X-Api-Key: $KEY' -o answer.jsonl
  chatsdk replay hello.jsonl

exit codes:
  0    the answer is complete, and recorded
  1    the backend refused, could not be reached, or broke off; it is recorded
       as far as it came
  2    wrong arguments; nothing was sent
  130  stopped by Ctrl-C; recorded so far (143 by SIGTERM)"""


# 128 plus the number of SIGTERM, as a shell reports a program that it ended.
TERMINATED = 143


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Send one request and record the response, each read with its time, in a file that "
        "`chatsdk replay` plays. Secrets are masked."
    )
    parser.epilog = EXAMPLES
    add_request_arguments(parser)
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="the file to write (JSON lines); - is stdout"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Record, and return 0."""
    if arguments.output is None:
        raise WrongArguments(NO_OUTPUT)
    asked = asked_of(arguments)
    piped = arguments.output == "-"
    if piped and not sys.stdout.writable():
        raise WrongArguments("cannot write to stdout, which is closed: name a file with -o")
    try:
        recorder = Recorder(os.dup(sys.stdout.fileno()) if piped else arguments.output)
    except OSError as error:
        raise WrongArguments(f"cannot write {arguments.output}: {error.strerror}") from None
    recorder.hide(asked.token)
    noted = _Noted(recorder)
    code = 0
    with _exit_on_sigterm(), recorder, asked.client(noted) as client:
        try:
            with client.send(asked.body) as stream:
                for _ in stream:
                    pass
        except ChatError as error:
            if not noted.is_whole_stream(error):
                raise
        except (TypeError, ValueError) as error:
            raise WrongArguments(str(error)) from None
    shown = "stdout" if piped else os.path.basename(arguments.output)
    print(f"{noted.reads} reads, {noted.bytes} bytes in {shown}", file=sys.stderr)
    return code


@contextlib.contextmanager
def _exit_on_sigterm() -> Iterator[None]:
    """Close the file before SIGTERM ends the process, as `timeout 30 chatsdk record ...` does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Noted:
    """A tap that passes everything on to a recorder, and counts."""

    def __init__(self, recorder: Recorder) -> None:
        self.on_head = recorder.on_head
        self._recorder = recorder
        self.reads = 0
        self.bytes = 0
        self._end: str | None = None

    def __call__(self, data: bytes, at: float) -> None:
        self.reads += 1
        self.bytes += len(data)
        self._recorder(data, at)

    def on_end(self, end: str) -> None:
        self._end = end
        self._recorder.on_end(end)

    def is_whole_stream(self, error: ChatError) -> bool:
        """Whether the stream is complete but its events match no dialect."""
        from chatsdk.cli.event_watch import only_not_understood

        return self._end == "whole" and only_not_understood(error)
