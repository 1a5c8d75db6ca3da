"""Decodes the events of Bedrock's streams."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from chatsdk.amazon_frames import EXCEPTION
from chatsdk.dialects.backends.bedrock.converse import ConverseReader
from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.dialects.payload import as_name, as_object, as_text, load_object
from chatsdk.parts import End, Failure, Part
from chatsdk.sse import ServerSentEvent

__all__ = ["BedrockDecoder"]


class BedrockDecoder(Decoder):
    """Decodes the events of one turn of a model."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._reader = ConverseReader()
        # The provider's decoder, for the events inside `chunk`.
        self._inner: Decoder | None = None

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        name = event.event
        if name == "chunk":
            return self._chunk(load_object(event.data))
        value = load_object(event.data) if event.data.strip() else {}
        if name.startswith(EXCEPTION):
            said = as_name(value.get("originalMessage")) or as_text(value.get("message"), "message")
            kind = name.removeprefix(EXCEPTION)
            return (Failure(said or kind or "Bedrock failed without a message", kind or None),)
        parts = list(self._reader.read(name, value))
        if name == "messageStop":
            self.finished = True
            if self._reader.stopped is not None:
                parts.append(self._reader.stopped)
        if name == "metadata" and self._reader.stopped is not None:
            parts.append(End())
        return parts

    def close(self) -> Sequence[Part]:
        return () if self._inner is None else self._inner.close()

    def _chunk(self, value: dict[str, Any]) -> Sequence[Part]:
        try:
            data = base64.b64decode(as_text(value.get("bytes"), "bytes")).decode("utf-8", "replace")
        except ValueError:
            return ()
        if self._inner is None:
            from chatsdk.dialects.backends.anthropic import Anthropic

            self._inner = Anthropic().decoder()
        try:
            kind = as_object(json.loads(data), "chunk").get("type")
        except (ValueError, RecursionError):
            return ()
        return self._inner.decode(ServerSentEvent(kind if isinstance(kind, str) else "", data))
