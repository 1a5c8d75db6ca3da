"""Ask under a tracer, and print the spans: ``... PACKAGE PROMPT``."""

from __future__ import annotations

from asking import ARGUMENTS, outcome

PACKAGE, PROMPT = ARGUMENTS


def opentelemetry() -> None:
    from opentelemetry.instrumentation.requests import RequestsInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    RequestsInstrumentor().instrument(tracer_provider=provider)
    print(outcome(PROMPT))
    for span in exporter.get_finished_spans():
        print(span.name, span.status.status_code.name)


def ddtrace() -> None:
    import ddtrace
    from ddtrace.trace import TraceFilter, tracer

    found = []

    class Keep(TraceFilter):
        def process_trace(self, trace):  # type: ignore[no-untyped-def]
            found.extend((span.name, span.error) for span in trace)

    tracer.configure(trace_processors=[Keep()])
    ddtrace.patch(requests=True)
    print(outcome(PROMPT))
    print(*found)


def sentry() -> None:
    import sentry_sdk
    from sentry_sdk.transport import Transport

    found = []

    class Keep(Transport):
        def capture_envelope(self, envelope):  # type: ignore[no-untyped-def]
            event = envelope.get_transaction_event()
            for span in (event or {}).get("spans", ()):
                found.append((span["op"], span["description"].split(" ")[0], span.get("status")))

    sentry_sdk.init("http://public@127.0.0.1:9/1", transport=Keep(), traces_sample_rate=1.0)
    with sentry_sdk.start_transaction(name="program"):
        print(outcome(PROMPT))
    sentry_sdk.flush()
    print(*found)


globals()[PACKAGE]()
