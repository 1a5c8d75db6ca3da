"""`chatsdk doctor URL`: diagnoses a stream that does not arrive as it should."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from typing import Any

from chatsdk.cli.answer_notes import encodable, printable
from chatsdk.cli.remedies import WrongArguments
from chatsdk.cli.request_options import Asked, add_request_arguments, asked_of
from chatsdk.cli.word_wrap import columns_of
from chatsdk.doctor import Finding, Report, diagnose
from chatsdk.doctor.diagnosis import MOST_REQUESTS, TIMEOUT_SECONDS

__all__ = ["add_to", "run"]

EXAMPLES = """\
examples:
  chatsdk doctor http://localhost:8765/v1/chat/completions
  chatsdk doctor http://localhost:8080/chat --data '{"question": "Hi"}'
  chatsdk doctor URL --data @body.json --header 'Authorization: $TOKEN' --json --yes

exit codes:
  0    it streams
  1    there are findings: something is wrong, or wrong for others
  2    it could not be asked, or the arguments are wrong"""

UNREACHABLE = 2

VERDICTS = {
    "streams": "It streams: each event arrives when it is sent.",
    "late": "It streams late: the events arrive in groups or pieces.",
    "burst": "It does not stream: all events arrive at once.",
    "no stream": "There is no stream.",
    "unreachable": "It cannot be reached.",
}

MARKS = {"error": "error  ", "warning": "warning", "info": "info   "}

# Columns of the longest line.
MOST_COLUMNS = 100


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Find out why a stream arrives in one burst, late, or not at all. It sends the request a "
        f"few times ({MOST_REQUESTS} at most), with and without compression, times every read, "
        "and names the culprit and the remedy."
    )
    parser.epilog = EXAMPLES
    add_request_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the report as a JSON object")
    parser.add_argument(
        "--yes",
        action="store_true",
        help="send the requests without asking, although they may be billed",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Examine, print the report, and return the exit code."""
    asked = asked_of(arguments)
    if not arguments.yes and not _agreed():
        print("chatsdk: nothing was sent", file=sys.stderr)
        return UNREACHABLE
    report = _report(asked)
    if arguments.json:
        text = json.dumps(report.to_dict(), indent=2)
    else:
        width = min(columns_of(sys.stdout), MOST_COLUMNS) if sys.stdout.isatty() else MOST_COLUMNS
        text = "\n".join(in_words(report, width))
    print(encodable(printable(text), sys.stdout), flush=True)
    if report.verdict == "unreachable":
        return UNREACHABLE
    return int(any(finding.severity != "info" for finding in report.findings))


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise WrongArguments(
            f"the request is sent up to {MOST_REQUESTS} times, and each may be billed: give --yes "
            "to agree, because stdin is not a terminal"
        )
    print(
        f"The request is sent up to {MOST_REQUESTS} times; each may be billed. Go on? [y/N] ",
        end="",
        file=sys.stderr,
        flush=True,
    )
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _report(asked: Asked) -> Report:
    try:
        return diagnose(
            asked.url,
            asked.body,
            method=asked.method,
            headers=asked.headers,
            token=asked.token,
            dialect=asked.dialect,
            timeout=asked.seconds or TIMEOUT_SECONDS,
            exact_url=asked.exact,
        )
    except (TypeError, ValueError) as error:
        raise WrongArguments(str(error)) from None


def in_words(report: Report, width: int = MOST_COLUMNS) -> list[str]:
    """Return the report as lines."""
    lines = [report.url, VERDICTS[report.verdict]]
    if report.dialect is not None:
        lines.append(f"The backend speaks the dialect {report.dialect}.")
    if any(probe["status"] is not None for probe in report.probes):
        lines += ["", *_table(report.probes)]
    shown = [finding for finding in report.findings if finding.severity != "info"]
    for finding in shown:
        lines += ["", *_finding(finding, width)]
    harmless = [finding for finding in report.findings if finding.severity == "info"]
    if harmless:
        lines += ["", "True, and harmless to chatsdk:"]
        for finding in harmless:
            lines += _wrapped(f"{finding.code}: {finding.what}", "  ", width)
    if not shown and report.verdict == "streams":
        lines += ["", "Nothing to mend."]
    return lines


def _table(probes: Any) -> list[str]:
    lines = ["asked for       status  headers   first event  end       events  reads  came"]
    for probe in probes:
        first = next((at for at, _, events in probe["reads"] if events), None)
        lines.append(
            f"{probe['accept_encoding']:<14}  {probe['status'] or '-':<6}  "
            f"{_seconds(probe['headers_s']):<8}  {_seconds(first):<11}  "
            f"{_seconds(probe['end_s']):<8}  {probe['events']:<6}  {len(probe['reads']):<5}  "
            f"{probe['class'] or '-'}"
        )
    return lines


def _finding(finding: Finding, width: int) -> list[str]:
    culprit = f" ({finding.culprit})" if finding.culprit else ""
    lines = [f"{MARKS[finding.severity]}  {finding.code}{culprit}"]
    lines += _wrapped(finding.what, "  ", width)
    if finding.remedy:
        lines += _wrapped(f"Remedy, for the {finding.who}: {finding.remedy}.", "  ", width)
    return lines


def _wrapped(text: str, indent: str, width: int) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f} s"
