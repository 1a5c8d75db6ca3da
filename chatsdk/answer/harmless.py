"""Makes a model's Markdown harmless: no images to fetch, no HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["harmless"]

# A fenced code block (CommonMark, section 4.5). An indented one may be in a list or a quote, and
# ends with that, so it does not count.
_FENCE = re.compile(r"(`{3,})[^`]*$|(~{3,})")

# A code span of one line.
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.*?[^`])\1(?!`)")

# Syntax that takes precedence over a code span, or moves its beginning.
_BINDS = re.compile(r"\\|\$|<(?:https?|mailto):")

_IMAGE = re.compile(r"(\\*)!\[")
# The start of a tag, but not of a link such as <https://example.com>.
_TAG = re.compile(r"(\\*)<(?=[A-Za-z/!?])(?!(?:https?://|mailto:)[^\s<>]*>)")


def harmless(text: str) -> str:
    """Return Markdown in which images are links and HTML is text; code is unchanged.

    A browser fetches an image as soon as it is shown, and so sends to its server whatever the model
    has put into the URL. Anything that is not certain to be code is treated as text.
    """
    if "![" not in text and not _TAG.search(text):
        return text
    return "".join(_lines(text))


def _lines(text: str) -> Iterator[str]:
    # In a block of mathematics ``` does not begin code.
    certain = "$$" not in text
    fence = ""
    # A code span of several lines may have begun.
    open = False
    for line in text.splitlines(keepends=True):
        if fence:
            yield line
            if line.startswith(fence) and not line.strip(fence[0] + " \t\r\n"):
                fence = ""
            continue
        if certain and (match := _FENCE.match(line)):
            fence = match[1] or match[2]
            yield line
            continue
        if not line.strip():
            open = False
        open = open or not certain or not _is_balanced(line)
        yield _escaped(line) if open else _between_spans(line)


def _is_balanced(line: str) -> bool:
    """Whether each backtick of a line belongs to a code span, also if it is a row of a table."""
    return "`" not in line or not (
        _BINDS.search(line) or any("`" in _SPAN.sub("", cell) for cell in line.split("|"))
    )


def _between_spans(line: str) -> str:
    pieces = []
    place = 0
    for span in _SPAN.finditer(line):
        pieces += [_escaped(line[place : span.start()]), span[0]]
        place = span.end()
    return "".join([*pieces, _escaped(line[place:])])


def _escaped(text: str) -> str:
    text = _IMAGE.sub(lambda found: _unless_escaped(found, r"\!["), text)
    return _TAG.sub(lambda found: _unless_escaped(found, "&lt;"), text)


def _unless_escaped(found: re.Match[str], replacement: str) -> str:
    # After an odd number of backslashes it already is text.
    return found[0] if len(found[1]) % 2 else found[1] + replacement
