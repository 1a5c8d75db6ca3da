"""`diagnose`: sends a request a few times and reports how the stream arrives."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from chatsdk import dialects
from chatsdk.client.address import checked_url
from chatsdk.dialects import Dialect
from chatsdk.dialects.urls import completed, with_model
from chatsdk.doctor.delivery import delivery_findings
from chatsdk.doctor.endings import Meaning, ending_findings, head_findings
from chatsdk.doctor.findings import Finding, Report, Verdict
from chatsdk.doctor.probe import Asking, Probe
from chatsdk.doctor.responses import response_findings
from chatsdk.doctor.syntax import frame_findings
from chatsdk.doctor.timing import class_of
from chatsdk.errors import ChatTimeout, ConnectError
from chatsdk.transport import checked_headers, checked_token
from chatsdk.transport.report_redaction import Mask

__all__ = ["MOST_REQUESTS", "TIMEOUT_SECONDS", "diagnose"]

# Largest number of requests of one diagnosis.
MOST_REQUESTS = 4

# Seconds for each of them.
TIMEOUT_SECONDS = 60.0

IDENTITY = "identity"
COMPRESSED = "gzip, deflate"

ORDER = ("error", "warning", "info")

TLS_WORDS = ("certificate", "TLS", "SSL")


def diagnose(
    url: str,
    body: Any = None,
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    token: str | None = None,
    dialect: str | Dialect = "auto",
    timeout: float = TIMEOUT_SECONDS,
    exact_url: bool = False,
) -> Report:
    """Send a request at most four times, time every raw read, and report what is wrong.

    Each request may be billed. Redirects are not followed.

    Args:
        url: the address, as in `ChatClient`.
        body: the JSON value to send; ``None`` sends ``{}`` with a POST, else no body.
        method: the HTTP method.
        headers, token, dialect, exact_url: as in `ChatClient`.
        timeout: seconds for each request; a longer stream is judged by the part received.

    Raises:
        TypeError, ValueError: an argument is invalid; nothing was sent.
    """
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout > 0:
        raise ValueError(f"timeout is a number of seconds above 0, not {timeout!r}")
    chosen = dialects.get(dialect)
    address, authorization = checked_url(url)
    if not exact_url:
        address = completed(address, chosen)
    address = with_model(address, body if isinstance(body, dict) else {})[0]
    given = checked_headers({} if headers is None else headers)
    if authorization is not None and token is None:
        given = {"Authorization": authorization} | given
    checked_token(token)
    chosen = chosen.for_request(body if body is not None else {})
    mask = Mask()
    mask.add(token)
    data = _encoded(body, method)
    mask.add_request(url, given, data)
    asking = Asking(address, data, method.upper(), given, token, chosen, float(timeout))
    return _Examination(asking, mask).report()


class _Examination:
    """The probes of one diagnosis."""

    def __init__(self, asking: Asking, mask: Mask) -> None:
        self._asking = asking
        self._mask = mask
        self._probes: list[Probe] = []

    def report(self) -> Report:
        plain = self._probe(IDENTITY)
        if plain.wire.status is None:
            return self._made("unreachable", None, [_unreachable(plain)])
        packed = None
        if 200 <= plain.wire.status < 300 and plain.count:
            packed = self._probe(COMPRESSED)
        kind = class_of(plain)
        verdict: Verdict = "no stream"
        if kind is not None and 200 <= plain.wire.status < 300:
            verdict = {"streamed": "streams", "late": "late", "burst": "burst"}[kind]  # type: ignore[assignment]
        meaning = Meaning(plain, self._asking.dialect)
        name = None if meaning.dialect is None else meaning.dialect.name
        return self._made(verdict, name, self._findings(plain, packed, meaning))

    def _probe(self, accept_encoding: str) -> Probe:
        probe = Probe(accept_encoding, self._mask)
        probe.ask(self._asking)
        self._probes.append(probe)
        return probe

    def _findings(self, plain: Probe, packed: Probe | None, meaning: Meaning) -> Iterator[Finding]:
        asking = self._asking
        yield from response_findings(plain, asking.url, asking.dialect)
        if not 200 <= (plain.wire.status or 0) < 300:
            return
        yield from frame_findings(plain)
        if plain.count:
            yield from delivery_findings(plain, packed, asking.url)
        yield from ending_findings(plain, meaning)
        if plain.count:
            yield from head_findings(plain)

    def _made(self, verdict: Verdict, dialect: str | None, findings: Any) -> Report:
        mask = self._mask
        found = [_masked(finding, mask) for finding in findings]
        found.sort(key=lambda finding: ORDER.index(finding.severity))
        probes = [probe.to_dict(_class_in(probe, self._probes)) for probe in self._probes]
        return Report(mask.url(self._asking.url), verdict, dialect, tuple(found), tuple(probes))


def _class_in(probe: Probe, probes: list[Probe]) -> str | None:
    """Return the class of a probe; the compressed one is compared with the plain one."""
    from chatsdk.doctor.delivery import holds_back
    from chatsdk.doctor.timing import together

    kind = class_of(probe)
    plain = probes[0]
    if kind == "streamed" and probe is not plain and holds_back(probe, plain):
        single = len({event.read for event in probe.events}) == 1
        return "burst" if single or together(probe) else "late"
    return kind


def _unreachable(probe: Probe) -> Finding:
    error = probe.error
    message = probe.mask.text(str(error or "no response came"))
    evidence = {"error": type(error).__name__, "seconds": round(probe.end_s, 3)}
    if isinstance(error, ConnectError) and any(word in message for word in TLS_WORDS):
        return Finding(
            "tls",
            "error",
            f"There is no secure connection: {message}.",
            "Check http:// or https:// and the port; name the file with your own CA's certificates "
            "in REQUESTS_CA_BUNDLE",
            None,
            evidence,
            "client",
        )
    timed_out = isinstance(error, ChatTimeout) and error.phase == "connect"
    if isinstance(error, ConnectError) or timed_out:
        return Finding(
            "no-connection",
            "error",
            f"There is no connection: {message}.",
            "Check that the backend runs, the host and the port, and the proxies in HTTP_PROXY and "
            "HTTPS_PROXY",
            None,
            evidence,
            "client",
        )
    return Finding(
        "no-answer",
        "error",
        f"The connection is there, but no response came: {message}.",
        "Check that it is an HTTP server, and look into its log; a slow backend needs a larger "
        "--timeout",
        None,
        evidence,
        "backend",
    )


def _masked(finding: Finding, mask: Mask) -> Finding:
    return Finding(
        finding.code,
        finding.severity,
        mask.text(finding.what),
        mask.text(finding.remedy),
        finding.culprit,
        mask.json(dict(finding.evidence)),
        finding.who,
    )


def _encoded(body: Any, method: str) -> bytes:
    if body is None:
        if method.upper() != "POST":
            return b""
        body = {}
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"the body cannot be written as JSON: {error}") from None
