"""`Payloads`: the data of each event, exactly as received (``chatsdk ask --raw``)."""

from __future__ import annotations

import json
from collections.abc import Iterator

from chatsdk.dialects import Dialect
from chatsdk.ndjson import LineParser
from chatsdk.sse import EventParser

__all__ = ["Payloads"]


class Payloads:
    """Reads events independently of the client, from the bytes that it taps."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._parser: EventParser | LineParser | None = None
        self.count = 0

    def tap(self, data: bytes, _at: float) -> None:
        """Accept bytes that the client has read; a `tap` of `ChatClient`."""
        self._waiting.append(data)

    def begin(self, dialect: Dialect, content_type: str) -> None:
        """Choose the framing of the body, from the response's header."""
        lines = dialect.framing(content_type) == "ndjson"
        self._parser = LineParser() if lines else EventParser(dataless=dialect.dataless)

    def new(self, *, ended: bool = False) -> Iterator[str]:
        """Yield the payloads since the last call, each as one line."""
        if self._parser is None:
            return
        waiting, self._waiting = self._waiting, []
        for data in waiting:
            for event in self._parser.feed(data):
                yield from self._line(event.data)
        if ended:
            for event in self._parser.finish():
                yield from self._line(event.data)

    def _line(self, payload: str) -> Iterator[str]:
        if payload:
            self.count += 1
            yield one_line(payload)


def one_line(payload: str) -> str:
    """Return a payload without line ends: JSON in compact form, other text escaped."""
    if "\n" not in payload and "\r" not in payload:
        return payload
    try:
        return json.dumps(json.loads(payload), ensure_ascii=False)
    except (ValueError, RecursionError):
        return payload.replace("\r", "\\r").replace("\n", "\\n")
