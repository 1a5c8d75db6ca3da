"""``raw``: any event stream; each event's data becomes text, even JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from chatsdk import sse
from chatsdk.answer import Answer
from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.encoder import Writer, write
from chatsdk.dialects.payload import DONE
from chatsdk.parts import Data, End, Part, Text
from chatsdk.sse import ServerSentEvent

__all__ = ["Raw"]


class Raw(Dialect):
    """Events without decoding. A clean HTTP end is the end, or ``[DONE]``, which is never text."""

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
        """Encode text as the data of events; other parts cannot be encoded.

        CR and CRLF are line ends in this format, so the receiver gets LF instead.
        """
        return write(_Events(), parts)


class _Events(Writer[bytes]):
    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        yield sse.encode(added)


class RawDecoder(Decoder):
    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        data = event.data
        if data in DONE:
            return (Data(data), End())
        return (Text(data),) if data else (Data(),)
