"""Arabic and Hebrew for a Tk that draws each letter by itself, from left to right, as on Linux.

The letters are replaced by their joined forms and put into the order in which they are seen. This
is a simplified Unicode Bidirectional Algorithm (UAX #9), without explicit embeddings.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from chatsdk.windows.tk.table_layout import Cell, Run, wrapped

__all__ = ["has_right_to_left", "joined", "visual_lines"]

# A character and the tags of its run.
Letter = tuple[str, tuple[str, ...]]

_RIGHT = ("R", "AL")
_NUMBERS = ("EN", "AN")

_MIRRORED = dict(zip("()[]{}<>«»", ")(][}{><»«", strict=True))

# Joins on both sides, and has one form.
_TATWEEL = "\u0640"
_LAM = "\u0644"


# Hebrew, Arabic and neighbouring scripts, with their presentation forms.
_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)


def has_right_to_left(text: str) -> bool:
    """Whether a text has letters of a script that is written from right to left."""
    return _RIGHT_TO_LEFT.search(text) is not None


@lru_cache(maxsize=1)
def _forms() -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]:
    """The joined forms of letters, and of lam followed by an alef (Unicode, "Arabic Presentation
    Forms-B"): for each its ``<isolated>``, ``<final>``, ``<initial>`` and ``<medial>`` form."""
    letters: dict[str, dict[str, str]] = {}
    pairs: dict[str, dict[str, str]] = {}
    for code in (*range(0xFB50, 0xFC00), *range(0xFE70, 0xFEFD)):
        kind, *parts = unicodedata.decomposition(chr(code)).split() or [""]
        text = "".join(chr(int(part, 16)) for part in parts)
        if len(text) == 1:
            letters.setdefault(text, {})[kind] = chr(code)
        elif len(text) == 2 and text[0] == _LAM:
            pairs.setdefault(text, {})[kind] = chr(code)
    return letters, pairs


def joined(letters: list[Letter]) -> list[Letter]:
    """Replace Arabic letters by the forms that they take next to their neighbours."""
    forms, pairs = _forms()

    def joins_next(place: int) -> bool:
        letter = letters[place][0]
        return letter == _TATWEEL or "<initial>" in forms.get(letter, ())

    def joins_previous(place: int) -> bool:
        letter = letters[place][0]
        return letter == _TATWEEL or "<final>" in forms.get(letter, ())

    def neighbour(place: int, step: int) -> int | None:
        place += step
        while 0 <= place < len(letters):
            # Vowel marks do not count.
            if unicodedata.combining(letters[place][0]) == 0:
                return place
            place += step
        return None

    result: list[Letter] = []
    place = 0
    while place < len(letters):
        letter, tags = letters[place]
        before, after = neighbour(place, -1), neighbour(place, 1)
        own = forms.get(letter)
        from_previous = before is not None and joins_next(before) and joins_previous(place)
        pair = pairs.get(letter + letters[place + 1][0]) if place + 1 < len(letters) else None
        if pair is not None:
            kind = "<final>" if from_previous else "<isolated>"
            result.append((pair.get(kind, letter), tags))
            place += 2
            continue
        if own is not None:
            to_next = after is not None and joins_next(place) and joins_previous(after)
            kind = {
                (False, False): "<isolated>",
                (True, False): "<final>",
                (False, True): "<initial>",
                (True, True): "<medial>",
            }[from_previous, to_next]
            letter = own.get(kind, letter)
        result.append((letter, tags))
        place += 1
    return result


def visual_lines(
    cell: Cell, width: int, measure: Callable[[Run], int], *, right_to_left: bool
) -> list[Cell]:
    """Break a paragraph into lines of at most `width` pixels, in the order in which they are seen.

    Args:
        cell: the paragraph in the order in which it is read, without line breaks.
        right_to_left: the paragraph runs from right to left.
    """
    letters = joined([(letter, tags) for text, tags in cell for letter in text])
    return [
        _runs(_reordered([(letter, tags) for text, tags in line for letter in text], right_to_left))
        for line in wrapped(_runs(letters), width, measure)
    ]


def _runs(letters: list[Letter]) -> Cell:
    runs: Cell = []
    for letter, tags in letters:
        if runs and runs[-1][1] == tags:
            runs[-1] = (runs[-1][0] + letter, tags)
        else:
            runs.append((letter, tags))
    return runs


def _reordered(letters: list[Letter], right_to_left: bool) -> list[Letter]:
    levels = _levels(letters, right_to_left)
    # A letter and its marks stay together.
    clusters: list[tuple[int, list[Letter]]] = []
    for letter, level in zip(letters, levels, strict=True):
        if clusters and unicodedata.combining(letter[0]):
            clusters[-1][1].append(letter)
        else:
            text = _MIRRORED.get(letter[0], letter[0]) if level % 2 else letter[0]
            clusters.append((level, [(text, letter[1])]))
    for level in (2, 1):
        place = 0
        while place < len(clusters):
            end = place
            while end < len(clusters) and clusters[end][0] >= level:
                end += 1
            clusters[place:end] = clusters[place:end][::-1]
            place = max(end, place + 1)
    return [letter for _, cluster in clusters for letter in cluster]


def _levels(letters: list[Letter], right_to_left: bool) -> list[int]:
    """The embedding level of each letter: odd ones are seen from right to left."""
    outer = 1 if right_to_left else 0
    levels: list[int | None] = []
    strong = "R" if right_to_left else "L"
    for letter, _ in letters:
        kind = unicodedata.bidirectional(letter)
        if kind in _RIGHT:
            strong = "R"
            levels.append(1)
        elif kind == "L":
            strong = "L"
            levels.append(2 if right_to_left else 0)
        elif kind in _NUMBERS:
            levels.append(0 if strong == "L" and not right_to_left else 2)
        else:
            levels.append(None)
    _set_brackets(letters, levels, outer)
    resolved: list[int] = []
    place = 0
    while place < len(levels):
        level = levels[place]
        if level is not None:
            resolved.append(level)
            place += 1
            continue
        end = place
        while end < len(levels) and levels[end] is None:
            end += 1
        before = resolved[-1] if resolved else outer
        after = levels[end] if end < len(levels) else outer
        # Between two texts of one direction it belongs to them, else to the paragraph.
        same = after is not None and before % 2 == after % 2
        resolved += [before if same and before == after else outer] * (end - place)
        place = end
    return resolved


def _set_brackets(letters: list[Letter], levels: list[int | None], outer: int) -> None:
    """Give both brackets of a pair the same level (UAX #9, rule N0)."""
    opened: list[int] = []
    for place, (letter, _) in enumerate(letters):
        if letter in "([{<":
            opened.append(place)
        elif letter in ")]}>":
            while opened:
                start = opened.pop()
                if _MIRRORED[letters[start][0]] == letter:
                    level = _bracket_level(levels, start, place, outer)
                    levels[start] = levels[place] = level
                    break


def _bracket_level(levels: list[int | None], start: int, end: int, outer: int) -> int | None:
    within = [level for level in levels[start + 1 : end] if level is not None]
    if not within:
        return None
    if any(level % 2 == outer % 2 for level in within):
        return outer
    # The other direction, if the text before runs that way, too.
    before = next((level for level in reversed(levels[:start]) if level is not None), outer)
    return within[0] if before % 2 == within[0] % 2 else outer
