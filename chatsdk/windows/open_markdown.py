"""Completes the Markdown of a block that is still growing, so that it is shown sensibly."""

from __future__ import annotations

import re

from chatsdk.windows.tex import tex_as_code

__all__ = ["completed"]

_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")

# A last line that does not show yet what it will be: the beginning of a heading, a list item, a
# quote, a rule, a fence or an underline.
_MARKER = re.compile(r"[ >]*(?:#{1,6}|[-+*]|\d{1,9}[.)]?|>+|[-=]+|[*_]+|`{1,3}|~{1,3})[ \t]*$")
_NUMBER = re.compile(r"\d+$")

# The second row of a table while it is being received.
_DELIMITERS = re.compile(r"[ |:-]*$")

# A link or an image without its end.
_LABEL = re.compile(r"(!?)\[([^\[\]\n]*)$")
_LINK = re.compile(r"(!?)\[([^\[\]\n]*)\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)?(?: +\"?[^\"\n]*\"?)?$")

_TICKS = re.compile(r"(?<!\\)(`+)")
# Markers of emphasis, longest first.
_EMPHASIS = ("**", "__", "~~", "*", "_")


def completed(text: str) -> str:
    """Return the text with the parts closed that a model has begun but not ended.

    An open table gets its second row, and emphasis and code spans are closed. A link without its
    end is its text, and a last line of markers alone is left out.
    """
    text = tex_as_code(text)
    lines = text.split("\n")
    fence = _open_fence(lines[:-1])
    if fence:
        last = lines[-1].strip()
        # The first characters of the fence that closes it.
        if last and not last.strip(fence[0]):
            return "\n".join(lines[:-1])
        return text
    if mark := _FENCE.match(lines[-1]):
        return f"{text}\n" if mark[0].strip() else text
    if _MARKER.match(lines[-1]) and not (_NUMBER.match(lines[-1]) and len(lines) == 1):
        lines.pop()
        if not lines:
            return ""
    lines = _with_table(lines)
    return "\n".join(lines[:-1] + _closed(lines)) if lines else ""


def _open_fence(lines: list[str]) -> str:
    fence = ""
    for line in lines:
        mark = _FENCE.match(line)
        stripped = line.strip()
        if not fence:
            fence = mark[1] if mark is not None else ""
        elif len(stripped) >= len(fence) and not stripped.strip(fence[0]):
            fence = ""
    return fence


def _with_table(lines: list[str]) -> list[str]:
    """Add or complete the second row of a table that has only begun."""
    start = len(lines)
    while start and lines[start - 1].lstrip().startswith("|"):
        start -= 1
    rows = lines[start:]
    if not rows or len(rows) > 2 or rows[0].strip() == "|":
        return lines[:start] if rows and rows[0].strip() == "|" else lines
    if len(rows) == 2 and not _DELIMITERS.match(rows[1]):
        return lines
    cells = len(re.findall(r"(?<!\\)\|", rows[0].strip().rstrip("|").rstrip())) or 1
    return [*lines[:start], rows[0], "|" + " --- |" * cells]


def _closed(lines: list[str]) -> list[str]:
    """Return the last line with the open markup of its paragraph closed."""
    last = lines[-1]
    if last.lstrip().startswith("|"):
        return [last]
    start = len(lines) - 1
    while (
        start and lines[start - 1].strip() and not re.match(r" *(?:[-+*>|#]|\d+[.)])", lines[start])
    ):
        start -= 1
    before = "\n".join(lines[start:-1])
    paragraph = f"{before}\n{last}" if before else last
    if (ticks := _open_ticks(paragraph)) is not None:
        if last.rstrip().endswith("`"):
            return [last.rstrip().rstrip("`")]
        return [last + ticks]
    for pattern in (_LINK, _LABEL):
        if match := pattern.search(last):
            last = last[: match.start()] + ("" if match[1] else match[2])
            break
    else:
        if last.endswith("!"):
            last = last[:-1] if last.endswith(" !") else last
    return [_emphasized(f"{before}\n" if before else "", last)]


def _open_ticks(text: str) -> str | None:
    """Return the run of backticks that begins a code span without an end."""
    opening = None
    for run in _TICKS.findall(text):
        if opening is None:
            opening = run
        elif run == opening:
            opening = None
    return opening


def _emphasized(before: str, last: str) -> str:
    """Close the emphasis that is open at the end of a paragraph."""
    text = re.sub(r"(`+).*?\1", lambda span: "x" * len(span[0]), before + last, flags=re.DOTALL)
    opened: list[str] = []
    place = 0
    # A bullet is not emphasis.
    if bullet := re.match(r" *[-+*] ", text):
        place = bullet.end()
    while place < len(text):
        if text[place] == "\\":
            place += 2
            continue
        mark = next((mark for mark in _EMPHASIS if text.startswith(mark, place)), None)
        if mark is None:
            place += 1
            continue
        after = text[place + len(mark) : place + len(mark) + 1]
        ahead = text[place - 1 : place] if place else ""
        inside_word = "_" in mark and ahead.isalnum() and after.isalnum()
        if mark in opened and not ahead.isspace():
            del opened[opened.index(mark) :]
        elif after and not after.isspace() and not inside_word:
            opened.append(mark)
        elif not after and (ahead.isspace() or not ahead):
            # It has only begun.
            last = last[: -len(mark)].rstrip()
        elif not after and any(item.startswith(mark) for item in opened):
            # Half of the marker that closes.
            last = last[: -len(mark)]
        place += len(mark)
    if opened:
        last = last.rstrip() + "".join(reversed(opened))
    return last
