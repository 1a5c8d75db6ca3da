"""DeepSeek: OpenAI's chat completions with the reasoning in a separate field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from chatsdk.dialects.backends.openai import OpenAI
from chatsdk.dialects.dialect import About
from chatsdk.dialects.request import thoughts_to_give_back
from chatsdk.messages import Message

__all__ = ["DeepSeek"]


class DeepSeek(OpenAI):
    """DeepSeek's API, and others that need reasoning back, such as Moonshot's.

    While the server is busy, it sends comments, which count as activity. Every request includes the
    reasoning of turns with tools, as the API requires
    (https://api-docs.deepseek.com/guides/thinking_mode); it omits other reasoning.
    """

    about = About(
        name="deepseek",
        backend="DeepSeek",
        version="its API documentation, chat completions",
        page="https://api-docs.deepseek.com/api/create-chat-completion",
        endpoint="POST /chat/completions",
        end_marker="data: [DONE]",
        finish_reason=True,
        reasoning=True,
        tools=True,
        usage=True,
    )

    # https://api-docs.deepseek.com/guides/json_mode
    output_ways: ClassVar[tuple[str, ...]] = ("json", "tool", "words")

    def __init__(self) -> None:
        super().__init__()

    def written(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        """Encode the messages with the reasoning that must be sent back."""
        written = super().written(messages)
        for message, thought in zip(written, thoughts_to_give_back(messages), strict=True):
            if thought is not None:
                message.setdefault("reasoning_content", thought)
        return written
