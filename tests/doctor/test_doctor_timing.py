"""`chatsdk.doctor.timing`: what times of events prove, without a socket."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsdk.dialects import get
from chatsdk.doctor.probe import Probe
from chatsdk.doctor.timing import class_of
from chatsdk.transport.report_redaction import Mask

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def observed(times: list[float]) -> Probe:
    """A probe whose events, with a chunk each, came at these seconds."""
    probe = Probe("identity", Mask())
    probe._dialect = get("auto")
    probe.started = 0.0
    probe.on_wire(HEAD, times[0])
    for number, at in enumerate(times):
        frame = b"data: %d\n\n" % number
        probe.on_wire(b"%x\r\n%b\r\n" % (len(frame), frame), at)
    probe.on_wire(b"0\r\n\r\n", times[-1])
    probe.on_end("whole")
    return probe


@pytest.mark.fuzz
@given(
    gap=st.sampled_from([0.005, 0.02, 0.1]),
    jitter=st.lists(st.floats(0.0, 0.003), min_size=99, max_size=99),
    share=st.sampled_from([0.0, 0.1, 1.0]),
    stalls=st.dictionaries(st.integers(1, 98), st.floats(0.05, 0.5), max_size=6),
)
def test_a_machine_that_stalls(
    gap: float, jitter: list[float], share: float, stalls: dict[int, float]
) -> None:
    """A sender that stalls now and then is not taken for a proxy that holds events back."""
    gaps = [gap + late * share + stalls.get(n, 0.0) for n, late in enumerate(jitter)]
    probe = observed(list(itertools.accumulate(gaps, initial=0.05)))
    assert class_of(probe) == "streamed"


@pytest.mark.fuzz
@given(stalls=st.dictionaries(st.integers(1, 98), st.floats(0.05, 0.5), max_size=1))
def test_a_reader_that_stalls(stalls: dict[int, float]) -> None:
    """Events that waited for a stalled reader, and so came at once, prove nothing either."""
    times = [0.05 + 0.005 * number for number in range(100)]
    for number, seconds in stalls.items():
        until = times[number] + seconds
        times = [until if times[number] <= at < until else at for at in times]
    assert class_of(observed(times)) == "streamed"


@pytest.mark.parametrize(("each", "every"), [(2, 0.4), (5, 0.25), (40, 0.2)])
def test_pairs(each: int, every: float) -> None:
    """Events that come together, every 200 to 250 ms or every second gap, are late."""
    times = [0.05] + [
        0.05 + every * group + 0.0001 * n for group in range(1, 5) for n in range(each)
    ]
    assert class_of(observed(times)) == "late"
