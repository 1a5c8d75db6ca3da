"""Any event stream: the text is each event's data, JSON or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from chatsdk.dialects.contract import About, Decoder, Dialect
from chatsdk.parts import Part, Text, TextSnapshot
from chatsdk.sse import ServerSentEvent, encode

__all__ = ["Raw"]


class Raw(Dialect):
    """Events as they are. There is no end marker: a clean HTTP end is the end."""

    about = About(
        name="raw",
        backend="any event stream",
        version="WHATWG HTML Living Standard",
        page="https://html.spec.whatwg.org/multipage/server-sent-events.html",
        endpoint="POST, any path",
        clean_end=True,
    )

    def decoder(self, content_type: str = "") -> Decoder:
        return RawDecoder(self)

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        for part in parts:
            if isinstance(part, (Text, TextSnapshot)):
                yield encode(part.text)


class RawDecoder(Decoder):
    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        return (Text(event.data),)
