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
    """One thing that was found.

    Attributes:
        code: its name, as docs/troubleshooting.md lists them.
        severity: ``"error"``, ``"warning"`` or ``"info"``.
        culprit: the program that causes it, ``None`` if that cannot be told.
        what: a sentence or two.
        evidence: the numbers and header fields that show it.
        remedy: what to type or change.
        who: who can mend it.
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
    """What the probes showed. Secrets are masked in all of it.

    Attributes:
        url: the address that was asked.
        verdict: about what chatsdk gets, which asks for no compression.
        dialect: what ``auto`` decided, ``None`` if nothing.
        findings: errors first, then warnings, then the rest.
        probes: the requests that were sent, as JSON values.
    """

    url: str
    verdict: Verdict
    dialect: str | None
    findings: Sequence[Finding]
    probes: Sequence[Mapping[str, Any]] = attrs.field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values: what ``chatsdk doctor --json`` prints."""
        return {
            "url": self.url,
            "verdict": self.verdict,
            "dialect": self.dialect,
            "findings": [finding.to_dict() for finding in self.findings],
            "probes": [dict(probe) for probe in self.probes],
        }
