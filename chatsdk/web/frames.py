"""Frames for the browser: an answer's parts, adapted to its dialect and encoded."""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

from chatsdk import dialects
from chatsdk.answer import Answer
from chatsdk.answer.diff import added_text, parts_between
from chatsdk.dialects import Dialect
from chatsdk.errors import ChatError
from chatsdk.outcome import Outcome
from chatsdk.parts import (
    Data,
    Failure,
    Finish,
    Identity,
    Native,
    Part,
    Text,
    ToolApproval,
    ToolCallDelta,
    ToolResult,
)
from chatsdk.web.error_responses import failure_of

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["ObjectData", "Stream", "Wording", "fit", "parts_of", "writable"]

_log = logging.getLogger("chatsdk.web")


class Stream(Protocol):
    """The stream to read: an `AnswerStream` or a `TurnStream`."""

    @property
    def answer(self) -> Answer:
        """The latest answer."""

    @property
    def outcome(self) -> Outcome | None:
        """How it ended."""

    def __iter__(self) -> Iterator[Answer]: ...

    def stop(self) -> None:
        """End it, from any thread."""

    def close(self) -> None:
        """End it and close its connection."""


def writable(dialect: str | Dialect) -> Dialect:
    """Return the browser's dialect.

    Raises:
        ValueError: the dialect is unknown, or chatsdk cannot encode it.
    """
    found = dialects.get(dialect)
    found.encode(())
    return found


def parts_of(
    stream: Stream,
    results: deque[ToolResult] | None = None,
    approvals: Callable[[], Iterable[ToolApproval] | None] = lambda: None,
) -> Generator[Part, None, None]:
    """Yield the parts of a stream as they arrive; an error is yielded last, as a `Failure`.

    Args:
        stream: the stream to read.
        results: a list to which reading adds the results of tools that were run meanwhile. They end
            a round: the calls of the next round are numbered separately.
        approvals: called at the end, returns the requests for a person's approval with which the
            answer ends, or ``None``.
    """
    before: Answer | None = None
    rounds = 0
    objects: ObjectData | None = None
    try:
        for answer in stream:
            plain = not results and answer._ledger.growing is None
            if plain and (text := added_text(before, answer)) is not None:
                # Nearly all steps add text and nothing else.
                yield Text(text)
                before = answer
                continue
            parts = parts_between(before, answer)
            if results:
                rounds += 1
                while results:
                    yield results.popleft()
                parts = [part for part in parts if not isinstance(part, ToolCallDelta)]
                parts += [
                    ToolCallDelta(place, call.id, call.name, call.arguments)
                    for place, call in enumerate(answer.tool_calls)
                ]
            for part in parts:
                if rounds and isinstance(part, ToolCallDelta):
                    part = part._replace(index=f"{rounds}.{part.index}")
                yield part
            before = answer
            if answer._ledger.growing is not None:
                # It was asked for with `output=`.
                objects = objects or ObjectData()
                if (data := objects.part(answer)) is not None:
                    yield data
        while results:
            yield results.popleft()
        last = stream.answer
        if last is not before:
            yield from parts_between(before, last)
        if objects is not None and (data := objects.part(last, last=True)) is not None:
            yield data
        requests = approvals()
        outcome = stream.outcome
        if requests is not None:
            yield from requests
            yield Finish("tool_calls")
        elif outcome is not None and outcome.error is not None:
            yield failure_of(outcome.error)
        elif outcome is not None and outcome.reason == "stopped":
            yield Finish("cancelled")
    except ChatError as error:
        _log.info("the answer failed: %s", error)
        yield failure_of(error)
    except Exception as error:
        _log.exception("the answer ended with an unexpected error")
        yield failure_of(error)


# The object is sent again, as a whole, when its text has grown by an eighth, and by this many
# characters: the bytes for it then grow with the length of the text.
LEAST_CHARS = 32
SHARE = 8


