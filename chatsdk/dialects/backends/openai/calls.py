"""Assigns streamed tool call deltas to calls, for OpenAI and compatible servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from chatsdk.dialects.payload import as_list, as_name, as_object, as_text
from chatsdk.parts import ToolCallDelta

__all__ = ["Calls"]


class Calls:
    """Determines the call that a delta belongs to.

    The order decides, not the ids and indexes, because some servers omit or repeat them. A repeated
    name at one index starts a new call, unless the arguments of the previous call are incomplete.
    In that case it is the same name again, or the rest of it.
    """

    def __init__(self) -> None:
        # The current call at each index, and the call of the latest delta.
        self._known: dict[object, _Call] = {}
        self._last: _Call | None = None
        self._keys: set[int | str] = set()
        self._ids: set[str] = set()

    def pieces(self, value: object) -> Iterator[tuple[ToolCallDelta, dict[str, Any]]]:
        """Yield the deltas in ``tool_calls``, each with the object that contained it."""
        for place, item in enumerate(as_list(value, "tool_calls")):
            call = as_object(item, "tool_calls[]")
            function = as_object(call.get("function"), "function")
            given = function.get("arguments")
            if not function and call.get("custom"):
                # A tool with plain text input: the input is not JSON.
                function = as_object(call["custom"], "custom")
                given = function.get("input")
            index = call.get("index")
            id, name = as_name(call.get("id")), as_name(function.get("name"))
            slot: object = index if isinstance(index, int) else f"place {place}"
            if slot != index and name is None and id is None and self._last is not None:
                slot = self._last.slot
            yield self._piece(slot, id, name, _arguments(given)), call

    def older(self, value: object) -> ToolCallDelta:
        """Return a delta of ``function_call``.

        This was the name of ``tool_calls`` until 2023; old compatible servers still use it.
        """
        call = as_object(value, "function_call")
        arguments = _arguments(call.get("arguments"))
        return self._piece("function_call", None, as_name(call.get("name")), arguments)

    def _piece(
        self, slot: object, id: str | None, name: str | None, arguments: str
    ) -> ToolCallDelta:
        call = self._known.get(slot)
        if call is None or call.is_over(id, name):
            call = self._known[slot] = _Call(slot, self._new_key(slot))
        self._last = call
        if call.id is None and id is not None and id not in self._ids:
            call.id = id
            self._ids.add(id)
        else:
            # A repeated id, or that of another call. Calls without an id get one in the next
            # request.
            id = None
        if name is not None and name != call.name:
            # The rest of a name that was split.
            call.name = name = call.name + name
        else:
            name = None
        if arguments:
            call.pieces.append(arguments)
        return ToolCallDelta(call.key, id=id, name=name, arguments=arguments)

    def _new_key(self, slot: object) -> int | str:
        key: int | str = slot if isinstance(slot, int) else str(slot)
        if key in self._keys:
            key = f"{key} {len(self._keys)}"
        self._keys.add(key)
        return key


class _Call:
    """The state of a call that is still being streamed."""

    def __init__(self, slot: object, key: int | str) -> None:
        self.slot = slot
        self.key = key
        self.id: str | None = None
        self.name = ""
        # Argument deltas that have not been scanned yet.
        self.pieces: list[str] = []
        self._begun = False
        self._depth = 0
        self._in_string = self._escaped = False

    def is_over(self, id: str | None, name: str | None) -> bool:
        """Whether a delta with this id and name, at this call's index, belongs to another call."""
        if name is None or not self.name:
            return False
        if id is not None and self.id is not None and id != self.id:
            return True
        if self._is_complete():
            return True
        return name != self.name and self._begun

    def _is_complete(self) -> bool:
        """Whether the arguments are a complete JSON value. Each delta is scanned once."""
        pieces, self.pieces = self.pieces, []
        for piece in pieces:
            for char in piece:
                self._read(char)
        return self._begun and not self._depth and not self._in_string

    def _read(self, char: str) -> None:
        if self._escaped:
            self._escaped = False
        elif self._in_string:
            self._escaped = char == "\\"
            self._in_string = char != '"'
        elif not char.isspace():
            self._begun = True
            self._in_string = char == '"'
            self._depth += (char in "{[") - (char in "}]")


def _arguments(value: object) -> str:
    # Some compatible servers send the object itself.
    if value.__class__ in (dict, list):
        return json.dumps(value, ensure_ascii=False)
    return as_text(value, "arguments")
