"""Flowise: the prediction API of chatflows and agentflows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from chatsdk.dialects.backends.flowise.decoder import FlowiseDecoder
from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.request import embedded, user_prompt
from chatsdk.messages import Image, Message
from chatsdk.parts import End, Part, Text

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["Flowise"]


class Flowise(Dialect):
    """A chatflow or agentflow of Flowise, ``/api/v1/prediction/{id}``.

    Flowise keeps the conversation under its session id. The flow's tools run on the server; their
    calls are in the answer.
    """

    about = About(
        name="flowise",
        backend="Flowise",
        version="FlowiseAI/Flowise 00d8fb4",
        page="https://docs.flowiseai.com/using-flowise/streaming",
        endpoint="POST /api/v1/prediction/{id}",
        end_marker='"event":"end"',
        history="server",
        tools=True,
        citations=True,
        usage=True,
        runs_tools=True,
    )

    def decoder(self, content_type: str = "") -> Decoder:
        return FlowiseDecoder(self)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the new message, its images as uploads; options become fields next to it."""
        if options.pop("tools", None):
            raise ValueError("Flowise runs its tools itself: add them to the flow")
        message = user_prompt(messages, "Flowise")
        body: dict[str, Any] = {"question": message.content, "streaming": True}
        uploads = [_upload(image, place) for place, image in enumerate(message.images, 1)]
        uploads += options.pop("uploads", None) or ()
        if uploads:
            body["uploads"] = uploads
        config = dict(options.pop("overrideConfig", None) or {})
        if conversation_id is not None:
            config = {"sessionId": conversation_id} | config
        return body | ({"overrideConfig": config} if config else {}) | options

    def read_request(self, body: Any) -> AskedFor:
        from chatsdk.dialects.backends.flowise.request import read

        return read(body)

    def document(self, payload: Any) -> Sequence[Part] | None:
        """Decode a complete answer, sent because the flow cannot stream."""
        if not isinstance(payload, dict) or not isinstance(payload.get("text"), str):
            return None
        if "chatId" not in payload and "sessionId" not in payload:
            return None
        decoder = FlowiseDecoder(self)
        parts = [*decoder.metadata(payload), Text(payload["text"])]
        parts += decoder.tools(payload.get("usedTools"))
        parts += decoder.sources(payload.get("sourceDocuments"))
        return [*parts, End()]

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        from chatsdk.dialects.backends.flowise.encoder import encode

        return encode(parts, id=id, model=model)


def _upload(image: Image, place: int) -> dict[str, Any]:
    inside = embedded(image)
    name = f"picture-{place}"
    if inside is None:
        return {"data": image.url, "type": "url", "name": name, "mime": "image/png"}
    media_type, data = inside
    return {
        "data": f"data:{media_type};base64,{data}",
        "type": "file",
        "name": f"{name}.{media_type.partition('/')[2]}",
        "mime": media_type,
    }
