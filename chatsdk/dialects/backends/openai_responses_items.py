"""The items of a response as they came, for the request that repeats the conversation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chatsdk.dialects.keeping import Room
from chatsdk.dialects.payload import as_list, as_name, as_object, as_text

__all__ = ["CALLS", "DIALECT", "Items", "text_of"]

# Whose form it is, in `chatsdk.parts.Native`.
DIALECT = "openai_responses"

# Items that the client has to answer; other tools are run by the server.
CALLS = ("function_call", "custom_tool_call")

# What a server says of an item of its own, and refuses to read where it has not kept the item.
OF_SERVER = ("id", "status")


class Items:
    """Collects what a model thought, said and called.

    Thoughts are kept only as ``encrypted_content``, which comes with
    ``include=["reasoning.encrypted_content"]``: without it the server has them, or nobody
    (https://developers.openai.com/api/docs/guides/reasoning).
    """

    def __init__(self) -> None:
        self._items: list[dict[str, Any]] = []
        self._room = Room()

    def add(self, item: dict[str, Any]) -> None:
        """Note an item that is done."""
        kind = item.get("type")
        if not self._room.take(item):
            return
        if kind == "message":
            self._items.append({"role": "assistant", "content": text_of(item)})
        elif kind == "reasoning" and as_name(item.get("encrypted_content")):
            # A thought's id is what its signature is about, so it stays.
            self._items.append(
                {name: held for name, held in item.items() if held is not None and name != "status"}
            )
        elif kind in CALLS:
            self._items.append({name: held for name, held in item.items() if name not in OF_SERVER})

    def replace(self, items: Iterable[dict[str, Any]]) -> None:
        """Take these in place of what was noted, unless there are none."""
        items = list(items)
        if items:
            self._items.clear()
            for item in items:
                self.add(item)

    def whole(self) -> list[dict[str, Any]] | None:
        """Return the items as a request has them if a thought is among them, else ``None``."""
        thought = any(item.get("type") == "reasoning" for item in self._items)
        return self._items if thought and self._room else None


def text_of(item: dict[str, Any]) -> str:
    """Return the text of a message's item, a refusal's too."""
    texts = []
    for value in as_list(item.get("content"), "content"):
        part = as_object(value, "content[]")
        name = "refusal" if part.get("type") == "refusal" else "text"
        texts.append(as_text(part.get(name), name))
    return "".join(texts)
