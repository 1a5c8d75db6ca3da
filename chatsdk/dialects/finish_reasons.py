"""Maps the finish reasons of many backends to `chatsdk.parts.FINISH_REASONS`."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["GOOGLE", "reason_of"]

# Native values in lower case, with underscores; their meaning is the same for all backends.
WORDS = {
    **dict.fromkeys(
        (
            *("stop", "end_turn", "end_of_turn", "stop_sequence", "stop_token", "end", "complete"),
            *("completed", "eos", "eos_token", "eot", "finished", "done", "success", "succeeded"),
        ),
        "stop",
    ),
    **dict.fromkeys(
        (
            *("length", "max_tokens", "max_length", "model_length", "max_new_tokens", "limit"),
            *("max_output_tokens", "max_completion_tokens", "token_limit", "context_length"),
            *("model_context_window_exceeded", "context_window_exceeded", "continuation"),
        ),
        "length",
    ),
    **dict.fromkeys(
        ("tool_calls", "tool_call", "tool_use", "function_call", "function_calls"), "tool_calls"
    ),
    **dict.fromkeys(
        (
            *("content_filter", "content_filtered", "guardrail_intervened", "moderation"),
            *("safety", "recitation", "blocklist", "prohibited_content", "spii", "sensitive"),
            *("model_armor", "image_safety", "image_prohibited_content", "image_recitation"),
        ),
        "content_filter",
    ),
    **dict.fromkeys(("refusal", "refused"), "refusal"),
    **dict.fromkeys(("cancelled", "canceled", "cancel", "abort", "aborted"), "cancelled"),
    **dict.fromkeys(
        (
            *("error", "failed", "failure", "network_error", "server_error", "internal_error"),
            *("malformed_function_call", "malformed_response", "unexpected_tool_call"),
            *("too_many_tool_calls", "missing_thought_signature", "timeout", "overloaded"),
            "insufficient_system_resource",
        ),
        "error",
    ),
}


# Google's own values, which Gemini and the Agent Development Kit send.
GOOGLE = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    **dict.fromkeys(
        (
            *("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR"),
            *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "ESCALATION"),
        ),
        "content_filter",
    ),
    **dict.fromkeys(
        (
            *("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"),
            *("MALFORMED_RESPONSE", "MISSING_THOUGHT_SIGNATURE"),
        ),
        "error",
    ),
}


def reason_of(native: str, known: Mapping[str, str]) -> str:
    """Return the finish reason for a backend's native value, ``"other"`` if it is unknown.

    Args:
        native: the value as received, in any case. Google's compatible API adds details after a
            colon, as in ``"content_filter: SAFETY"``.
        known: the dialect's own values, which take precedence.
    """
    found = known.get(native)
    if found is not None:
        return found
    before, _, behind = native.partition(":")
    for word in (native, behind, before):
        plain = word.strip().lower().replace("-", "_").replace(" ", "_")
        found = WORDS.get(plain) or known.get(word.strip())
        if found is not None:
            return found
    return "other"
