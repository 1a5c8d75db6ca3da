"""Encodes server-sent events as bytes."""

from __future__ import annotations

from chatsdk.sse.fields import RETRY_DIGITS, ServerSentEvent

__all__ = ["encode"]


def encode(
    data: str | ServerSentEvent | None = None,
    *,
    event: str | None = None,
    id: str | None = None,
    retry: int | None = None,
    comment: str | None = None,
) -> bytes:
    """Encode one block, including its blank line, that `parse` reads back unchanged.

    A CR, LF or CRLF inside ``data`` or ``comment`` starts another line of the same kind, so neither
    can inject a field. In ``data`` it is read back as LF. Halves of a surrogate pair are joined,
    and an unpaired one becomes U+FFFD.

    Args:
        data: the text; ``""`` is an event with empty data. ``None`` writes no data line: the
            standard dispatches no event for such a block, but applies its ``id`` and ``retry``. All
            fields of a `ServerSentEvent` are written, unless they are passed here, too. Its type is
            left out if it is ``"message"``, and its id if it is ``""``.
        event: the event's type; ``""`` is the same as ``None``.
        id: the last event id from here on; ``""`` clears it.
        retry: reconnection time in milliseconds.
        comment: text for human readers of the stream, or a keep-alive.

    Raises:
        ValueError: CR or LF in ``event`` or ``id``, NUL in ``id``, a ``retry`` that is negative or
            too large, or nothing to write.
        TypeError: an argument has the wrong type.
    """
    plain = event is None and id is None and retry is None and comment is None
    if plain and data and type(data) is str:
        # Nearly all events are one line of data.
        if "\n" not in data and "\r" not in data:
            try:
                return b"data: %b\n\n" % data.encode()
            except UnicodeEncodeError:
                # Below, lone surrogates are replaced.
                pass
    if isinstance(data, ServerSentEvent):
        if event is None and data.event != "message":
            event = data.event
        if id is None:
            # An empty id is the default, so it is not written; id="" clears an earlier one.
            id = data.id or None
        retry = data.retry if retry is None else retry
        data = data.data
    for name, value in (("data", data), ("event", event), ("id", id), ("comment", comment)):
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{name} must be str, not {type(value).__name__}: convert it before")
    if isinstance(retry, bool) or not isinstance(retry, (int, type(None))):
        raise TypeError(f"retry must be an int of milliseconds, not {type(retry).__name__}")
    lines = []
    if comment is not None:
        lines += [_field("", line) for line in _lines(comment)]
    if event:
        lines.append(_field("event", _one_line("event", event)))
    if data is not None:
        lines += [_field("data", line) for line in _lines(data)]
    if id is not None:
        if "\0" in id:
            raise ValueError("id must not contain NUL: readers would ignore it")
        lines.append(_field("id", _one_line("id", id)))
    if retry is not None:
        if not 0 <= retry < 10**RETRY_DIGITS:
            raise ValueError("retry must be a number of milliseconds from 0 up")
        lines.append(f"retry: {retry}")
    if not lines:
        raise ValueError("nothing to write: give data (may be empty), event, id, retry or comment")
    block = "\n".join([*lines, "\n"])
    try:
        return block.encode()
    except UnicodeEncodeError:
        return block.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _field(name: str, value: str) -> str:
    # Readers strip one space, so that a value may begin with one.
    return f"{name}: {value}" if value else f"{name}:"


def _lines(text: str) -> list[str]:
    # Not splitlines(): U+2028, U+0085 and others do not end a line of an event stream.
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _one_line(name: str, value: str) -> str:
    if "\r" in value or "\n" in value:
        raise ValueError(f"{name} must be one line: take CR and LF out of it")
    return value
