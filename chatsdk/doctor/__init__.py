"""`diagnose`: finds out why a stream arrives late, all at once or not at all."""

from __future__ import annotations

from chatsdk.doctor.diagnosis import diagnose
from chatsdk.doctor.findings import Finding, Report

__all__ = ["Finding", "Report", "diagnose"]