class ObjectData:
    """Makes a `Data` part of an answer's object whenever that has grown enough."""

    def __init__(self) -> None:
        self._next = 0
        self._sent: str | None = None

    def part(self, answer: Answer[Any], *, last: bool = False) -> Data | None:
        """Return the part for a step, ``None`` if there is nothing new to send.

        Args:
            answer: the step.
            last: no step follows.
        """
        length = len(answer.text)
        if length < self._next and not last and not answer.rewritten:
            return None
        value = answer.value
        if value is None:
            return None
        # Loaded here, because few answers have an object.
        from chatsdk.output.shape import plain

        self._next = length + max(LEAST_CHARS, length // SHARE)
        text = json.dumps(plain(value), ensure_ascii=False)
        if text == self._sent:
            return None
        self._sent = text
        return Data("object", text)


def fit(parts: Iterable[Part], id: str, model: str) -> Iterator[Part]:
    """Add what the browser's dialect needs and the backend did not send.

    The answer gets the given id, each tool call an id, and the end a reason. The reason is sent in
    the terms of the browser's dialect, so the backend's native value is left out.
    """
    yield Identity(id=id, model=model)
    named: set[int | str] = set()
    # By the backend's id of a call, the id that the browser knows: some backends repeat ids.
    ids: dict[str | None, str] = {}
    called = False
    reason: str | None = None
    for part in parts:
        match part:
            case Text():
                yield part
            case Identity():
                # All frames of an answer carry the same id.
                yield part._replace(id=None)
            case ToolCallDelta(index=index) if index in named:
                yield part._replace(id=None)
            case ToolCallDelta(index=index):
                called = True
                named.add(index)
                fresh = part.id is not None and part.id not in ids
                own = part.id if fresh and part.id else f"call_{uuid4().hex}"
                ids[part.id] = own
                yield part._replace(id=own)
            case ToolResult():
                yield part._replace(id=ids.get(part.id, part.id))
            case ToolApproval():
                yield part._replace(call_id=ids.get(part.call_id, part.call_id))
            case Finish(reason=why):
                # Held back, because a later one may have more, and only one may be sent.
                reason = why if reason != "cancelled" else reason
            case Native():
                pass
            case Failure():
                yield part
                return
            case _:
                yield part
    yield Finish(reason or ("tool_calls" if called else "stop"))


class Wording:
    """Encodes one answer in the browser's dialect.

    Args:
        dialect: the browser's.
        id: the answer's id, a new one by default.
        model: the name to send if the backend does not name its model.
    """

    def __init__(
        self,
        dialect: Dialect,
        *,
        id: str | None = None,
        model: str = "chat",
    ) -> None:
        self._dialect = dialect
        self._id = id or f"msg_{uuid4().hex}"
        self._model = model
        self._sse = dialect.framing() == "sse"

    @property
    def dialect(self) -> Dialect:
        """The browser's dialect."""
        return self._dialect

    def frames(self, parts: Iterable[Part]) -> Iterator[bytes]:
        """Return the frames, each as soon as its part has arrived."""
        # Not a generator, which would be resumed for each frame; encoders read the first part when
        # they are called, so that must wait until a frame is asked for.
        return chain.from_iterable(map(self._encode, (fit(parts, self._id, self._model),)))

    def failure(self, failure: Failure) -> list[bytes]:
        """Return the frames that end an answer that has already begun."""
        begun = list(self._encode(()))
        failed = list(self._encode((failure,)))
        same = 0
        while same < min(len(begun), len(failed)) and begun[same] == failed[same]:
            same += 1
        return failed[same:]

    def counted(self, parts: Iterable[Part]) -> Iterator[bytes]:
        """Return the frames of `frames`, their numbers as ``id:`` fields."""
        frames = self.frames(parts)
        return map(b"id: %d\n%b".__mod__, enumerate(frames, 1)) if self._sse else frames

    def numbered(self, frame: bytes, id: str) -> bytes:
        """Return the frame with an ``id:`` field; JSON lines cannot have one."""
        return b"id: " + id.encode("ascii") + b"\n" + frame if self._sse else frame

    @property
    def heartbeat(self) -> bytes:
        """A line that the browser ignores."""
        return self._dialect.heartbeat(model=self._model)

    def _encode(self, parts: Iterable[Part]) -> Iterator[bytes]:
        return self._dialect.encode(parts, id=self._id, model=self._model)
