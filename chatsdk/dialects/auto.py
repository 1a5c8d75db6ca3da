"""`auto`: reads the first events of a stream until `signatures` recognises the dialect."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chatsdk.dialects.content_type import (
    AMAZON,
    is_ndjson,
    is_vercel_v1,
    media_type,
    shows_lines,
)
from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.misframed import keeps_alive, payloads, says_nothing
from chatsdk.dialects.payload import DONE
from chatsdk.dialects.registry import get
from chatsdk.dialects.signatures import (
    END,
    UNKNOWN,
    WAIT,
    may_be,
    recognise,
    recognise_document,
)
from chatsdk.errors import NotAStreamError
from chatsdk.messages import Message
from chatsdk.parts import End, Failure, Part, Text
from chatsdk.sse import ServerSentEvent

__all__ = ["Auto", "AutoDecoder"]

# Number of events to keep until the family is known. Gateways may put a few events before the first
# of a family; this many unknown ones are a different protocol.
KEPT_EVENTS = 64

# The start of an array of Gemini's responses.
GEMINI_ARRAY = (
    rb"""\s*\[\s*\{\s*"(?:candidates|promptFeedback|usageMetadata|modelVersion|responseId)\""""
)


class Auto(Dialect):
    """Detects the wire family from the content type and the first events.

    It decides no later than the first event with text, delays no text and never changes its
    decision. The result is the family, not the product: DeepSeek's wire format is ``openai``. Plain
    text is ``raw``. JSON without a known field is not text: it is kept until a later event decides,
    and a stream of nothing else raises `NotAStreamError`. Cumulative text in a family of deltas is
    never guessed: use ``openai(text="snapshot")``.
    """

    about = About(
        name="auto",
        backend="any of them, detected from its first events",
        version="the table in chatsdk.dialects.signatures",
        page="docs/dialects.md",
        endpoint="POST, any path",
        text="as recognised",
        # An unrecognised stream is never complete.
        end_marker="that of the detected dialect",
        finish_reason=True,
        reasoning=True,
        tools=True,
        citations=True,
        usage=True,
    )

    @property
    def dataless(self) -> bool:
        """LangServe ends with an event without data, so all such events are decoded."""
        return True

    def framing(self, content_type: str = "") -> str:
        if is_ndjson(content_type):
            return "ndjson"
        return "sse_or_json" if media_type(content_type) == "text/event-stream" else "sse"

    def for_response(self, content_type: str, headers: Mapping[str, str], head: bytes) -> Dialect:
        """Return the dialect if the header fields or the first bytes identify it with certainty."""
        if is_vercel_v1(content_type, headers, head):
            return get("vercel_v1")
        if media_type(content_type) == AMAZON:
            return get("bedrock")
        return AutoLines() if shows_lines(head) else self

    def decoder(self, content_type: str = "") -> Decoder:
        return AutoDecoder(content_type)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Raise `ValueError`: the backend is not known before the answer."""
        raise ValueError(
            "the URL does not show which backend this is, so name its dialect to ask it, such as "
            "dialect='openai' or dialect='ragflow' (chatsdk.dialects.names() lists all), or use "
            "client.send(body) with the JSON that your backend expects"
        )

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> Failure | None:
        """Decode an error, or Gemini's array, which is sent if ``alt=sse`` is missing."""
        if re.match(GEMINI_ARRAY, body):
            return get("gemini").error(status, headers, body)
        return super().error(status, headers, body)

    def document(self, payload: Any) -> Sequence[Part] | None:
        """Decode an answer that is one JSON document, with the dialect that it belongs to."""
        for name in recognise_document(payload):
            parts = get(name).document(payload)
            if parts is not None:
                return parts
        return None


class AutoLines(Auto):
    """`Auto` for lines of JSON whose content type does not show it."""

    def framing(self, content_type: str = "") -> str:
        return "ndjson"

    def decoder(self, content_type: str = "") -> Decoder:
        return AutoDecoder(content_type, ndjson=True)


class AutoDecoder(Decoder):
    """Checks events until one shows the family, then passes the stream to that decoder."""

    def __init__(self, content_type: str = "", *, ndjson: bool = False) -> None:
        self.dialect = None
        self._content_type = content_type
        self._ndjson = ndjson or is_ndjson(content_type)
        self._kept: list[ServerSentEvent] = []
        self._unknown = 0
        self._decoder: Decoder | None = None
        self._decode: Callable[[ServerSentEvent], Sequence[Part]] | None = None
        self._dataless = False

    @property
    def finished(self) -> bool:  # type: ignore[override]
        """The value of the detected dialect's decoder."""
        return self._decoder is not None and self._decoder.finished

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        decode = self._decode
        if decode is None:
            return self._look(event)
        # Only dialects that ask for events without data receive them.
        return decode(event) if event.data or self._dataless else ()

    def close(self) -> Sequence[Part]:
        if self._decoder is not None:
            return self._decoder.close()
        name = self._likeliest()
        return () if name is None else (*self._decide(name), *self.close())

    def _look(self, event: ServerSentEvent) -> Sequence[Part]:
        name = recognise(event, ndjson=self._ndjson)
        lines = payloads(event.data) if name in (UNKNOWN, "raw") else ()
        if lines:
            return [part for line in lines for part in self.decode(event._replace(data=line))]
        if name in (WAIT, UNKNOWN):
            self._keep(event, name)
            return ()
        if name == END:
            likely = self._likeliest()
            if likely is None:
                # Nothing is known except that the stream ended.
                return (End(),)
            name = likely
        self._kept.append(event)
        return self._decide(name)

    def _keep(self, event: ServerSentEvent, name: str) -> None:
        self._unknown += name == UNKNOWN
        if self._unknown > KEPT_EVENTS:
            from chatsdk.dialects.explanation import misread

            why = misread(self._kept, None, ndjson=self._ndjson)
            raise NotAStreamError(f"no dialect knows the events of this stream: {why}")
        if event.data and len(self._kept) < KEPT_EVENTS and not keeps_alive(event):
            self._kept.append(event)

    def _likeliest(self) -> str | None:
        """Return the likely family of the events up to now, if the stream ends here."""
        if self._unknown:
            return None
        return next((name for event in self._kept if (name := may_be(event))), None)

    def _decide(self, name: str) -> Sequence[Part]:
        kept, self._kept = self._kept, []
        self.dialect = dialect = get(name)
        if name == "raw":
            # Plain text came, so the kept events are text, not a protocol.
            decoder: Decoder = WordsDecoder(dialect)
            kept = [event for event in kept if recognise(event) != WAIT]
        else:
            decoder = dialect.decoder(self._content_type)
            kept = [event for event in kept if not says_nothing(event)]
        self._decoder = decoder
        self._dataless = dialect.dataless
        self._decode = decoder.decode
        # The parts of the kept events, usually ids, come together with this one's.
        return [part for event in kept for part in self.decode(event)]


class WordsDecoder(Decoder):
    """Decodes plain text and the errors between it."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        data = event.data
        if data in DONE:
            return (End(),)
        if event.event == "error" or data[:1] == "{":
            from chatsdk.dialects.error_bodies import told

            failure = told(event)
            if failure is not None:
                return (failure,)
        return (Text(data),)
