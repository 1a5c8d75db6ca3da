"""`chatsdk inspect URL`: the events of a stream as they arrive, with times and sizes."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable
from typing import Any, TextIO

from chatsdk import dialects
from chatsdk.cli.answer_notes import encodable, printable
from chatsdk.cli.event_text import in_json, in_table, in_words
from chatsdk.cli.event_watch import Row, Watch, only_not_understood
from chatsdk.cli.remedies import WrongArguments
from chatsdk.cli.request_options import Asked, add_request_arguments, asked_of
from chatsdk.cli.word_wrap import columns_of
from chatsdk.errors import ChatError

__all__ = ["add_to", "run"]

EXAMPLES = """\
examples:
  chatsdk inspect http://localhost:8765/v1/chat/completions --prompt Hello
  chatsdk inspect URL --data @body.json --html timeline.html
  chatsdk inspect URL --prompt Hello --json | jq 'select(.gap_s > 1)'

exit codes:
  0    the stream came complete
  1    the backend refused, could not be reached, or broke off
  2    wrong arguments; nothing was sent
  130  stopped by Ctrl-C; the totals so far are printed"""

HEADING = "    #    time s    gap s   bytes  read  event         data"

# Columns before the data.
BEFORE_DATA = 54

# Minimum columns for the data.
LEAST_DATA = 20

# Columns of a table that is not shown on a terminal.
PIPED_COLUMNS = 120


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Send one request and show each event of the stream as it comes: its number, time, gap, "
        "size, the read that brought it, and its data. The totals follow."
    )
    parser.epilog = EXAMPLES
    add_request_arguments(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print each event as a JSON object")
    form.add_argument(
        "--raw",
        action="store_true",
        help="print each read: its time and its bytes, everything but plain ASCII escaped",
    )
    parser.add_argument(
        "--events",
        metavar="TYPE,TYPE",
        help="show only events of these types; `message` is an event that names none",
    )
    parser.add_argument(
        "--html", metavar="FILE", help="also write a page with the timeline, to pass on"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show the events, and return 0."""
    asked = asked_of(arguments)
    try:
        dialect = dialects.get(asked.dialect)
    except (TypeError, ValueError) as error:
        raise WrongArguments(str(error)) from None
    wanted = None
    if arguments.events is not None:
        wanted = {name.strip() for name in arguments.events.split(",")} - {""}
        if not wanted:
            raise WrongArguments("--events: give types of events, such as message,ping")
    with contextlib.ExitStack() as files:
        page = None
        if arguments.html is not None:
            try:
                page = files.enter_context(open(arguments.html, "w", encoding="utf-8"))
            except OSError as error:
                raise WrongArguments(f"cannot write {arguments.html}: {error.strerror}") from None
        shown = _Shown(sys.stdout, arguments, wanted, keep=page is not None)
        watch = Watch(dialect, shown.rows, shown.read if arguments.raw else None)
        watch.mask.add(asked.token)
        failure: BaseException | None = None
        try:
            _read(asked, watch)
        except (ChatError, KeyboardInterrupt) as error:
            failure = error
        if isinstance(failure, BrokenPipeError):
            raise failure
        if page is not None:
            from chatsdk.cli.timeline import page_of

            page.write(page_of(watch, shown.kept, failure))
        shown.totals(watch)
    whole = watch.end == "whole" and watch.events > 0
    if isinstance(failure, ChatError) and whole and only_not_understood(failure):
        return 0
    if failure is not None:
        raise failure
    return 0


def _read(asked: Asked, watch: Watch) -> None:
    with asked.client(watch) as client:
        try:
            stream = client.send(asked.body)
        except (TypeError, ValueError) as error:
            raise WrongArguments(str(error)) from None
        with stream:
            for _ in stream:
                pass


class _Shown:
    """Prints rows, reads and totals in one of three forms."""

    def __init__(
        self, out: TextIO, arguments: argparse.Namespace, wanted: set[str] | None, *, keep: bool
    ) -> None:
        self._out = out
        self._json = arguments.json
        self._raw = arguments.raw
        self._wanted = wanted
        self._keep = keep
        self.kept: list[Row] = []
        columns = columns_of(out) if out.isatty() else PIPED_COLUMNS
        self._width = max(columns - BEFORE_DATA, LEAST_DATA)
        self._begun = False
        self._write: Callable[[str], Any] = out.write

    def rows(self, rows: list[Row]) -> None:
        """Print the rows of one read, in one write."""
        wanted = self._wanted
        if wanted is not None:
            rows = [row for row in rows if row.event in wanted]
        if self._keep:
            self.kept += rows
        if self._raw or not rows:
            return
        lines = in_json(rows) if self._json else in_table(rows, self._width)
        if not self._begun and not self._json:
            self._begun = True
            lines.insert(0, HEADING)
        self._line("\n".join(lines))

    def read(self, at: float, data: bytes) -> None:
        text = data.decode("latin-1").encode("unicode_escape").decode("ascii")
        self._line(f"{at:.6f} {text}")

    def totals(self, watch: Watch) -> None:
        totals = watch.totals()
        if self._json:
            self._line(json.dumps({"totals": totals}))
            return
        if watch.head is None:
            return
        lines = in_words(totals)
        out = sys.stderr if self._raw else self._out
        out.write("\n" + encodable(printable("\n".join(lines)), out) + "\n")
        out.flush()

    def _line(self, text: str) -> None:
        try:
            self._write(text + "\n")
        except UnicodeEncodeError:
            self._write(encodable(text, self._out) + "\n")
        self._out.flush()
