"""`plain`: the JSON value of an object, also of a partial one."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import uuid
from collections.abc import Mapping
from typing import Any

import attrs

from chatsdk.tools.annotations import is_model

__all__ = ["plain"]


def plain(value: Any) -> Any:
    """Return the JSON value of an object; fields that have not arrived are null."""
    kind = type(value)
    if isinstance(value, enum.Enum):
        return value.value
    if is_model(kind):
        return value.model_dump(mode="json", by_alias=True, warnings=False)
    if attrs.has(kind):
        return {field.name: plain(getattr(value, field.name)) for field in attrs.fields(kind)}
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return [plain(item) for item in sorted(value, key=repr)]
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value
