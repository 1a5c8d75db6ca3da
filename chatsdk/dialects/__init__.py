"""The backends that chatsdk speaks with: one dialect each, found by name.

    from chatsdk import dialects
    dialects.names()                      # what there is
    dialects.get("openai")                # one of them
    dialects.openai(text="snapshot")      # with an option

A new backend is one file under ``backends`` and one line in the registry.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from chatsdk.dialects.contract import About, Decoder, Dialect, StopRequest

if TYPE_CHECKING:
    from chatsdk.dialects.auto import Auto as auto
    from chatsdk.dialects.backends.openai import OpenAI as openai
    from chatsdk.dialects.backends.raw import Raw as raw

__all__ = [
    "About",
    "Decoder",
    "Dialect",
    "StopRequest",
    "auto",
    "get",
    "names",
    "openai",
    "raw",
    "register",
]

# Name, then module and class. A file is read when its dialect is first asked for.
_REGISTRY: dict[str, str | type[Dialect]] = {
    "auto": "chatsdk.dialects.auto:Auto",
    "openai": "chatsdk.dialects.backends.openai:OpenAI",
    "raw": "chatsdk.dialects.backends.raw:Raw",
}


def names() -> tuple[str, ...]:
    """Return the names of all dialects, sorted."""
    return tuple(sorted(_REGISTRY))


def register(dialect: type[Dialect]) -> type[Dialect]:
    """Add a dialect of your own under ``dialect.about.name``; usable as a decorator.

    Raises:
        TypeError: it is no subclass of `Dialect`.
    """
    if not (isinstance(dialect, type) and issubclass(dialect, Dialect)):
        raise TypeError("register() takes a subclass of chatsdk.dialects.Dialect")
    _REGISTRY[dialect.about.name] = dialect
    return dialect


def get(name: str | Dialect, **options: Any) -> Dialect:
    """Return the dialect of that name; a `Dialect` is returned as it is.

    Raises:
        ValueError: there is none of that name; the message lists those there are.
        TypeError: no name, or an option that the dialect does not have.
    """
    if isinstance(name, Dialect):
        if options:
            raise TypeError("options go with a dialect's name, not with a dialect")
        return name
    if not isinstance(name, str):
        raise TypeError(f"a dialect is a name or a Dialect, not {type(name).__name__}")
    return _class(name)(**options)


def _class(name: str) -> type[Dialect]:
    key = name.lower().replace("-", "_")
    entry = _REGISTRY.get(key)
    if entry is None:
        raise ValueError(f"there is no dialect {name!r}; there are {', '.join(names())}")
    if isinstance(entry, str):
        module, _, attribute = entry.partition(":")
        entry = getattr(importlib.import_module(module), attribute)
        _REGISTRY[key] = entry
    return entry


def __getattr__(name: str) -> type[Dialect]:
    if name in _REGISTRY:
        return _class(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
