"""Ask while a package has stopped the clock: ``... PACKAGE PROMPT``."""

from __future__ import annotations

import contextlib
import os
import sys
import threading

from asking import ARGUMENTS, Clock, deltas, outcome

PACKAGE, PROMPT = ARGUMENTS
THEN = "2024-02-03 12:00:00"


def stopped() -> contextlib.AbstractContextManager[object]:
    if PACKAGE == "freezegun":
        import freezegun

        return freezegun.freeze_time(THEN)  # type: ignore[return-value]
    import time_machine

    return time_machine.travel(THEN, tick=False)


# Ends the program if a limit does not hold; no clock can stop it.
threading.Timer(20, os._exit, [3]).start()
clock = Clock()
if PROMPT == "silent":
    with stopped():
        print(outcome("silent", timeouts=(2, 1)), clock.within(0.8, 5))
elif PROMPT == "drip":
    stream = deltas("drip 10", timeouts=(2, 5))
    print(next(stream))
    with stopped():
        print(next(stream))
    print("".join(stream))
else:
    with stopped():
        print(outcome("fast", timeouts=(2, 5)))
sys.stdout.flush()
os._exit(0)
