"""Packages that make a span of each request."""

from __future__ import annotations

import pytest
from backend import TEXT
from rows import Row

TRIED = "one span, its headers at the backend, its error"
ROWS = [
    Row(
        "OpenTelemetry",
        ("opentelemetry-sdk", "opentelemetry-instrumentation-requests"),
        TRIED,
        "the span ends with the head of the response, as with requests and `stream=True`",
    ),
    Row("ddtrace", ("ddtrace",), TRIED),
    Row("Sentry, tracing", ("sentry-sdk",), TRIED),
]

DATADOG = {
    "DD_TRACE_AGENT_URL": "http://127.0.0.1:9",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DD_TRACE_STARTUP_LOGS": "false",
}
CASES = [
    ("opentelemetry", "traceparent", "POST UNSET", "POST ERROR"),
    ("ddtrace", "x-datadog-trace-id", "('requests.request', 0)", "('requests.request', 1)"),
    (
        "sentry",
        "sentry-trace",
        "('http.client', 'POST', 'ok')",
        "('http.client', 'POST', 'unavailable')",
    ),
]


@pytest.mark.parametrize(("package", "header", "fine", "failed"), CASES)
def test_span(programs, backend, package, header, fine, failed):
    """The POST is one span, with the trace's headers, and a refusal is its error."""
    if package == "opentelemetry":
        # Its requests instrumentation writes the header only with a propagator, the default one.
        assert "OTEL_PROPAGATORS" not in programs.variables()
    said = programs.both("traced", package, "fast", environment=DATADOG)
    assert said == f"{TEXT}\n{fine}"
    assert [header in backend.headers(number) for number in (0, 1)] == [True, True]
    said = programs.both("traced", package, "refuse", environment=DATADOG)
    assert said == f"an error of the wire\n{failed}"
