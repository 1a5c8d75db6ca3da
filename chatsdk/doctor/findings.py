"""`Finding` and `Report`: what `diagnose` returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs

__all__ = ["Finding", "Report", "Severity", "Verdict", "Who"]

Verdict = Literal["streams", "late", "burst", "no stream", "unreachable"]
Severity = Literal["error", "warning", "info"]
Who = Literal["client", "proxy", "backend"]


@attrs.frozen
class Finding:
    """One finding of a diagnosis.

    Attributes:
        code: its name in the list of docs/troubleshooting.md.
        severity: ``"error"``, ``"warning"`` or ``"info"``.
        culprit: the program that causes it, ``None`` if unknown.
        what: a sentence or two.
        evidence: the numbers and header fields that show it.
        remedy: the setting to change or the line to type.
        who: the part that has to change: the backend, the proxy or the client.
    """

    code: str
    severity: Severity
    what: str
    remedy: str = ""
    culprit: str | None = None
    evidence: Mapping[str, Any] = attrs.field(factory=dict)
    who: Who = "backend"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "code": self.code,
            "severity": self.severity,
            "culprit": self.culprit,
            "what": self.what,
            "evidence": dict(self.evidence),
            "remedy": self.remedy,
            "who": self.who,
        }


@attrs.frozen
class Report:
    """The result of a diagnosis, with all secrets masked.

    Attributes:
        url: the URL of the requests.
        verdict: ``"streams"``, ``"late"``, ``"burst"``, ``"no stream"`` or ``"unreachable"``: the
            stream as chatsdk receives it, without compression.
        dialect: the given dialect, or the one that ``auto`` recognised; ``None`` if it did not.
        findings: errors first, then warnings, then the rest.
        probes: the requests and their responses, as JSON values.
    """

    url: str
    verdict: Verdict
    dialect: str | None
    findings: Sequence[Finding]
    probes: Sequence[Mapping[str, Any]] = attrs.field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values, as ``chatsdk doctor --json`` prints it."""
        return {
            "url": self.url,
            "verdict": self.verdict,
            "dialect": self.dialect,
            "findings": [finding.to_dict() for finding in self.findings],
            "probes": [dict(probe) for probe in self.probes],
        }
