"""Findings about a response that is not a stream: statuses, pages, JSON, empty bodies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from chatsdk.dialects import Dialect
from chatsdk.dialects.url_suggestions import meant
from chatsdk.doctor.findings import Finding, Who
from chatsdk.doctor.probe import Probe
from chatsdk.doctor.syntax import lines_of_json
from chatsdk.errors import HTTPStatusError
from chatsdk.transport.foreign_exceptions import raised_by_handler

__all__ = ["response_findings"]

AWS = "application/vnd.amazon.eventstream"

SHOWN = 300

REMEDIES: dict[int, tuple[str, Who]] = {
    400: ("Compare the body with what the backend documents: its fields, and the model", "client"),
    401: (
        "Give the token: CHATSDK_TOKEN, --token-env or --header 'Authorization: $TOKEN'",
        "client",
    ),
    403: ("The token may not do this: check its rights", "client"),
    404: ("Check the path of the URL", "client"),
    405: ("This address does not take the method: check the path, or give --method", "client"),
    413: ("Send less, or raise the proxy's limit (nginx: client_max_body_size)", "client"),
    422: ("Compare the body with what the backend documents: its fields, and the model", "client"),
    429: ("Wait and try again, or raise the quota", "client"),
    502: ("The proxy does not reach the backend: check that it runs, and its address", "proxy"),
    503: ("Wait and try again: the backend is busy or down", "backend"),
    504: ("Raise the proxy's time limit (nginx: proxy_read_timeout 300s;)", "proxy"),
}


def response_findings(probe: Probe, url: str, dialect: Dialect) -> Iterator[Finding]:
    """Yield the reasons why the response is not a stream."""
    status = probe.wire.status or 0
    if 300 <= status < 400:
        yield _redirect(probe, status)
    elif status >= 400:
        yield _refused(probe, status, url, dialect)
    elif not probe.count:
        yield from _no_event(probe, dialect)


def _redirect(probe: Probe, status: int) -> Finding:
    location = probe.wire.fields.get("location", "")
    where = probe.mask.url(location) if location else "no address"
    return Finding(
        "redirect",
        "error",
        f"HTTP {status} redirects to {where}. It is not followed, because that would take the "
        "token along, or turn the POST into a GET.",
        f"Use the address {where}" if location else "Let the backend answer at this address",
        None,
        {"status": status, "location": where},
        "client",
    )


def _refused(probe: Probe, status: int, url: str, dialect: Dialect) -> Finding:
    error = probe.error
    message = error.message if isinstance(error, HTTPStatusError) else ""
    message = probe.mask.text(message or "")[:SHOWN]
    remedy, who = REMEDIES.get(status, ("", "client"))
    if not remedy:
        remedy = "Look into the log of the backend" if status >= 500 else "Check URL and body"
        who = "backend" if status >= 500 else "client"
    likely = meant(url, dialect) if status in (404, 405) else None
    if likely is not None:
        remedy = f"Did you mean {probe.mask.url(likely)} ? {remedy}"
    evidence: dict[str, Any] = {"status": status}
    if message:
        evidence["message"] = message
    if _is_page(probe):
        evidence["content_type"] = probe.content_type
    if (server := probe.wire.fields.get("server")) is not None:
        evidence["server"] = server
    return Finding(
        "http-status",
        "error",
        f"HTTP {status}: {message}" if message else f"The response is HTTP {status}.",
        remedy,
        None,
        evidence,
        who,
    )


def _no_event(probe: Probe, dialect: Dialect) -> Iterator[Finding]:
    kind = probe.content_type
    body = probe.body
    named = {"status": probe.wire.status, "content_type": kind or None}
    if probe.wire.undecodable is not None:
        yield Finding(
            "not-an-event-stream",
            "error",
            f"The body is encoded as {probe.wire.undecodable}, which was not asked for.",
            "Let the server or proxy heed the request's Accept-Encoding",
            None,
            named | {"content_encoding": probe.wire.undecodable},
            "proxy",
        )
    elif probe.wire.broken is not None and not body:
        # Reported by the findings about the end.
        return
    elif kind == AWS:
        yield Finding(
            "aws-event-stream",
            "error",
            "The response is an AWS event stream: binary frames, not server-sent events.",
            "Ask the backend's address for server-sent events, or put a gateway such as LiteLLM "
            "in front of it",
            None,
            named,
            "client",
        )
    elif _is_page(probe):
        yield Finding(
            "html-page",
            "error",
            "A web page came instead of a stream: a login page, a proxy's error page, or the "
            "address of a website, not of its API.",
            "Check the path of the URL, and whether the proxy asks for a login",
            None,
            named | {"start": probe.mask.text(body[:80].decode("utf-8", "replace"))},
            "client",
        )
    elif _only_comments(body):
        comments = len(body.splitlines())
        if not body.strip() and probe.went_on:
            what = f"The head came, but no byte of the body within {probe.end_s:.0f} s."
        elif body.strip():
            what = "Only comments came: signs of life, and no event."
        else:
            what = "The body is empty."
        yield Finding(
            "empty-body",
            "error",
            what,
            "Look into the log of the backend: it ended before it wrote an event",
            None,
            named | {"bytes": len(body), "comment_lines": comments},
            "backend",
        )
    elif probe.framing == "sse" and lines_of_json(body) and not _is_document(probe):
        # Reported by the findings about frames.
        return
    elif probe.framing == "sse" and probe.pending and b"data" in body[:4096]:
        return
    else:
        yield _document(probe, dialect, named)


def _document(probe: Probe, dialect: Dialect, named: dict[str, Any]) -> Finding:
    body = probe.body
    failure = None
    try:
        failure = dialect.error(probe.wire.status or 200, probe.wire.fields, body)
    except Exception as error:
        if raised_by_handler(error):
            raise
    if failure is not None:
        message = probe.mask.text(failure.message)[:SHOWN]
        return Finding(
            "json-refusal",
            "error",
            f"The backend refused with a success status: {message}",
            "Do what its message says",
            None,
            named | {"message": message},
            "client",
        )
    start = probe.mask.text(body[:80].decode("utf-8", "replace"))
    try:
        json.loads(body)
        what = "One JSON document came instead of a stream."
        remedy = 'Ask for a stream: most backends want "stream": true in the body'
    except (ValueError, RecursionError):
        what = f"Something else came instead of a stream ({probe.content_type or 'no type'})."
        remedy = "Check URL and body; a stream is text/event-stream or lines of JSON"
    return Finding(
        "not-an-event-stream", "error", what, remedy, None, named | {"start": start}, "client"
    )


def _is_document(probe: Probe) -> bool:
    return probe.content_type == "application/json" and lines_of_json(probe.body) <= 1


def _is_page(probe: Probe) -> bool:
    start = probe.body.lstrip()[:1]
    return start == b"<" or (probe.content_type == "text/html" and not probe.count)


def _only_comments(body: bytes) -> bool:
    return all(not line.strip() or line.startswith(b":") for line in body.splitlines())
