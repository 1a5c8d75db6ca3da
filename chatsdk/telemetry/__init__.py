"""Telemetry for operators: spans and metrics of OpenTelemetry (extra ``otel``)."""

from __future__ import annotations

from chatsdk.telemetry.instrumentation import instrument

__all__ = ["instrument"]
