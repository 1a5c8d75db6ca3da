"""Keeps the items of a response for the next request, and decodes their common fields."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chatsdk.dialects.citations import url_citation
from chatsdk.dialects.payload import as_list, as_name, as_object, as_text, as_whole, extra_object
from chatsdk.dialects.request import Room
from chatsdk.parts import Citation, Identity, UsageUpdate

__all__ = [
    "CALLS",
    "DIALECT",
    "Items",
    "citation_of",
    "conversation_of",
    "identity_of",
    "text_of",
    "usage_of",
]


# The name in `chatsdk.parts.Native`.
DIALECT = "openai_responses"

# Items that the client has to answer; the server runs other tools.
CALLS = ("function_call", "custom_tool_call")

# Fields that a server adds to its items. It refuses them in a request if it has not kept the item.
OF_SERVER = ("id", "status")


class Items:
    """Collects a model's reasoning, text and calls.

    Reasoning is kept only as ``encrypted_content``, which comes with
    ``include=["reasoning.encrypted_content"]``. Without that, only the server can have it
    (https://developers.openai.com/api/docs/guides/reasoning).
    """

    def __init__(self) -> None:
        self._items: list[dict[str, Any]] = []
        self._room = Room()

    def add(self, item: dict[str, Any]) -> None:
        """Store a completed item."""
        kind = item.get("type")
        if not self._room.take(item):
            return
        if kind == "message":
            self._items.append({"role": "assistant", "content": text_of(item)})
        elif kind == "reasoning" and as_name(item.get("encrypted_content")):
            # The signature covers the item's id, so the id stays.
            self._items.append(
                {name: held for name, held in item.items() if held is not None and name != "status"}
            )
        elif kind in CALLS:
            self._items.append({name: held for name, held in item.items() if name not in OF_SERVER})

    def replace(self, items: Iterable[dict[str, Any]]) -> None:
        """Replace the stored items with these, unless there are none."""
        items = list(items)
        if items:
            self._items.clear()
            for item in items:
                self.add(item)

    def whole(self) -> list[dict[str, Any]] | None:
        """Return the items for a request if they include reasoning, else ``None``."""
        thought = any(item.get("type") == "reasoning" for item in self._items)
        return self._items if thought and self._room else None


def text_of(item: dict[str, Any]) -> str:
    """Return the text of a message's item, including a refusal's."""
    texts = []
    for value in as_list(item.get("content"), "content"):
        part = as_object(value, "content[]")
        name = "refusal" if part.get("type") == "refusal" else "text"
        texts.append(as_text(part.get(name), name))
    return "".join(texts)


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
    annotation = extra_object(value)
    file = as_name(annotation.get("file_id"))
    if file is not None:
        return Citation(title=as_name(annotation.get("filename")), document=file)
    return url_citation(annotation)


def usage_of(usage: dict[str, Any]) -> UsageUpdate:
    """Return the counts of a response."""
    into = extra_object(usage.get("input_tokens_details"))
    out = extra_object(usage.get("output_tokens_details"))
    return UsageUpdate(
        input=as_whole(usage.get("input_tokens")),
        output=as_whole(usage.get("output_tokens")),
        total=as_whole(usage.get("total_tokens")),
        reasoning=as_whole(out.get("reasoning_tokens")),
        cached=as_whole(into.get("cached_tokens")),
    )
