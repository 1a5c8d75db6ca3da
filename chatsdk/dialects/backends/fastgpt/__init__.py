"""FastGPT: OpenAI's chunks as named events, with citations after the end marker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from chatsdk.answer import Answer
from chatsdk.dialects.backends.fastgpt.decoder import FastGPTDecoder
from chatsdk.dialects.backends.openai import OpenAI
from chatsdk.dialects.backends.openai.decoder import FINISH
from chatsdk.dialects.dialect import About, StopRequest
from chatsdk.dialects.payload import as_name
from chatsdk.messages import Message
from chatsdk.parts import Part

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["FastGPT"]


class FastGPT(OpenAI):
    """A FastGPT application.

    With ``"detail": true`` the events have names, and the retrieved passages follow ``[DONE]``.
    """

    about = About(
        name="fastgpt",
        backend="FastGPT",
        version="its OpenAPI documentation, v2 chat completions",
        page="https://doc.fastgpt.io/openapi/reference/chat-controller/v2-chat-completions.md",
        endpoint="POST /api/v2/chat/completions",
        end_marker="data: [DONE]",
        finish_reason=True,
        more_after_end=True,
        stop="POST /api/v2/chat/stop",
        reasoning=True,
        tools=True,
        citations=True,
        usage=True,
    )

    # The application decides about the model's options.
    output_ways: ClassVar[tuple[str, ...]] = ("words",)
    output_field: ClassVar[str | None] = None

    def __init__(self) -> None:
        super().__init__()

    def decoder(self, content_type: str = "") -> FastGPTDecoder:
        return FastGPTDecoder(self)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode a request for a stream with details.

        The client chooses the conversation's id: with a `conversation_id` (``chatId``) FastGPT adds
        the history that it keeps, and uses only the last message.
        """
        if options.get("tools"):
            raise ValueError("FastGPT runs its tools itself: add them to the application there")
        body = super().body(messages, stream_options=None) | {"detail": True}
        if conversation_id is not None:
            body["chatId"] = conversation_id
        options.pop("tools", None)
        return body | options

    def read_request(self, body: Any) -> AskedFor:
        asked = super().read_request(body)
        options = dict(asked.options)
        options.pop("detail", None)
        return asked._replace(conversation_id=as_name(options.pop("chatId", None)), options=options)

    def stop_request(self, answer: Answer, request: Mapping[str, Any]) -> StopRequest | None:
        """Possible only if the request contained both ``appId`` and ``chatId``.

        Source: https://doc.fastgpt.io/openapi/reference/chat-controller/v2-chat-stop.md
        """
        app, chat = as_name(request.get("appId")), as_name(request.get("chatId"))
        if app is None or chat is None:
            return None
        return StopRequest("/api/v2/chat/stop", {"appId": app, "chatId": chat}, relative="/api")

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        """Encode a stream with details; for a stream without them use ``openai``."""
        from chatsdk.dialects.backends.fastgpt.encoder import encode

        return encode(parts, id=id, model=model, finish=FINISH)
