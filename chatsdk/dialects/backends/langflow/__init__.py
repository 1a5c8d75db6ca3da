"""Langflow: flows, streamed by its run API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from chatsdk.dialects.backends.langflow.decoder import LangflowDecoder
from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.request import user_prompt
from chatsdk.messages import Message
from chatsdk.parts import Part

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["Langflow"]


class Langflow(Dialect):
    """A flow of Langflow, ``/api/v1/run/{flow}``; `url` adds ``stream=true``.

    The body has the content type of an event stream, but contains JSON values separated by blank
    lines. Langflow keeps the conversation under its session id. The flow's tools run on the server;
    their calls are in the answer.
    """

    about = About(
        name="langflow",
        backend="Langflow",
        version="langflow 1.13 (lfx 1.13.0)",
        page="https://docs.langflow.org/api-flows-run",
        endpoint="POST /api/v1/run/{flow}?stream=true",
        end_marker='"event": "end"',
        framing="json",
        history="server",
        tools=True,
        usage=True,
        runs_tools=True,
    )

    def framing(self, content_type: str = "") -> str:
        return "json"

    def decoder(self, content_type: str = "") -> Decoder:
        return LangflowDecoder(self)

    def headers(self, token: str | None) -> dict[str, str]:
        return {} if token is None else {"x-api-key": token}

    def url(self, url: str, *, conversation_id: str | None = None) -> str:
        """Return the URL with ``stream=true`` in its query, which enables streaming."""
        head, mark, fragment = url.partition("#")
        path, _, query = head.partition("?")
        if any(pair.partition("=")[0] == "stream" for pair in query.split("&")):
            return url
        return f"{path}?{query}&stream=true{mark}{fragment}" if query else f"{path}?stream=true"

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the new message; options such as ``tweaks`` become fields next to it."""
        if options.pop("tools", None):
            raise ValueError("Langflow runs its tools itself: connect them to the flow's agent")
        message = user_prompt(messages, "Langflow")
        if message.images:
            raise ValueError(
                "Langflow takes files by name: upload them to /api/v1/files/upload/{flow} and "
                "give tweaks={'ChatInput-1': {'files': [...]}}"
            )
        body = {"input_value": message.content, "input_type": "chat", "output_type": "chat"}
        if conversation_id is not None:
            body["session_id"] = conversation_id
        return body | options

    def read_request(self, body: Any) -> AskedFor:
        from chatsdk.dialects.asked import AskedFor, field, json_object, without

        body = json_object(body)
        message = Message("user", field(body, "input_value", str))
        options = without(body, ("input_value", "session_id"))
        for name in ("input_type", "output_type"):
            if options.get(name) == "chat":
                del options[name]
        conversation = field(body, "session_id", str, default=None)
        return AskedFor((message,), options, conversation_id=conversation or None)

    def document(self, payload: Any) -> Sequence[Part] | None:
        """Decode a complete answer, sent because ``stream=true`` was missing."""
        if not isinstance(payload, dict) or not isinstance(payload.get("outputs"), list):
            return None
        return LangflowDecoder(self).document(payload)

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        from chatsdk.dialects.backends.langflow.encoder import encode

        return encode(parts, id=id, model=model)
