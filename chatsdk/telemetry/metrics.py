"""The histograms of the GenAI semantic conventions."""

from __future__ import annotations

from typing import Any

from opentelemetry.metrics import Histogram, Meter

from chatsdk.answer import Answer
from chatsdk.telemetry import conventions

__all__ = ["Metrics"]


class Metrics:
    """Records the durations and the tokens of requests."""

    def __init__(self, meter: Meter) -> None:
        def seconds(name: str, description: str) -> Histogram:
            return meter.create_histogram(
                name,
                unit="s",
                description=description,
                explicit_bucket_boundaries_advisory=conventions.SECONDS,
            )

        self._duration = seconds(conventions.DURATION, "GenAI operation duration.")
        self._first = seconds(
            conventions.TIME_TO_FIRST_CHUNK,
            "Time from the request to the first chunk of the streamed response.",
        )
        self._per_chunk = seconds(
            conventions.TIME_PER_OUTPUT_CHUNK,
            "Time from one chunk of the streamed response to the next.",
        )
        self._tokens = meter.create_histogram(
            conventions.TOKEN_USAGE,
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=conventions.TOKENS,
        )

    def duration(self, seconds: float, attributes: dict[str, Any], error: str | None) -> None:
        """Record how long a request took, with the type of its error."""
        extra = {} if error is None else {conventions.ERROR_TYPE: error}
        self._duration.record(seconds, attributes | extra)

    def answer(self, answer: Answer, attributes: dict[str, Any], first: float | None) -> None:
        """Record the tokens of an answer, and the times of its chunks if it was streamed.

        Args:
            answer: the last step.
            attributes: of all metrics.
            first: seconds to the first chunk; ``None`` if it was not streamed.
        """
        usage = answer.usage
        for kind, count in (("input", usage.input), ("output", usage.output)):
            if count is not None:
                self._tokens.record(count, attributes | {conventions.TOKEN_TYPE: kind})
        if first is not None:
            self._first.record(first, attributes)
            for gap in answer.timings.gaps:
                self._per_chunk.record(gap, attributes)
