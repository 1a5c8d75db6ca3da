"""`ShownTurn` and its parts: a question and its answer as values to draw."""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from chatsdk.frozen_values import distinct
from chatsdk.messages import Image

__all__ = [
    "CallPart",
    "Notice",
    "Part",
    "Question",
    "ReasoningPart",
    "ShownTurn",
    "Source",
    "TextPart",
    "image_bytes",
    "image_name",
]


# Characters of base64 that are decoded at once, a multiple of 4.
PIECE_CHARS = 1 << 19


class Question(NamedTuple):
    """A message of the user.

    Attributes:
        text: its text.
        images: its images.
        files: the names of its files.
        id: its id within the session, for `ChatSession.edit`.
    """

    text: str = ""
    images: tuple[Image, ...] = ()
    files: tuple[str, ...] = ()
    id: str | None = None


@distinct
class TextPart(NamedTuple):
    """A piece of an answer: Markdown."""

    text: str


@distinct
class ReasoningPart(NamedTuple):
    """A piece of the model's reasoning: plain text."""

    text: str


@distinct
class CallPart(NamedTuple):
    """A tool call.

    Attributes:
        name: the tool's name.
        arguments: their JSON text, perhaps incomplete.
        state: ``"writing"`` (the arguments are being received), ``"running"``, ``"waiting"`` (a
            person must allow it), ``"finished"``, ``"error"``, or ``"called"`` if nothing more is
            known.
        result: the text of its result, ``None`` before.
        id: the id of the call, for `ChatSession.approve` while it is waiting.
        by_hand: it is waiting, and there is no function to run: it can only be denied here.
    """

    name: str
    arguments: str = ""
    state: str = "called"
    result: str | None = None
    id: str | None = None
    by_hand: bool = False


Part = TextPart | ReasoningPart | CallPart


class Source(NamedTuple):
    """A citation.

    Attributes:
        number: its number in the answer.
        title: its name: a title, a document or a URL.
        url: a URL that is safe to open, or ``None``.
        snippet: the cited passage.
    """

    number: int
    title: str
    url: str | None = None
    snippet: str | None = None


class Notice(NamedTuple):
    """A line below an answer about the state of its turn.

    Attributes:
        kind: ``"waiting"``, ``"stopped"``, ``"empty"``, ``"incomplete"`` or ``"error"``.
        text: the sentence to show.
        retry: whether to offer to ask again.
    """

    kind: str
    text: str
    retry: bool = False


def image_bytes(image: Image) -> bytes | None:
    """Return the content of an image, or ``None`` if it is elsewhere or damaged."""
    source = image.source
    if not source.startswith("data:"):
        return None
    head, _, data = source.partition(",")
    if not head.endswith(";base64"):
        return unquote_to_bytes(data)
    data = "".join(data.split())
    try:
        # In pieces, between which other threads run.
        pieces = (data[at : at + PIECE_CHARS] for at in range(0, len(data), PIECE_CHARS))
        return b"".join(map(base64.b64decode, pieces))
    except (binascii.Error, ValueError):
        return None


def image_name(image: Image) -> str:
    """Return a short name for an image that cannot be shown: its URL or its media type."""
    if image.data is not None:
        return image.media_type or ""
    url = image.url or ""
    return url.partition(",")[0] if url.startswith("data:") else url


class ShownTurn(NamedTuple):
    """A question and its answer.

    Attributes:
        question: ``None`` if the session posted a body, or begins with an answer.
        parts: the pieces of the answer, in order.
        sources: its citations.
        notice: its state, or ``None``.
        live: it is in flight.
        reply_id: the id of the answer's last message, for `ChatSession.regenerate`; ``None`` while
            it is in flight.
    """

    question: Question | None = None
    parts: tuple[Part, ...] = ()
    sources: tuple[Source, ...] = ()
    notice: Notice | None = None
    live: bool = False
    reply_id: str | None = None

    @property
    def text(self) -> str:
        """The text of the answer, to be copied."""
        return "\n\n".join(part.text for part in self.parts if isinstance(part, TextPart))
