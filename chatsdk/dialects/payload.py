"""Parses JSON payloads; raises only `ProtocolError`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from chatsdk.errors import ProtocolError
from chatsdk.parts import Failure

__all__ = [
    "DONE",
    "UNSCANNABLE",
    "as_index",
    "as_list",
    "as_name",
    "as_number",
    "as_object",
    "as_text",
    "as_whole",
    "envelope",
    "extra_object",
    "extra_objects",
    "failure_in",
    "is_among",
    "is_dict",
    "load",
    "load_object",
    "refusal",
    "scan",
    "unwrapped",
]

# Characters of a bad payload to show in an error.
SHOWN_CHARS = 80

# OpenAI's end marker, which many others send as well.
DONE = ("[DONE]", '"[DONE]"')

# ``data:`` prefixes that a gateway added again. A limited number per match, because the regular
# expression engine stores each repetition.
PREFIXES = re.compile(r"\s*(?:data:\s*){0,1000}")

Scan = Callable[[str, int], tuple[Any, int]]

# The scanner inside the standard library's decoder: from a text and a start index, it returns the
# value and its end. `loads` searches for white space first, which doubles the time for a short
# payload. The scanner raises one of `UNSCANNABLE`; `load` then finds the reason.
SCAN: Scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
UNSCANNABLE = (StopIteration, ValueError, RecursionError)

# The longest text to parse with orjson, in characters. In longer texts, the search for long numbers
# costs more than orjson saves; shorter ones cannot be nested so deeply that only one of the two
# parsers accepts them.
QUICK_CHARS = 1024

# Integers of fewer digits fit into 64 bits; orjson turns longer ones into floats.
LONG_NUMBER = b"0" * 19
DIGITS = bytes(ord("0") if byte in b"0123456789" else ord(" ") for byte in range(256))


def scan_with(loads: Callable[[bytes], Any]) -> Scan:
    """Return a replacement for `SCAN` that uses orjson's ``loads`` if the result is the same.

    Apart from long integers, the two differ only if orjson raises an error: for NaN, Infinity,
    floats out of range and lone surrogates. The standard library then parses the text.
    """

    def scan(data: str, at: int) -> tuple[Any, int]:
        # Braces at both ends: there is no white space around it.
        if not at and len(data) <= QUICK_CHARS and data[:1] == "{" and data[-1:] == "}":
            try:
                written = data.encode()
                if LONG_NUMBER not in written.translate(DIGITS):
                    return loads(written), len(data)
            except ValueError:
                pass
        return SCAN(data, at)

    return scan


try:
    # Installed by the extra `speed`.
    import orjson
except ImportError:
    scan = SCAN
else:
    scan = scan_with(orjson.loads)


def load(data: str) -> Any:
    """Parse the JSON text of one event.

    Raises:
        ProtocolError: it is not JSON, is nested too deeply, or contains an absurdly long number.
    """
    try:
        value, end = scan(data, 0)
        if end == len(data):
            return value
    except UNSCANNABLE:
        pass
    try:
        return json.loads(data)
    except RecursionError:
        raise ProtocolError("the JSON of an event is nested too deeply") from None
    except ValueError as error:
        detail = error.msg if isinstance(error, json.JSONDecodeError) else "a number is too long"
        raise ProtocolError(
            f"an event is not JSON ({detail}): {_shown(data)}; if this backend streams plain text, "
            "use dialect='raw'"
        ) from None


def load_object(data: str) -> dict[str, Any]:
    """Parse the JSON text of one event, which must be an object.

    Raises:
        ProtocolError: it is not an object.
    """
    value = load(data)
    if value.__class__ is dict:
        return value
    raise ProtocolError(f"an event should be a JSON object, not {_shown(data)}")


def as_object(value: object, name: str) -> dict[str, Any]:
    """Return `value` as a dict, empty for ``None``."""
    if value.__class__ is dict:
        return value
    if value is None:
        return {}
    raise ProtocolError(f"{name!r} in an event should be an object, not {_kind(value)}")


def extra_object(value: object) -> dict[str, Any]:
    """Return an additional object, such as counts; empty for any other type.

    A mistake in what only accompanies an answer must not end it.
    """
    return value if isinstance(value, dict) else {}


def extra_objects(value: object) -> list[dict[str, Any]]:
    """Return the objects in an additional list, such as sources; empty for other types."""
    items = value if isinstance(value, list) else ()
    return [item for item in items if isinstance(item, dict)]


def as_list(value: object, name: str) -> list[Any]:
    """Return `value` as a list, empty for ``None``."""
    if value.__class__ is list:
        return value
    if value is None:
        return []
    raise ProtocolError(f"{name!r} in an event should be an array, not {_kind(value)}")


def as_text(value: object, name: str) -> str:
    """Return `value` as a string, empty for ``None``."""
    if value.__class__ is str:
        return value
    if value is None:
        return ""
    raise ProtocolError(f"{name!r} in an event should be a string, not {_kind(value)}")


def as_name(value: object) -> str | None:
    """Return an id, a title or a URL; ``None`` for any other type and for empty text."""
    return value if isinstance(value, str) and value else None


def as_number(value: object) -> float | None:
    """Return a score as a float; ``None`` if it is not a number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if value == value and abs(value) < 2**63 else None


def as_index(value: object, name: str) -> int:
    """Return the index that links events of the same item."""
    if value.__class__ is int:
        return value
    raise ProtocolError(f"{name!r} in an event should be a whole number, not {_kind(value)}")


def as_whole(value: object) -> int | None:
    """Return a count as an int; ``None`` if it is not a count. Some servers send it as text."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 19:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if value == value and abs(value) < 2**63 else None


def is_dict(value: object) -> bool:
    """Return whether a value of JSON is an object."""
    return value.__class__ is dict


def is_among(value: object, known: frozenset[str]) -> bool:
    """Return whether a JSON value is one of these strings."""
    return isinstance(value, str) and value in known


def refusal(body: bytes, *, failed: bool) -> Failure | None:
    """Decode an error body; see `chatsdk.dialects.error_bodies`, which is imported on first use."""
    from chatsdk.dialects import error_bodies

    return error_bodies.refusal(body, failed=failed)


def failure_in(value: dict[str, Any]) -> Failure:
    """Decode an object that is known to be an error, in the shapes that `refusal` knows."""
    from chatsdk.dialects import error_bodies

    return error_bodies.failure_in(value)


def envelope(value: dict[str, Any]) -> Failure | None:
    """Return the error in an envelope around an answer, ``None`` if there is no error."""
    from chatsdk.dialects import error_bodies

    return error_bodies.envelope(value)


def _shown(data: str) -> str:
    return repr(data if len(data) <= SHOWN_CHARS else data[:SHOWN_CHARS] + "…")


def _kind(value: object) -> str:
    return {
        dict: "an object",
        list: "an array",
        str: "a string",
        bool: "true or false",
        type(None): "null",
    }.get(type(value), "a number")


def unwrapped(data: str) -> str:
    """Return an event's data without the ``data:`` prefixes that a gateway added.

    RAGFlow's web page removes them too.
    """
    # An index instead of a copy for each prefix, because an event may consist of prefixes only.
    start = 0
    while (found := PREFIXES.match(data, start)) and found.end() > start:
        start = found.end()
    return data[start:].rstrip()
