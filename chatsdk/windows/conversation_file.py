"""Saves a conversation to a JSON file, and opens it again."""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any

from chatsdk.session import ChatSession

__all__ = ["read_conversation", "write_conversation"]


def write_conversation(session: ChatSession, path: str | os.PathLike[str]) -> None:
    """Write `ChatSession.to_dict` to a file; an existing file is replaced atomically.

    Raises:
        OSError: the file cannot be written; an existing one is unchanged.
    """
    text = json.dumps(session.to_dict(), ensure_ascii=False, indent=1)
    # Half of a UTF-16 pair cannot be written as UTF-8.
    data = text.encode("utf-8", "replace")
    path = os.path.abspath(path)
    handle, scratch = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".chatsdk-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(scratch, path)
    except BaseException:
        os.unlink(scratch)
        raise


def read_conversation(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a file that `write_conversation` wrote, for `ChatSession.load`.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not a saved conversation.
    """
    name = os.path.basename(path)
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except (ValueError, RecursionError):
        raise ValueError(f"{name} is not a saved conversation: it is not JSON") from None
    if not isinstance(data, dict) or "messages" not in data:
        raise ValueError(f"{name} is not a saved conversation: it has no messages")
    return data
