"""Splits literal ``<think>`` tags out of a text as reasoning."""

from __future__ import annotations

from chatsdk.parts import Reasoning, Text

__all__ = ["Flagged", "LeadingThinking", "Thinking", "split_thinking"]

OPEN, CLOSE = "<think>", "</think>"

# Google's tags.
START, END = "<thought>", "</thought>"


class Thinking:
    """Removes the tags from text that arrives in chunks, split anywhere.

    Only the start of a tag is ever held back, at most seven characters.

    Attributes:
        inside: whether the next chunk starts inside the reasoning.
    """

    def __init__(self) -> None:
        self.inside = False
        self._held = ""

    def split(self, piece: str) -> list[Text | Reasoning]:
        """Return the parts of the next chunk."""
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
        """Return the text that was held back and did not become a tag."""
        held, self._held = self._held, ""
        return [self._part(held)] if held else []

    def _add(self, parts: list[Text | Reasoning], text: str) -> None:
        if text:
            parts.append(self._part(text))

    def _part(self, text: str) -> Text | Reasoning:
        return Reasoning(text) if self.inside else Text(text)


class LeadingThinking(Thinking):
    """`Thinking` for servers that put the tags where a model starts to write.

    A tag starts reasoning only at the start of the answer or on a separate line. Elsewhere it is
    text, so an answer can be about the tag.
    """

    def __init__(self) -> None:
        super().__init__()
        # Whether the answer and the current line have only white space up to now.
        self._unsaid = self._blank = True

    def split(self, piece: str) -> list[Text | Reasoning]:
        text, self._held = self._held + piece, ""
        parts: list[Text | Reasoning] = []
        start = 0
        while True:
            tag = CLOSE if self.inside else OPEN
            found = text.find(tag, start)
            if found < 0:
                break
            behind = found + len(tag)
            if self.inside:
                self._add(parts, text[start:found])
                self.inside = False
            elif (begins := self._begins(text[start:found], text[behind : behind + 1])) is None:
                # The next character decides.
                self._say(parts, text[start:found])
                self._held = text[found:]
                return parts
            elif begins:
                self._say(parts, text[start:found])
                self.inside = True
            else:
                self._say(parts, text[start:behind])
            start = behind
        end = len(text) - _begun(text[start:], tag)
        self._held = text[end:]
        (self._add if self.inside else self._say)(parts, text[start:end])
        return parts

    def _say(self, parts: list[Text | Reasoning], text: str) -> None:
        self._add(parts, text)
        self._unsaid = self._unsaid and not text.strip()
        line = text.rpartition("\n")[2]
        self._blank = not line.strip() and (self._blank or "\n" in text)

    def _begins(self, before: str, behind: str) -> bool | None:
        """Whether a tag between this text and this character starts reasoning; None: maybe."""
        if self._unsaid and not before.strip():
            return True
        line = before.rpartition("\n")[2]
        if line.strip() or not (self._blank or "\n" in before):
            return False
        return behind == "\n" if behind else None


def split_thinking(
    text: str, *, final: bool = False, thinking: Thinking | None = None
) -> tuple[str, str]:
    """Return the reasoning and the rest of a complete text.

    The start of a tag at the end is left out, because the next snapshot completes it; with `final`
    it is text. `thinking` is an alternative to the plain tag search.
    """
    if "<" not in text:
        return "", text
    thinking = thinking or Thinking()
    parts = thinking.split(text)
    if final:
        parts += thinking.flush()
    return (
        "".join(part.text for part in parts if isinstance(part, Reasoning)),
        "".join(part.text for part in parts if isinstance(part, Text)),
    )


def _begun(text: str, tag: str) -> int:
    """Return how many characters at the end of `text` may be the start of `tag`."""
    for length in range(min(len(tag) - 1, len(text)), 0, -1):
        if tag.startswith(text[-length:]):
            return length
    return 0


class Flagged:
    """Removes Google's tags from flagged thoughts, split anywhere.

    In Google's compatible API the first thought starts with ``<thought>``. The last one ends with
    ``</thought>``, or the first text after it starts with that tag
    (https://ai.google.dev/gemini-api/docs/openai#thinking). Either tag may be missing.

    Attributes:
        closed: text followed the thoughts, and nothing is held back.
    """

    def __init__(self) -> None:
        self._held = ""
        self._begun = False
        self._tagged = False
        self.closed = False

    def split(self, piece: str, *, thought: bool) -> list[Text | Reasoning]:
        """Return the parts of the next chunk; `thought` is its flag."""
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
        """Return the text that was held back and did not become a tag."""
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
