"""RAGFlow's OpenAI-compatible endpoints, with errors as text and citations in the delta."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

from chatsdk.dialects.backends.openai import OpenAI
from chatsdk.dialects.backends.openai.decoder import OpenAIDecoder
from chatsdk.dialects.backends.ragflow.decoder import error_in_text
from chatsdk.dialects.dialect import About, Dialect
from chatsdk.messages import Message
from chatsdk.parts import Identity, Part, Text

__all__ = ["RAGFlowOpenAI"]


class RAGFlowOpenAI(OpenAI):
    """RAGFlow's OpenAI-compatible endpoints, for chats and for agents.

    Args:
        repeats: whether the release repeats the complete answer as its last text delta, as 0.25.6
            did. Not needed for requests with citations (``extra_body={"reference": True}``), for
            which the repetition is always removed.
    """

    about = About(
        name="ragflow_openai",
        backend="RAGFlow, OpenAI form",
        version="RAGFlow 0.27.0 (b1b8cd6)",
        page="https://github.com/infiniflow/ragflow/blob/main/docs/references/http_api_reference.md",
        endpoint="POST /api/v1/openai/{chat_id}/chat/completions",
        end_marker="data:[DONE]",
        finish_reason=True,
        reasoning=True,
        citations=True,
        usage=True,
    )

    # The application decides about the model's options.
    output_ways: ClassVar[tuple[str, ...]] = ("words",)
    output_field: ClassVar[str | None] = None

    def __init__(self, *, repeats: bool = False) -> None:
        super().__init__()
        self._repeats = repeats

    def decoder(self, content_type: str = "") -> RAGFlowOpenAIDecoder:
        return RAGFlowOpenAIDecoder(self, repeats=self._repeats)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode a ``chat.completion`` request.

        For citations pass ``extra_body={"reference": True}``, which RAGFlow expects as a field of
        the body.
        """
        if options.pop("tools", None):
            raise ValueError(f"{self.name} runs its tools itself: add them in RAGFlow")
        body = super().body(messages, **options)
        # It always counts tokens; "model" means the assistant's configured model.
        body.pop("stream_options", None)
        body.setdefault("model", "model")
        if conversation_id is not None:
            body["session_id"] = conversation_id
        return body

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        """Raise `ValueError`: for OpenAI's clients, encode ``openai``."""
        return Dialect.encode(self, parts, id=id, model=model)


class RAGFlowOpenAIDecoder(OpenAIDecoder):
    """Decodes OpenAI's chunks with RAGFlow's errors and session."""

    def __init__(self, dialect: Dialect, *, repeats: bool = False) -> None:
        super().__init__(dialect)
        self._repeats = repeats
        self._said: list[str] = []
        self._length = 0
        self._session: object = None

    def _piece(self, chunk: dict[str, Any]) -> str | None:
        # Any text may be an error.
        return None

    def read(self, chunk: dict[str, Any]) -> Sequence[Part]:
        parts: list[Part] = []
        session = chunk.get("session_id")
        if session != self._session and isinstance(session, str) and session:
            self._session = session
            parts.append(Identity(conversation_id=session))
        for part in super().read(chunk):
            if isinstance(part, Text):
                error = error_in_text(part.text)
                if error is not None:
                    return [*parts, error]
                if self._repeats and self._repeated(part.text):
                    continue
            parts.append(part)
        return parts

    def _repeated(self, text: str) -> bool:
        if self._said and len(text) == self._length and text == "".join(self._said):
            return True
        self._said.append(text)
        self._length += len(text)
        return False
