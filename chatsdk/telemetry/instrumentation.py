"""`instrument`: spans and metrics for every request of a client."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from typing import TYPE_CHECKING

from chatsdk.client import ChatClient

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

__all__ = ["instrument"]

MISSING = "chatsdk.telemetry needs OpenTelemetry: pip install opentelemetry-api opentelemetry-sdk"

# The version of the conventions: https://github.com/open-telemetry/semantic-conventions-genai.
SCHEMA = "https://opentelemetry.io/schemas/1.42.0"


def instrument(
    client: ChatClient,
    content: bool = False,
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
) -> Callable[[], None]:
    """Make a span and record metrics for each request of a client from now on.

    The names are those of OpenTelemetry's GenAI semantic conventions. Tools that a session runs for
    the client are spans below the request that called them.

    Args:
        client: a `ChatClient`, also one of `ChatClient.fallback` or of a session
            (``session.client``). Instrumenting it again replaces the first.
        content: also record prompts, answers, and the arguments and results of tools.
        tracer_provider, meter_provider: instead of the global ones.

    Returns:
        a function that ends it. One that replaced it goes on.

    Raises:
        ImportError: OpenTelemetry is missing (extra ``otel``).
        TypeError: not a client.
    """
    try:
        from opentelemetry import metrics, trace
    except ImportError as error:
        raise ImportError(MISSING) from error
    import chatsdk
    from chatsdk.telemetry.metrics import Metrics
    from chatsdk.telemetry.span import Telemetry

    if not isinstance(client, ChatClient):
        raise TypeError(
            f"instrument() takes a ChatClient, not {type(client).__name__}; of a session, give "
            "session.client"
        )
    version = chatsdk.__version__
    telemetry = Telemetry(
        trace.get_tracer("chatsdk", version, tracer_provider, SCHEMA),
        Metrics(metrics.get_meter("chatsdk", version, meter_provider, SCHEMA)),
        content=bool(content),
    )
    client._observe(telemetry)
    # Registered after that of the provider, so it runs before the provider is shut down.
    atexit.register(telemetry.end_left)

    def end() -> None:
        client._unobserve(telemetry)
        atexit.unregister(telemetry.end_left)
        telemetry.end_left()

    return end
