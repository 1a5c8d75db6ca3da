"""Decodes values of an OpenAI response: ids, the conversation, citations, counts."""

from __future__ import annotations

from typing import Any

from chatsdk.dialects.citations import url_citation
from chatsdk.dialects.payload import as_name, as_object, as_whole
from chatsdk.parts import Citation, Identity, UsageUpdate

__all__ = ["citation_of", "conversation_of", "identity_of", "usage_of"]


def identity_of(response: dict[str, Any]) -> Identity:
    """Return the ids of a response."""
    id = as_name(response.get("id"))
    # Only a background response continues without its connection, so only it is stopped by its id.
    task = id if response.get("background") is True else None
    return Identity(id=id, model=as_name(response.get("model")), task=task)


def conversation_of(response: dict[str, Any]) -> str | None:
    """Return the id for continuing the conversation, ``None`` if the server did not keep it."""
    conversation = response.get("conversation")
    if isinstance(conversation, dict) and as_name(conversation.get("id")):
        return as_name(conversation["id"])
    return None if response.get("store") is False else as_name(response.get("id"))


def citation_of(value: object) -> Citation | None:
    """Return the citation in an annotation, if there is one."""
    annotation = as_object(value, "annotation")
    file = as_name(annotation.get("file_id"))
    if file is not None:
        return Citation(title=as_name(annotation.get("filename")), document=file)
    return url_citation(annotation)


def usage_of(usage: dict[str, Any]) -> UsageUpdate:
    """Return the counts of a response."""
    into = as_object(usage.get("input_tokens_details"), "input_tokens_details")
    out = as_object(usage.get("output_tokens_details"), "output_tokens_details")
    return UsageUpdate(
        input=as_whole(usage.get("input_tokens")),
        output=as_whole(usage.get("output_tokens")),
        total=as_whole(usage.get("total_tokens")),
        reasoning=as_whole(out.get("reasoning_tokens")),
        cached=as_whole(into.get("cached_tokens")),
    )
