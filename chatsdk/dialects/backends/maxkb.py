"""MaxKB: an application's chat, in its native protocol."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.payload import as_name, as_text, extra_object, load_object
from chatsdk.dialects.request import new_messages
from chatsdk.dialects.usage import counted
from chatsdk.messages import Message
from chatsdk.parts import End, Failure, Identity, Part, Reasoning, Text
from chatsdk.sse import ServerSentEvent

__all__ = ["MaxKB", "MaxKBDecoder"]

# The prefix of an error, which MaxKB sends as the text of a separate chunk.
ERROR = "Exception:"

# The chat in a URL; GET /chat/api/open gives its id.
CHAT = re.compile(r"(?<=/chat_message/)[^/?]+")


class MaxKB(Dialect):
    """A chat with an application; the server keeps it under the id in its URL.

    The output of a workflow's nodes is joined in the order of arrival. An error is text that begins
    with ``Exception:`` and ends its node, or the stream. Citations and finish reasons are not sent.
    For ``/chat/api/{application_id}/chat/completions`` use ``openai``.
    """

    about = About(
        name="maxkb",
        backend="MaxKB",
        version="MaxKB 2, commit 121614f",
        page="https://maxkb.cn/docs/v2/user_manual/chat_to_API",
        endpoint="POST /chat/api/chat_message/{chat_id}",
        end_marker="is_end: true",
        history="server",
        reasoning=True,
        usage=True,
    )

    def decoder(self, content_type: str = "") -> Decoder:
        return MaxKBDecoder(self)

    def url(self, url: str, *, conversation_id: str | None = None) -> str:
        """Return the URL with the chat `conversation_id` instead of its current one."""
        if conversation_id is None:
            return url
        chat = quote(conversation_id, safe="")
        return CHAT.sub(lambda _: chat, url, count=1)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the body: the text of the messages since the last answer."""
        if options.pop("tools", None):
            raise ValueError(
                "MaxKB takes no tools with a request: add them to the application on the server"
            )
        new = new_messages(messages)
        if any(message.role != "user" or message.images for message in new):
            raise ValueError(
                "MaxKB takes the text of a user and nothing else: its application has its own "
                "prompt, and pictures are uploaded first and named in image_list=[...]"
            )
        text = "\n\n".join(message.content for message in new)
        return {"message": text, "stream": True, "re_chat": False} | options

    def document(self, payload: Any) -> Sequence[Part] | None:
        """Decode a complete answer, as for ``stream: false``."""
        data = payload.get("data") if isinstance(payload, dict) else None
        if not isinstance(data, dict) or not isinstance(data.get("content"), str):
            return None
        return [*MaxKBDecoder(self).read(data), End()]


class MaxKBDecoder(Decoder):
    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        # Text that is an error if nothing follows it.
        self._suspect = ""

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        return self.read(load_object(event.data)) if event.data.strip() else ()

    def read(self, chunk: dict[str, Any]) -> Sequence[Part]:
        """Return the parts of one parsed chunk."""
        record = as_name(chunk.get("chat_record_id")) or as_name(chunk.get("id"))
        chat = as_name(chunk.get("chat_id"))
        parts: list[Part] = []
        if record is not None or chat is not None:
            parts.append(Identity(id=record, conversation_id=chat))
        if self._suspect:
            parts.append(Text(self._suspect))
            self._suspect = ""
        reasoning = as_text(chunk.get("reasoning_content"), "reasoning_content")
        if reasoning:
            parts.append(Reasoning(reasoning))
        text = as_text(chunk.get("content"), "content")
        if text.startswith(ERROR):
            if chunk.get("node_is_end") or chunk.get("is_end"):
                return (*parts, _failure(text))
            self._suspect = text
        elif text:
            parts.append(Text(text))
        if chunk.get("is_end"):
            # The counts are zero until the end, and version 1 does not have any.
            usage = extra_object(chunk.get("usage"))
            if usage:
                parts.append(counted(usage))
            parts.append(End())
        return parts

    def close(self) -> Sequence[Part]:
        # An application without a workflow sends its error last.
        return (_failure(self._suspect),) if self._suspect else ()


def _failure(text: str) -> Failure:
    return Failure(text.removeprefix(ERROR).strip())
