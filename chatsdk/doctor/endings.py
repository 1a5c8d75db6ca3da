"""Findings about the end of a stream and about its header fields."""

from __future__ import annotations

from collections.abc import Iterator

from chatsdk.dialects import Dialect
from chatsdk.doctor.findings import Finding
from chatsdk.doctor.probe import Probe
from chatsdk.parts import End, Failure, Finish
from chatsdk.transport.foreign_exceptions import raised_by_handler

__all__ = ["Meaning", "ending_findings", "head_findings"]


class Meaning:
    """The events of a probe, decoded with a dialect.

    Attributes:
        dialect: the given dialect, or the one that ``auto`` recognised; ``None`` if it did not.
        ended: there was an end marker; `finished`: there was a finish reason.
        failure: an error that the backend sent inside the stream.
    """

    def __init__(self, probe: Probe, dialect: Dialect) -> None:
        chosen = dialect.for_response(probe.content_type, probe.wire.fields, b"")
        decoder = chosen.decoder(probe.content_type)
        self.ended = self.finished = False
        self.failure: Failure | None = None
        for found in probe.events:
            try:
                parts = decoder.decode(found.event)
            except Exception as error:
                if raised_by_handler(error):
                    raise
                # Reported by the findings about frames.
                continue
            for part in parts or ():
                self.ended = self.ended or isinstance(part, End)
                self.finished = self.finished or isinstance(part, Finish)
                if isinstance(part, Failure) and self.failure is None:
                    self.failure = part
        self.dialect: Dialect | None = decoder.dialect
        if self.dialect is not None and self.dialect.name == "auto":
            self.dialect = None


def ending_findings(probe: Probe, meaning: Meaning) -> Iterator[Finding]:
    """Yield the findings about the end of the stream."""
    wire = probe.wire
    if meaning.failure is not None:
        message = probe.mask.text(meaning.failure.message)[:300]
        yield Finding(
            "json-refusal",
            "error",
            f"The backend reported an error inside the stream: {message}",
            "Do what its message says",
            None,
            {"message": message},
        )
    if wire.broken is not None:
        yield Finding(
            "bad-chunking",
            "error",
            f"The body cannot be read to its end: {wire.broken}.",
            "Send the Content-Encoding that the body has"
            if "compressed" in wire.broken
            else "Let the web server or framework write the chunks; do not write them by hand",
            None,
            {"problem": wire.broken, "events": probe.count},
        )
    elif probe.end == "cut" and probe.wire.undecodable is None:
        yield Finding(
            "cut",
            "error",
            f"The connection ended inside the body, {probe.end_s:.1f} s after the request: more "
            "was announced than came.",
            "Look into the log of the backend, and at the time limits of proxies in between "
            "(nginx: proxy_read_timeout, haproxy: timeout server)",
            None,
            {"end_s": round(probe.end_s, 3), "events": probe.count, "framing": wire.framing},
        )
    elif probe.count and probe.end == "whole" and meaning.dialect is not None:
        about = meaning.dialect.about
        if not (meaning.ended or meaning.finished or about.clean_end or meaning.failure):
            yield Finding(
                "no-end-marker",
                "warning",
                f"The stream ended without the end marker of {about.backend}: nobody can tell "
                "that the answer is complete.",
                "Send the end marker, or look for a time limit that ends the stream early",
                None,
                {"dialect": meaning.dialect.name, "events": probe.count},
            )


def head_findings(probe: Probe) -> Iterator[Finding]:
    """Yield findings about the head that are harmless to chatsdk, but not to every client."""
    wire, fields = probe.wire, probe.wire.fields
    if wire.framing == "close":
        yield _info(
            "close-delimited",
            "The end of the connection is the end of the body, so a cut looks like the end. Some "
            "clients hold such a body back.",
        )
    if wire.version == "1.0":
        yield _info(
            "http-1.0", "The response is HTTP/1.0, which has no chunks and no kept connections."
        )
    cache = fields.get("cache-control", "").lower()
    if not any(word in cache for word in ("no-cache", "no-store", "no-transform")):
        yield _info(
            "no-cache-control",
            "There is no Cache-Control: no-cache, no-transform. Proxies and development servers "
            "may cache or compress the stream.",
        )
    if fields.get("x-accel-buffering", "").lower() != "no":
        yield _info(
            "no-accel-header",
            "There is no X-Accel-Buffering: no. An nginx in front of it would buffer the stream.",
        )
    if "access-control-allow-origin" not in fields:
        yield _info(
            "cors",
            "There is no Access-Control-Allow-Origin. Pages of another origin cannot read it.",
        )


def _info(code: str, what: str) -> Finding:
    return Finding(code, "info", what)
