"""`read_har`: reads the first event stream of a browser's HAR file."""

from __future__ import annotations

import base64
import binascii
import json
import os
from typing import Any

from chatsdk.recording.lines import STATUSES, Contents
from chatsdk.recording.recorder import joined
from chatsdk.transport.report_redaction import Mask

__all__ = ["read_har"]

STREAMS = ("text/event-stream", "application/x-ndjson", "application/json-lines")

_MALFORMED = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)

NO_BODY = (
    "{name}: the HAR has no body of the event stream {url}. Chrome keeps it only if the panel was "
    "open from the start and you chose 'Save all as HAR with content'; Firefox drops the body of a "
    "stream that still runs. `chatsdk record` keeps every byte."
)


def read_har(path: str | os.PathLike[str]) -> Contents:
    """Read the first entry whose response is an event stream, secrets masked.

    Raises:
        ValueError: it is not a HAR file, has no event stream, or lacks the body of the stream.
    """
    name = os.path.basename(os.fspath(path))
    with open(path, "rb") as file:
        data = file.read()
    try:
        entries = json.loads(data.removeprefix(b"\xef\xbb\xbf"))["log"]["entries"]
        entry = next((one for one in entries if _is_stream(one)), None)
        request, response, reads = (None, None, []) if entry is None else _contents(entry)
    except _MALFORMED:
        raise ValueError(
            f"{name} is neither a recording nor a complete HAR file: save it again, or give a file "
            "that `chatsdk record` wrote"
        ) from None
    if request is None:
        raise ValueError(
            f"{name}: no entry of this HAR file is an event stream (text/event-stream); it has "
            f"{len(entries)} entries"
        )
    if not reads:
        raise ValueError(NO_BODY.format(name=name, url=request["url"]))
    return request, response, reads, "whole"


def _contents(entry: Any) -> tuple[Any, Any, list[tuple[float, bytes]]]:
    """Return request, response and body of an entry, secrets masked."""
    request, response = entry["request"], entry["response"]
    mask = Mask()
    url = str(request.get("url", ""))
    sent = _pairs(request.get("headers"))
    posted = str((request.get("postData") or {}).get("text") or "")
    mask.add_request(url, dict(sent), posted)
    for cookie in [*(request.get("cookies") or ()), *(response.get("cookies") or ())]:
        mask.add(str(cookie.get("value", "")))
    try:
        shown: Any = mask.json(json.loads(posted)) if posted else None
    except (ValueError, RecursionError):
        shown = mask.text(posted)
    status = int(response.get("status") or 200)
    if status not in STATUSES:
        raise ValueError("not a status")
    # Milliseconds; -1 if unknown.
    timings = entry.get("timings") or {}
    phases = ("blocked", "dns", "connect", "send", "wait")
    at = sum(max(float(timings.get(phase) or 0), 0.0) for phase in phases) / 1000
    body = _body(response.get("content") or {})
    return (
        {
            "method": request.get("method", "POST"),
            "url": mask.url(url),
            "headers": dict(mask.headers(sent)),
            "body": shown,
        },
        {"status": status, "headers": joined(mask.headers(_pairs(response.get("headers"))))},
        [(at, mask.bytes(body))] if body else [],
    )


def _is_stream(entry: Any) -> bool:
    response = entry["response"]
    named = str((response.get("content") or {}).get("mimeType") or "")
    fields = {name.lower(): value for name, value in _pairs(response.get("headers"))}
    return any(
        value.lower().startswith(STREAMS) for value in (named, fields.get("content-type", ""))
    )


def _pairs(headers: Any) -> list[tuple[str, str]]:
    found = [(str(one.get("name", "")), str(one.get("value", ""))) for one in headers or ()]
    # HTTP/2's names with a colon are not header fields.
    return [(name, value) for name, value in found if name and not name.startswith(":")]


def _body(content: Any) -> bytes:
    text = content.get("text") or ""
    if content.get("encoding") == "base64":
        try:
            return base64.b64decode(text)
        except (binascii.Error, ValueError):
            return b""
    return str(text).encode("utf-8", "replace")
