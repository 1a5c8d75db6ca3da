"""DeepSeek: OpenAI's chat completions with the reasoning in a field of its own."""

from __future__ import annotations

from chatsdk.dialects.backends.openai import OpenAI
from chatsdk.dialects.contract import About

__all__ = ["DeepSeek"]


class DeepSeek(OpenAI):
    """DeepSeek's own API. While it is busy it sends comments, which count as life."""

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

    def __init__(self) -> None:
        super().__init__()

    def __repr__(self) -> str:
        return f"{self.name}()"
