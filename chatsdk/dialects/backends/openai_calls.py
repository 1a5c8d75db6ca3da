"""Calls of tools in the pieces in which OpenAI and its look-alikes stream them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from chatsdk.dialects.payload import as_list, as_name, as_object, as_text
from chatsdk.parts import ToolCallDelta

__all__ = ["Calls"]


class Calls:
    """Tells which call of an answer a piece belongs to."""

    def __init__(self) -> None:
        # Of each index the id of the call under way and the key of its parts.
        self._known: dict[object, tuple[str | None, int | str]] = {}

    def pieces(self, value: object) -> Iterator[tuple[ToolCallDelta, dict[str, Any]]]:
        """Yield the pieces in a delta's ``tool_calls``, and beside each the object it came in."""
        for place, item in enumerate(as_list(value, "tool_calls")):
            call = as_object(item, "tool_calls[]")
            function = as_object(call.get("function"), "function")
            index = call.get("index")
            id, name = as_name(call.get("id")), as_name(function.get("name"))
            key = self._key(index if isinstance(index, int) else place, id, name)
            arguments = _arguments(function.get("arguments"))
            yield ToolCallDelta(key, id=id, name=name, arguments=arguments), call

    def older(self, value: object) -> ToolCallDelta:
        """Return a piece of ``function_call``.

        That is what ``tool_calls`` was called until 2023; old look-alikes still do.
        """
        call = as_object(value, "function_call")
        arguments = _arguments(call.get("arguments"))
        return ToolCallDelta("function_call", name=as_name(call.get("name")), arguments=arguments)

    def _key(self, index: int, id: str | None, name: str | None) -> int | str:
        """Return the key of the call that a piece belongs to.

        Some servers give every call the same index: a new id that brings a name begins a new one.
        """
        known_id, key = self._known.get(index, (id, index))
        if name is not None and id is not None and known_id is not None and id != known_id:
            key = f"{index} {id}"
            self._known[index] = (id, key)
        elif known_id is not None:
            self._known[index] = (known_id, key)
        return key


def _arguments(value: object) -> str:
    # Some look-alikes send the object itself.
    if value.__class__ is dict:
        return json.dumps(value, ensure_ascii=False)
    return as_text(value, "arguments")
