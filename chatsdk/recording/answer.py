"""`answer_of`: reads a recording in the same way as a live response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from chatsdk import dialects
from chatsdk.answer import Answer
from chatsdk.client.reader import AnswerReader
from chatsdk.client.response_check import opened
from chatsdk.client.stream import AnswerStream
from chatsdk.dialects import Dialect
from chatsdk.errors import ChatError, ChatTimeout, StreamInterrupted
from chatsdk.options import Limits
from chatsdk.transport import Secrets
from chatsdk.transport.cancel import CancelScope
from chatsdk.transport.clock import now
from chatsdk.transport.http_errors import http_status_error

if TYPE_CHECKING:
    from chatsdk.recording.tape import Recording

__all__ = ["answer_of"]

# Header fields of codings that were removed before the bytes were recorded.
TAKEN_OFF = ("content-encoding", "content-length", "transfer-encoding")

FIRST_REFUSAL = 300


class Played:
    """Replaces an `Exchange`: returns the reads of a recording, then its end."""

    def __init__(self, recording: Recording, limits: Limits) -> None:
        self._reads = iter(recording.reads)
        self._end = recording.end
        self.status = recording.status
        self.headers = {
            name.lower(): value
            for name, value in recording.headers
            if name.lower() not in TAKEN_OFF
        }
        named = self.headers.get("content-type", "")
        self.content_type = named.split(";")[0].split(",")[0].strip().lower()
        self.request_id = self.headers.get("x-request-id")
        # The end of a complete recording proves as much as that of a chunked body.
        self.delimited = True
        self.attempts = 1
        self.anonymous = False
        self.received = 0
        # The reads are timed as if the request were sent now.
        self.started = self.at = now()
        self.error_body = limits.error_body
        self.secrets = Secrets()
        self.scope = CancelScope()
        # There is no connection to give back.
        self.released = True

    def read(self) -> bytes:
        for at, data in self._reads:
            self.at = self.started + at
            if data:
                self.received += len(data)
                return data
        if self._end == "timeout":
            raise ChatTimeout("the recorded stream fell silent and was given up", phase="idle")
        if self._end in ("cut", "stopped"):
            raise StreamInterrupted(f"the recording ends here: the stream was {self._end}")
        return b""

    def read_within(self, seconds: float) -> bytes:
        return self.read()

    def read_body(self, most: int | None = None, *, seconds: float | None = None) -> bytes:
        most = self.error_body if most is None else most
        body = b""
        try:
            while len(body) < most and (data := self.read()):
                body += data
        except ChatError:
            if seconds is None:
                raise
        return body[:most]

    def check_head(self) -> None:
        pass

    begin_events = drain = finish_for_retry = close = close_from_finalizer = check_head

    def ended(self) -> ChatError:
        return StreamInterrupted("the recording was stopped")


class _NoStop:
    """Replaces the stop request, because there is no backend."""

    def begin(self, *_: object) -> None:
        pass


def answer_of(recording: Recording, dialect: str | Dialect) -> Answer:
    """Return the final answer of a recording.

    Raises:
        ChatError: as from `ChatClient.send` and its stream.
    """
    limits = Limits()
    body = (recording.request or {}).get("body")
    url = str((recording.request or {}).get("url") or "http://recording")
    chosen = dialects.get(dialect)
    if body is not None:
        chosen = chosen.for_request(body)
    played: Any = Played(recording, limits)
    if recording.status >= FIRST_REFUSAL:
        raise http_status_error(played, chosen, _shown(url), None, None)
    chosen, head, document = opened(played, chosen)
    server_stop: Any = _NoStop()
    reader = AnswerReader(
        played,
        chosen,
        limits,
        started=played.started,
        server_stop=server_stop,
        head=head,
        document=document,
        body=body,
    )
    with AnswerStream(reader) as stream:
        return stream.result()


def _shown(url: str) -> str:
    try:
        urlsplit(url)
    except ValueError:
        return "http://recording"
    return url
