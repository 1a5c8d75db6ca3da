"""Decodes Dify's requests for chat, workflows and text generation."""

from __future__ import annotations

from typing import Any

from chatsdk.dialects.asked import AskedFor, field, json_object, refuse, without
from chatsdk.messages import Image, Message

__all__ = ["read"]


def read(body: Any, *, app: str, prompt: str) -> AskedFor:
    """Decode the body that Dify's client posts.

    Args:
        body: the JSON value.
        app: ``"chat"``, ``"completion"`` or ``"workflow"``.
        prompt: the variable for the prompt, in apps other than chat.
    """
    body = json_object(body)
    options = without(body, ("query", "response_mode", "conversation_id", "inputs", "files"))
    inputs = field(body, "inputs", dict, default={})
    if app == "chat":
        text = field(body, "query", str)
    else:
        text = field(inputs, prompt, str, "inputs")
        inputs = without(inputs, (prompt,))
    if inputs:
        options["inputs"] = inputs
    images: list[Image] = []
    files: list[Any] = []
    for place, value in enumerate(field(body, "files", list, default=[])):
        file = json_object(value, f"files[{place}]")
        if file.get("type") == "image" and file.get("transfer_method") == "remote_url":
            images.append(Image(url=field(file, "url", str, f"files[{place}]")))
        else:
            files.append(file)
    if files:
        options["files"] = files
    mode = field(body, "response_mode", str, default="blocking")
    if mode not in ("streaming", "blocking"):
        raise refuse("response_mode", "streaming or blocking")
    return AskedFor(
        (Message("user", text, images=tuple(images)),),
        options,
        stream=mode == "streaming",
        conversation_id=field(body, "conversation_id", str, default=None) or None,
    )
