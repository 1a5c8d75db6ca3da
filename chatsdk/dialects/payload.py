"""Reading JSON that came over a wire: nothing but `ProtocolError` leaves this module."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from chatsdk.errors import ProtocolError
from chatsdk.parts import Failure

__all__ = [
    "UNSCANNABLE",
    "as_index",
    "as_list",
    "as_name",
    "as_number",
    "as_object",
    "as_text",
    "as_whole",
    "envelope",
    "failure_in",
    "load",
    "load_object",
    "refusal",
    "scan",
]

# Characters of a bad payload shown in an error; enough to see what it is.
SHOWN_CHARS = 80

Scan = Callable[[str, int], tuple[Any, int]]

# Of the standard library's decoder only what reads a value, given the text and where it begins:
# `loads` looks for white space around it first, which takes as long again for a short payload.
# It gives the value and where it ends, and raises one of `UNSCANNABLE`; `load` then says why.
SCAN: Scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
UNSCANNABLE = (StopIteration, ValueError, RecursionError)

# What orjson reads is at most so many characters long. In longer texts looking for long numbers
# takes longer than what it gains, and shorter ones cannot be nested as deeply as only one of the
# two parsers allows.
QUICK_CHARS = 1024

# Integers of fewer digits fit into 64 bits; of longer ones orjson makes floats.
LONG_NUMBER = b"0" * 19
DIGITS = bytes(ord("0") if byte in b"0123456789" else ord(" ") for byte in range(256))


def scan_with(loads: Callable[[bytes], Any]) -> Scan:
    """Return what does as `SCAN` does, by means of orjson's ``loads`` where that gives the same.

    Besides long integers, all that they read differently is an error of orjson's: NaN, Infinity,
    floats out of range, halves of surrogate pairs. Then the standard library reads it.
    """

    def scan(data: str, at: int) -> tuple[Any, int]:
        # Braces at both ends: no white space is around it.
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
    # Of the extra `speed`.
    import orjson
except ImportError:
    scan = SCAN
else:
    scan = scan_with(orjson.loads)


def load(data: str) -> Any:
    """Parse the JSON text of one event.

    Raises:
        ProtocolError: it is no JSON, is nested too deeply, or holds an absurdly long number.
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
        ProtocolError: it is not.
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
    """Return an id, a title or an address; ``None`` for what is none, empty text included."""
    return value if isinstance(value, str) and value else None


def as_number(value: object) -> float | None:
    """Return a score as a float; ``None`` for what is no number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if value == value and abs(value) < 2**63 else None


def as_index(value: object, name: str) -> int:
    """Return the number by which events say what they belong to."""
    if value.__class__ is int:
        return value
    raise ProtocolError(f"{name!r} in an event should be a whole number, not {_kind(value)}")


def as_whole(value: object) -> int | None:
    """Return a count as an int; ``None`` for what is no count."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if value == value and abs(value) < 2**63 else None


def refusal(body: bytes, *, failed: bool) -> Failure | None:
    """Read an error body, see `chatsdk.dialects.refusing`, which is loaded when one comes."""
    from chatsdk.dialects import refusing

    return refusing.refusal(body, failed=failed)


def failure_in(value: dict[str, Any]) -> Failure:
    """Read an object that is known to be an error, in the shapes that `refusal` knows."""
    from chatsdk.dialects import refusing

    return refusing.failure_in(value)


def envelope(value: dict[str, Any]) -> Failure | None:
    """Read the error in an envelope that stands around an answer, ``None`` if all is well."""
    from chatsdk.dialects import refusing

    return refusing.envelope(value)


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
