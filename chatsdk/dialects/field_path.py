"""Dotted paths to JSON fields: find, compare and set."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Condition", "Keys", "condition", "find", "keys_of", "placed"]

Keys = tuple[str, ...]


def keys_of(path: str) -> Keys:
    """Return the keys of a path such as ``"choices.0.text"``; the empty path has none.

    Raises:
        TypeError, ValueError: it is not such a path.
    """
    if not isinstance(path, str):
        raise TypeError(f"a field is named by text such as 'choices.0.text', not {path!r}")
    keys = tuple(path.split(".")) if path else ()
    if not all(keys):
        raise ValueError(f"a field is named by keys joined by dots, such as 'a.b', not {path!r}")
    return keys


def find(value: Any, keys: Keys) -> Any:
    """Return the field's value, ``None`` if it is missing. A number is an index into an array."""
    for key in keys:
        if value.__class__ is dict:
            value = value.get(key)
        elif value.__class__ is list and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


def placed(target: Any, keys: Keys, value: Any) -> Any:
    """Return `target` with the field set; missing objects and arrays on the path are created."""
    if not keys:
        return value
    key, rest = keys[0], keys[1:]
    if key.isdecimal() and target.__class__ is not dict:
        items = list(target) if target.__class__ is list else []
        items += [{} for _ in range(int(key) + 1 - len(items))]
        items[int(key)] = placed(items[int(key)] or None, rest, value)
        return items
    fields = dict(target) if target.__class__ is dict else {}
    fields[key] = placed(fields.get(key), rest, value)
    return fields


class Condition(NamedTuple):
    """A condition that selects events.

    Attributes:
        event: the event's name, or ``None`` if a JSON field decides.
        keys: the path of that field.
        wanted: the field's value as text; ``None`` matches any value that is not empty or false.
    """

    event: str | None
    keys: Keys = ()
    wanted: str | None = None

    def fits(self, name: str, value: Any) -> bool:
        """Return whether an event with this name and JSON matches."""
        if self.event is not None:
            return name == self.event
        found = find(value, self.keys)
        if self.wanted is None:
            return bool(found)
        text = str(found).lower() if isinstance(found, bool) else found
        return found is not None and str(text) == self.wanted

    def put(self, value: Any) -> Any:
        """Return `value` with the field set such that it matches."""
        if self.event is not None:
            return value
        return placed(value, self.keys, True if self.wanted is None else self.wanted)


def condition(text: str) -> Condition:
    """Parse ``"done"`` (a field that is set), ``"type=end"`` or ``"event:end"``.

    Raises:
        TypeError, ValueError: it has none of these forms.
    """
    if isinstance(text, str) and text.startswith("event:"):
        return Condition(text.removeprefix("event:").strip())
    if not isinstance(text, str) or not text:
        raise TypeError(f"give 'done', 'type=end' or 'event:end', not {text!r}")
    path, equal, wanted = text.partition("=")
    return Condition(None, keys_of(path), wanted if equal else None)
