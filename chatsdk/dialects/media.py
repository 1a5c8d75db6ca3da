"""What a response's ``Content-Type`` says about how its body is framed."""

from __future__ import annotations

__all__ = ["is_ndjson", "media_type", "unsupported"]

# No one name won; these are the ones in use for one JSON value a line.
NDJSON_TYPES = frozenset(
    {
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
        "application/json-lines",
        "application/jsonlines",
        "application/stream+json",
    }
)

AMAZON = "application/vnd.amazon.eventstream"


def media_type(content_type: str) -> str:
    """Return the bare media type of a header, in lower case.

    A header that was sent twice arrives joined by a comma (RAGFlow does that); the first counts.
    """
    return content_type.split(";", 1)[0].split(",", 1)[0].strip().lower()


def is_ndjson(content_type: str) -> bool:
    """Return whether the body is one JSON value a line."""
    return media_type(content_type) in NDJSON_TYPES


def unsupported(content_type: str) -> str | None:
    """Return why a stream of this type cannot be read, ``None`` where nothing is known against it.

    Source: Amazon Bedrock, InvokeModelWithResponseStream and ConverseStream.
    """
    if media_type(content_type) == AMAZON:
        return (
            f"{AMAZON} is Amazon's binary framing, no server-sent events: use Amazon's own SDK, "
            "or a gateway that translates Bedrock, such as LiteLLM"
        )
    return None
