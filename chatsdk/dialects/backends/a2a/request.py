"""Decodes A2A's requests: one message, bare or inside JSON-RPC."""

from __future__ import annotations

from typing import Any

from chatsdk.dialects.asked import AskedFor, field, json_object, refuse, without
from chatsdk.messages import Image, Message

__all__ = ["read"]

# The methods that request a stream, and those that request one document.
STREAM = ("SendStreamingMessage", "message/stream")
SEND = ("SendMessage", "message/send")


def read(body: Any) -> AskedFor:
    """Decode the body that A2A's clients post."""
    body = json_object(body)
    streams = True
    params, where = body, ""
    if "jsonrpc" in body or "method" in body:
        method = field(body, "method", str)
        if method not in (*STREAM, *SEND):
            raise refuse("method", f"one of {', '.join((*STREAM, *SEND))}")
        streams = method in STREAM
        params, where = json_object(body.get("params"), "params"), "params."
    told = json_object(params.get("message"), f"{where}message")
    options = without(params, ("message",))
    task = field(told, "taskId", str, f"{where}message", None)
    if task is not None:
        options["task_id"] = task
    return AskedFor(
        (_message(told, f"{where}message"),),
        options,
        stream=streams,
        conversation_id=field(told, "contextId", str, f"{where}message", None),
    )


def _message(told: dict[str, Any], where: str) -> Message:
    texts: list[str] = []
    images: list[Image] = []
    for place, value in enumerate(field(told, "parts", list, where)):
        here = f"{where}.parts[{place}]"
        part = json_object(value, here)
        if part.get("kind") == "file":
            # Version 0.3.
            file = json_object(part.get("file"), f"{here}.file")
            part = {
                "url": file.get("uri"),
                "raw": file.get("bytes"),
                "mediaType": file.get("mimeType"),
            }
        kind = field(part, "mediaType", str, here, None)
        if (words := field(part, "text", str, here, None)) is not None:
            texts.append(words)
        elif (raw := field(part, "raw", str, here, None)) is not None:
            images.append(Image(data=raw, media_type=kind or "image/png"))
        elif (url := field(part, "url", str, here, None)) is not None:
            images.append(Image(url=url))
        else:
            raise refuse(here, "text or a file")
    if not texts and not images:
        raise refuse(f"{where}.parts", "an array with at least one part")
    id = field(told, "messageId", str, where, None)
    return Message("user", "".join(texts), images=tuple(images), id=id)
