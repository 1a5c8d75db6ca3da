"""Literal ``<think>`` tags in a text: what stands between them is reasoning."""

from __future__ import annotations

from chatsdk.parts import Reasoning, Text

__all__ = ["Flagged", "Thinking", "split_thinking"]

OPEN, CLOSE = "<think>", "</think>"

# Google's.
START, END = "<thought>", "</thought>"


class Thinking:
    """Takes the tags out of text that comes in pieces, cut anywhere.

    Only the beginning of a tag is ever held back, at most seven characters.

    Attributes:
        inside: the next piece begins inside the thinking.
    """

    def __init__(self) -> None:
        self.inside = False
        self._held = ""

    def split(self, piece: str) -> list[Text | Reasoning]:
        """Return the parts of the next piece."""
        if not self._held and "<" not in piece:
            return [self._part(piece)] if piece else []
        text = self._held + piece
        self._held = ""
        parts: list[Text | Reasoning] = []
        start = 0
        tag = CLOSE if self.inside else OPEN
        while (found := text.find(tag, start)) >= 0:
            self._add(parts, text[start:found])
            start = found + len(tag)
            self.inside = not self.inside
            tag = CLOSE if self.inside else OPEN
        end = len(text) - _begun(text[start:], tag)
        self._held = text[end:]
        self._add(parts, text[start:end])
        return parts

    def flush(self) -> list[Text | Reasoning]:
        """Return what was held back, as what it turned out to be: no tag."""
        held, self._held = self._held, ""
        return [self._part(held)] if held else []

    def _add(self, parts: list[Text | Reasoning], text: str) -> None:
        if text:
            parts.append(self._part(text))

    def _part(self, text: str) -> Text | Reasoning:
        return Reasoning(text) if self.inside else Text(text)


def split_thinking(text: str, *, final: bool = False) -> tuple[str, str]:
    """Return the thinking and the rest of a whole text.

    The beginning of a tag at its end is left out, since the next snapshot shows what it is; with
    `final` it is text.
    """
    if "<" not in text:
        return "", text
    thinking = Thinking()
    parts = thinking.split(text)
    if final:
        parts += thinking.flush()
    return (
        "".join(part.text for part in parts if isinstance(part, Reasoning)),
        "".join(part.text for part in parts if isinstance(part, Text)),
    )


def _begun(text: str, tag: str) -> int:
    """How many characters at the end of `text` may be the beginning of `tag`."""
    for length in range(min(len(tag) - 1, len(text)), 0, -1):
        if tag.startswith(text[-length:]):
            return length
    return 0


class Flagged:
    """Takes Google's tags out of thoughts that are flagged, cut anywhere.

    At Google's compatible address the first thought begins with ``<thought>``, and the last one
    ends with ``</thought>``, or the first text after it begins with that
    (https://ai.google.dev/gemini-api/docs/openai#thinking). Either may be missing.

    Attributes:
        closed: text came after the thoughts, and nothing is held back.
    """

    def __init__(self) -> None:
        self._held = ""
        self._begun = False
        self._tagged = False
        self.closed = False

    def split(self, piece: str, *, thought: bool) -> list[Text | Reasoning]:
        """Return the parts of the next piece, of which the flag says that it is a thought."""
        text, self._held = self._held + piece, ""
        if thought:
            return self._thought(text)
        if not self._tagged and len(text) < len(END) and END.startswith(text):
            self._held = text
            return []
        self.closed = True
        if not self._tagged:
            text = text.removeprefix(END)
        return [Text(text)] if text else []

    def flush(self) -> list[Text | Reasoning]:
        """Return what was held back, which turned out to be no tag."""
        held, self._held = self._held, ""
        return [Reasoning(held)] if held else []

    def _thought(self, text: str) -> list[Text | Reasoning]:
        if not self._begun:
            if len(text) < len(START) and START.startswith(text):
                self._held = text
                return []
            self._begun = True
            text = text.removeprefix(START)
        self._tagged = text.endswith(END)
        text = text.removesuffix(END)
        if not self._tagged and (length := _begun(text, END)):
            text, self._held = text[:-length], text[-length:]
        return [Reasoning(text)] if text else []
