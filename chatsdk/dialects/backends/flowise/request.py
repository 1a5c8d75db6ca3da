"""Decodes Flowise's requests: a question, its uploads and the flow's overrides."""

from __future__ import annotations

from typing import Any

from chatsdk.dialects.asked import AskedFor, field, json_object, without
from chatsdk.messages import Image, Message

__all__ = ["read"]


def read(body: Any) -> AskedFor:
    """Decode the body that Flowise's client posts."""
    body = json_object(body)
    images: list[Image] = []
    uploads: list[Any] = []
    for place, value in enumerate(field(body, "uploads", list, default=[])):
        where = f"uploads[{place}]"
        upload = json_object(value, where)
        mime = field(upload, "mime", str, where, "")
        data = field(upload, "data", str, where, "")
        head, comma, content = data.partition(",")
        if not mime.startswith("image/"):
            uploads.append(upload)
        elif upload.get("type") == "url":
            images.append(Image(url=data))
        elif comma and head.endswith(";base64"):
            images.append(Image(data=content, media_type=mime))
        else:
            uploads.append(upload)
    options = without(body, ("question", "streaming", "uploads", "overrideConfig"))
    if uploads:
        options["uploads"] = uploads
    config = dict(field(body, "overrideConfig", dict, default={}))
    conversation = config.pop("sessionId", None)
    if conversation is not None:
        field({"sessionId": conversation}, "sessionId", str, "overrideConfig")
    if config:
        options["overrideConfig"] = config
    message = Message("user", field(body, "question", str), images=tuple(images))
    streaming = field(body, "streaming", bool, default=False)
    return AskedFor((message,), options, stream=streaming, conversation_id=conversation)
