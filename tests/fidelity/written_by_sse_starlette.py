"""A transcript from sse-starlette, which Python's own servers of event streams use."""

from __future__ import annotations

from pathlib import Path

from sse_starlette import ServerSentEvent

BODY = Path(__file__).parent.parent / "transcripts" / "raw" / "sse_starlette.txt"


def body() -> bytes:
    """The events of one stream: a comment, names, ids, text of several lines."""
    events = [
        ServerSentEvent(comment="ping - 2026-11-22 05:00:00"),
        ServerSentEvent("It is", id="1", retry=3000),
        ServerSentEvent("\n8 °C\u2028🙂", event="message", id="2"),
        ServerSentEvent('{"city": "Zürich"}', event="facts", id="3"),
    ]
    return b"".join(event.encode() for event in events)


if __name__ == "__main__":
    BODY.write_bytes(body())
