"""Why a stream does not arrive as it should: `diagnose` asks, times every read, and judges."""

from __future__ import annotations

from chatsdk.doctor.diagnosis import diagnose
from chatsdk.doctor.findings import Finding, Report

__all__ = ["Finding", "Report", "diagnose"]
