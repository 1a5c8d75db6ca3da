"""``text``: plain text; the body is the answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from chatsdk.answer import Answer
from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.encoder import Writer, write
from chatsdk.messages import Message
from chatsdk.parts import Part, Text

__all__ = ["PlainText"]


class PlainText(Dialect):
    """A body of unframed text, such as ``text/plain`` from a custom service.

    The format has neither errors nor an end marker: a clean end of the HTTP body is the end.
    """

    about = About(
        name="text",
        backend="any service that streams plain text",
        version="RFC 9110, text/plain in UTF-8",
        page="https://www.rfc-editor.org/rfc/rfc9110",
        endpoint="POST, any path",
        framing="text",
        clean_end=True,
    )

    def decoder(self, content_type: str = "") -> Decoder:
        return TextDecoder(self)

    def framing(self, content_type: str = "") -> str:
        return "text"

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        raise ValueError(
            "a service that streams plain text has its own body format: use client.send(body), or "
            "dialects.json(prompt=...) if it takes JSON"
        )

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        """Encode the text; other parts cannot be encoded."""
        return write(_Words(), parts)


class _Words(Writer[bytes]):
    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        yield added.encode("utf-8", "replace")


class TextDecoder(Decoder):
    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    def decode(self, event: Any) -> Sequence[Part]:
        return (Text(event.data),) if event.data else ()
