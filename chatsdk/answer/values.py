"""Parts of an answer besides text: `ToolCall`, `Timings` and rarely changing `Facts`."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from chatsdk.answer.shared_text import PIECE_BYTES, SharedText, Vector, as_bytes, as_text
from chatsdk.attributes import names_cures
from chatsdk.frozen_values import Value, refuse_to_change
from chatsdk.parts import Citation, Native, Usage

__all__ = ["ArrivalLog", "Facts", "Step", "Timings", "ToolCall", "new_arguments"]

# Characters after the brace at the start of a JSON object.
JSON_SECOND = ('"', "}", " ", "\n", "\r", "\t")


class ToolCall:
    """A tool call that the model requests. Frozen.

    Attributes:
        id: the backend's id of the call, which its result must carry.
        name: the tool's name.
        arguments: the JSON text of the arguments received.
        parsed: the arguments as a dict once they are complete, ``None`` before.
    """

    __slots__ = ("_count", "_ledger", "id", "name")
    id: str | None
    name: str | None
    _ledger: SharedText
    _count: int

    def __init__(self, id: str | None = None, name: str | None = None, arguments: str = "") -> None:
        _fill(self, id, name, SharedText([arguments]), 1)

    @property
    def arguments(self) -> str:
        """The JSON text of the arguments received."""
        return self._ledger.upto(self._count)

    @property
    def size(self) -> int:
        """Approximate memory use in bytes."""
        return len(self.id or "") + len(self.name or "") + self._ledger.size

    def extends(self, earlier: ToolCall) -> bool:
        """Whether the arguments continue those of `earlier`, a step of the same call."""
        return self._ledger is earlier._ledger

    def arguments_since(self, earlier: ToolCall) -> str:
        """Return the arguments received after `earlier`, a step of the same call."""
        return self._ledger.between(earlier._count, self._count)

    @property
    def parsed(self) -> dict[str, Any] | None:
        """The arguments as a dict once they are complete, ``None`` before."""
        text = self.arguments
        # Cheap check first: most steps have incomplete arguments.
        if not text.rstrip().endswith("}"):
            return None
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def extended(self, id: str | None, name: str | None, piece: str, replace: bool) -> ToolCall:
        """Return this call with `piece` added to its arguments, or replacing them."""
        if piece and not replace:
            piece, replace = new_arguments(piece, self._ledger)
        if replace:
            ledger, count = SharedText([piece]), 1
        elif piece:
            # Only the latest step is ever extended, so its ledger ends with it.
            ledger = self._ledger
            ledger.pieces.append(piece)
            count = self._count + 1
        else:
            ledger, count = self._ledger, self._count
        call = ToolCall.__new__(ToolCall)
        _fill(call, id if id is not None else self.id, name or self.name, ledger, count)
        return call

    __setattr__ = refuse_to_change
    __delattr__ = refuse_to_change

    def _key(self) -> tuple[str | None, str | None, str]:
        return (self.id, self.name, self.arguments)

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, ToolCall) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"ToolCall(id={self.id!r}, name={self.name!r}, arguments={self.arguments!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_restore, (self.id, self.name, as_bytes(self.arguments)))

    def __copy__(self) -> ToolCall:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> ToolCall:
        return self


def new_arguments(piece: str, known: SharedText) -> tuple[str, bool]:
    """Return what is new in a delta of arguments, and whether it replaces the earlier deltas.

    Some servers send all arguments up to now in each delta, or in the last one, perhaps with other
    white space. A real delta repeats the earlier ones only if an object nests another that begins
    like it, or has the key ``{``. If it also ends the outer object, it is taken for a delta. Plain
    text such as a template may repeat ``{{``.

    Args:
        piece: the delta.
        known: the earlier deltas.
    """
    if piece[:1] == "{" and piece[1:2] in JSON_SECOND:
        count = len(known.pieces)
        size = known.size - PIECE_BYTES * count
        if 0 < size <= 2 * len(piece) and not _ends_more(piece):
            text = known.upto(count)
            if piece.startswith(text):
                return piece[size:], False
            if text[0] == "{" and "".join(piece.split()).startswith("".join(text.split())):
                return piece, True
    return piece, False


def _ends_more(piece: str) -> bool:
    """Whether a JSON object is followed by the end of another, which encloses it."""
    if piece.rstrip()[-1:] != "}":
        # Not the end of arguments.
        return False
    try:
        _, end = json.JSONDecoder().raw_decode(piece)
    except (ValueError, RecursionError):
        return False
    return bool(piece[end:].strip())


def _fill(call: ToolCall, id: str | None, name: str | None, ledger: SharedText, count: int) -> None:
    put = object.__setattr__
    put(call, "id", id)
    put(call, "name", name)
    put(call, "_ledger", ledger)
    put(call, "_count", count)


def _restore(id: str | None, name: str | None, arguments: bytes) -> ToolCall:
    return ToolCall(id, name, as_text(arguments))


class Timings(Value):
    """The arrival of an answer, in seconds of a monotonic clock.

    Attributes:
        first_text: from sending the request to the first text, ``None`` before it.
        duration: from sending the request to this step.
        gaps: the silences between consecutive events, a tuple.
        events: number of events received.
        bytes: bytes of the body read, after decompression.
    """

    __match_args__ = _fields = ("first_text", "duration", "gaps", "events", "bytes")
    __slots__ = ("_gaps", "bytes", "duration", "events", "first_text")
    first_text: float | None
    duration: float
    events: int
    bytes: int
    # The log instead of a tuple of gaps, which would take quadratic time if it were made for each
    # step.
    _gaps: tuple[float, ...] | ArrivalLog

    def __init__(
        self,
        first_text: float | None = None,
        duration: float = 0.0,
        gaps: tuple[float, ...] | ArrivalLog = (),
        events: int = 0,
        bytes: int = 0,
    ) -> None:
        for name, value in zip(
            ("first_text", "duration", "_gaps", "events", "bytes"),
            (first_text, duration, gaps, events, bytes),
            strict=True,
        ):
            object.__setattr__(self, name, value)

    @property
    def gaps(self) -> tuple[float, ...]:
        """The silences between consecutive events, in seconds."""
        gaps = self._gaps
        return gaps if isinstance(gaps, tuple) else gaps.between_events(self.events)

    def __iter__(self) -> Iterator[Any]:
        return (getattr(self, name) for name in self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __getitem__(self, place: Any) -> Any:
        return tuple(self)[place]

    def _asdict(self) -> dict[str, Any]:
        """Return the fields by name."""
        return dict(zip(self._fields, self, strict=True))

    def __repr__(self) -> str:
        # Without the gaps: a long answer has thousands.
        count = len(self._gaps) if isinstance(self._gaps, tuple) else max(0, self.events - 1)
        first = "None" if self.first_text is None else f"{self.first_text:.3f}"
        return (
            f"Timings(first_text={first}, duration={self.duration:.3f}, "
            f"gaps=<{count}>, events={self.events}, bytes={self.bytes})"
        )


class ArrivalLog:
    """The append-only log of the events' times, shared by the steps of one answer."""

    __slots__ = ("first_text", "started", "times")

    def __init__(self, started: float = 0.0) -> None:
        self.started = started
        self.times = array("d")
        # The number of the event that carried the first text.
        self.first_text: int | None = None

    def timings(self, events: int, received: int) -> Timings:
        """Return the `Timings` of the step after `events` events and `received` bytes."""
        first = self.first_text
        return Timings(
            first_text=(
                self.times[first - 1] - self.started
                if first is not None and 0 < first <= events
                else None
            ),
            duration=self.times[events - 1] - self.started if events else 0.0,
            gaps=self,
            events=events,
            bytes=received,
        )

    def between_events(self, events: int) -> tuple[float, ...]:
        """Return the seconds between the first `events` events."""
        times = self.times[:events].tolist()
        return tuple(later - earlier for earlier, later in pairwise(times))


class Facts(NamedTuple):
    """The parts of an answer that rarely change from one step to the next."""

    tool_calls: Vector[ToolCall] = Vector()
    citations: Vector[Citation] = Vector()
    usage: Usage = Usage()
    finish_reason: str | None = None
    native_finish_reason: str | None = None
    id: str | None = None
    conversation_id: str | None = None
    task_id: str | None = None
    model: str | None = None
    # Both excluded from equality: an answer decoded from another form has the same content.
    native: Native | None = None
    backend: str | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Facts) and self[:-2] == other[:-2]

    def __ne__(self, other: object) -> bool:
        # Needed, because tuple's own `__ne__` would compare all fields.
        return not self == other

    def __hash__(self) -> int:
        return hash(self[:-2])


@names_cures("Answer")
class Step:
    """An `Answer` while its fields are set; `AnswerBuilder` then changes its class.

    Plain attribute stores are several times faster than ``object.__setattr__``, and a long
    answer has 200,000 steps.
    """

    __slots__ = (
        "_arrivals",
        "_count",
        "_events",
        "_facts",
        "_ledger",
        "_payload",
        "_received",
        "_thought_count",
        "_thoughts",
        "delta",
        "reasoning_delta",
        "rewritten",
    )
    _arrivals: ArrivalLog
    _count: int
    _events: int
    _facts: Facts
    _ledger: SharedText
    _payload: str | None
    _received: int
    _thought_count: int
    _thoughts: SharedText
    delta: str
    reasoning_delta: str
    rewritten: bool
