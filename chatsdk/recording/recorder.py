"""`Recorder`: a tap that writes one response to a file."""

from __future__ import annotations

import binascii
import json
import os
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any

from chatsdk.errors import ChatError, ChatTimeout
from chatsdk.transport.clock import now
from chatsdk.transport.report_redaction import Mask
from chatsdk.transport.tap import ResponseHead

__all__ = ["VERSION", "Recorder", "joined"]

# Version of the format, stored as "chatsdk" in the first line.
VERSION = 1


class Recorder:
    """Writes one response to a file. It is a tap of `ChatClient` and a context manager.

        with Recorder("answer.jsonl") as recorder, ChatClient(url, tap=recorder) as client:
            client.send(body).result()

    The file has a single response, the last one if several requests are sent. It is opened at once,
    so a path that cannot be written is an `OSError` before anything is sent. Secrets of the request
    are replaced by asterisks, even if the backend repeats them.

    Args:
        path: the file, or a file descriptor; an existing file is overwritten.
    """

    def __init__(self, path: str | os.PathLike[str] | int) -> None:
        self._file = open(path, "wb")  # noqa: SIM115, closed by close()
        self._mask = Mask()
        self._body_mask = self._mask.stream()
        self._started = now()
        self._begun = False
        self._last = 0.0
        self._end: str | None = None

    def hide(self, value: str | None) -> None:
        """Mask `value`, such as a token, in everything written from now on."""
        self._mask.add(value)

    def on_head(self, head: ResponseHead) -> None:
        """Write the first line: the request and the head of its response."""
        if self._begun:
            # The request was sent again.
            self._file.seek(0)
            self._file.truncate()
        mask = self._mask
        mask.add_request(head.url, head.request_headers, head.request_body)
        self._begin(
            head.started,
            {
                "method": head.method,
                "url": mask.url(head.url),
                "headers": dict(mask.headers(head.request_headers.items())),
                "body": _body(mask, head.request_body),
            },
            {"status": head.status, "headers": joined(mask.headers(head.headers))},
        )

    def __call__(self, data: bytes, at: float) -> None:
        """Write one read; `at` is its time in seconds of the monotonic clock."""
        if not self._begun:
            self._begin(min(at, self._started), None, None)
        for piece, moment in self._body_mask.feed(data, at):
            self._write_read(piece, moment)

    def on_end(self, end: str) -> None:
        """Record how the body ended; later calls are ignored."""
        if self._end is None:
            self._end = end
            self._last = now() - self._started

    def close(self, end: str | None = None) -> None:
        """Write the end and close the file. Calling it twice is harmless.

        Args:
            end: ``"whole"``, ``"cut"``, ``"timeout"`` or ``"stopped"``, if the connection did not
                show it.
        """
        if self._file.closed:
            return
        try:
            if not self._begun:
                self._begin(self._started, None, None)
            for piece, moment in self._body_mask.finish():
                self._write_read(piece, moment)
            how = self._end or end or "whole"
            self._write({"at": round(self._last, 6), "end": how})
        finally:
            self._file.close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close(_end_of(exc))

    def _begin(self, started: float, request: Any, response: Mapping[str, Any] | None) -> None:
        self._begun = True
        self._started = started
        self._end = None
        self._last = 0.0
        self._body_mask = self._mask.stream()
        self._write({"chatsdk": VERSION, "request": request, "response": response})

    def _write_read(self, data: bytes, at: float) -> None:
        self._last = last = at - self._started
        # Formatted by hand: for a short event, json.dumps would take as long as reading it.
        encoded = binascii.b2a_base64(data, newline=False)
        self._file.write(b'{"at": %.6f, "bytes": "%b"}\n' % (last, encoded))

    def _write(self, line: Any) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n")


def joined(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return header fields as a dict; values of repeated ones are joined by a comma."""
    found: dict[str, str] = {}
    for name, value in fields:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _end_of(error: BaseException | None) -> str | None:
    if error is None:
        return None
    if isinstance(error, ChatTimeout):
        return "timeout"
    return "cut" if isinstance(error, ChatError) else "stopped"


def _body(mask: Mask, body: bytes) -> Any:
    if not body:
        return None
    text = body.decode("utf-8", "replace")
    try:
        return mask.json(json.loads(text))
    except (ValueError, RecursionError):
        return mask.text(text)
