"""Assigns streamed tool call deltas to calls, for OpenAI and compatible servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from chatsdk.answer.shared_text import SharedText
from chatsdk.answer.values import new_arguments
from chatsdk.dialects.payload import as_list, as_name, as_object, as_text
from chatsdk.parts import ToolCallDelta

__all__ = ["Calls"]


class Calls:
    """Determines the call that a delta belongs to.

    The order decides, not the ids and indexes, because some servers omit or repeat them. A repeated
    name at one index starts a new call, unless the arguments of the previous call are incomplete.
    In that case it is the same name again, or the rest of it. A delta that repeats a call with its
    id and complete arguments adds nothing.
    """

    def __init__(self) -> None:
        # The current call at each index, the call of each id, and the call of the latest delta.
        self._known: dict[object, _Call] = {}
        self._ids: dict[str, _Call] = {}
        self._last: _Call | None = None
        self._keys: set[int | str] = set()

    @property
    def begun(self) -> bool:
        """Whether any call arrived."""
        return self._last is not None

    def pieces(self, value: object) -> Iterator[tuple[ToolCallDelta, dict[str, Any]]]:
        """Yield the deltas in ``tool_calls``, each with the object that contained it."""
        # Some servers send a single call without the list.
        items = [value] if value.__class__ is dict else as_list(value, "tool_calls")
        for place, item in enumerate(items):
            call = as_object(item, "tool_calls[]")
            function = as_object(call.get("function"), "function")
            given = function.get("arguments")
            plain = not function and bool(call.get("custom"))
            if plain:
                # A tool with plain text input: the input is not JSON.
                function = as_object(call["custom"], "custom")
                given = function.get("input")
            elif not function and call.get("name"):
                # The object ``function`` is missing, its fields are not.
                function, given = call, call.get("arguments")
            index = call.get("index")
            id, name = as_name(call.get("id")), as_name(function.get("name"))
            slot: object = index if isinstance(index, (int, str)) else f"place {place}"
            if slot != index and name is None and id is None and len(items) == 1 and self._last:
                slot = self._last.slot
            yield self._piece(slot, id, name, _arguments(given), plain=plain), call

    def older(self, value: object) -> ToolCallDelta | None:
        """Return a delta of ``function_call``, ``None`` if it is empty.

        This was the name of ``tool_calls`` until 2023; old compatible servers still use it.
        """
        call = as_object(value, "function_call")
        name, arguments = as_name(call.get("name")), _arguments(call.get("arguments"))
        if name is None and not arguments:
            return None
        return self._piece("function_call", None, name, arguments)

    def _piece(
        self,
        slot: object,
        id: str | None,
        name: str | None,
        arguments: str,
        *,
        plain: bool = False,
    ) -> ToolCallDelta:
        call = self._known.get(slot)
        named = None if id is None else self._ids.get(id)
        if named is not None and (name is None or named.is_repeated(name, arguments)):
            if call is None or call.id is not None:
                # Not the index but the id identifies the call.
                call = named
            if name is not None:
                self._last = call
                return ToolCallDelta(call.key)
        elif call is None or call.is_over(id, name):
            call = None
        if call is None:
            call = self._known[slot] = _Call(slot, self._new_key(slot), plain=plain)
        self._last = call
        if call.id is None and id is not None and named is None:
            call.id = id
            self._ids[id] = call
        else:
            # A repeated id, or that of another call. Calls without an id get one in the next
            # request.
            id = None
        if name is not None and name != call.name:
            # The rest of a name that was split, or more of a name that is sent cumulatively.
            call.name = name = name if name.startswith(call.name) else call.name + name
        else:
            name = None
        arguments, replace = call.add(arguments)
        return ToolCallDelta(call.key, id=id, name=name, arguments=arguments, replace=replace)

    def _new_key(self, slot: object) -> int | str:
        key: int | str = slot if isinstance(slot, int) else str(slot)
        if key in self._keys:
            key = f"{key} {len(self._keys)}"
        self._keys.add(key)
        return key


class _Call:
    """The state of a call that is still being streamed."""

    def __init__(self, slot: object, key: int | str, *, plain: bool) -> None:
        self.slot = slot
        self.key = key
        self.id: str | None = None
        self.name = ""
        self._plain = plain
        self._begin()

    def _begin(self) -> None:
        # The deltas of the arguments, and how many of them were scanned.
        self._given = SharedText()
        self._scanned = 0
        self._begun = False
        self._depth = 0
        self._in_string = self._escaped = False

    def add(self, arguments: str) -> tuple[str, bool]:
        """Add a delta of the arguments; see `new_arguments` for what it returns."""
        new, replace = (arguments, False)
        if not self._plain:
            new, replace = new_arguments(arguments, self._given)
        if replace:
            self._begin()
        if new:
            self._given.pieces.append(new)
        return new, replace

    def is_repeated(self, name: str, arguments: str) -> bool:
        """Whether a delta with this call's id, and this name and arguments, only repeats it."""
        return (
            name == self.name
            and self._is_complete()
            and arguments == self._given.upto(len(self._given.pieces))
        )

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
        for piece in self._given.pieces[self._scanned :]:
            for char in piece:
                self._read(char)
        self._scanned = len(self._given.pieces)
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
