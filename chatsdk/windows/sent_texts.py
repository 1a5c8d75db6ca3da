"""`SentTexts`: earlier texts of the entry, brought back with the arrow keys."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["SentTexts"]


class SentTexts:
    """The texts that were sent; Up goes back through them, Down returns to the draft."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._texts = list(texts)
        # The index of the shown text; the end of the list is the draft.
        self._place = len(self._texts)
        self._draft = ""

    def add(self, text: str) -> None:
        """Remember a text that was sent; the next `older` returns it."""
        if text and self._texts[-1:] != [text]:
            self._texts.append(text)
        self._place = len(self._texts)
        self._draft = ""

    def older(self, shown: str) -> str | None:
        """Return the text before the one `shown` in the entry, ``None`` if there is none."""
        if self._place == 0:
            return None
        if self._place == len(self._texts):
            self._draft = shown
        self._place -= 1
        return self._texts[self._place]

    def newer(self) -> str | None:
        """Return the text after the shown one, at last the draft; ``None`` if that is shown."""
        if self._place >= len(self._texts):
            return None
        self._place += 1
        return self._draft if self._place == len(self._texts) else self._texts[self._place]
