"""Ask under a time limit that is an exception: ``... CLASS PROMPT``."""

from __future__ import annotations

import signal

from asking import ARGUMENTS, Clock, outcome, text

CLASS, PROMPT = ARGUMENTS


class SoftTimeLimitExceeded(Exception):
    """As Celery and billiard raise it."""


class JobTimeoutException(Exception):
    """As RQ raises it."""


class Late(TimeoutError):
    """A class of the user's own."""


LIMITS = {limit.__name__: limit for limit in (SoftTimeLimitExceeded, JobTimeoutException, Late)}
LIMIT = LIMITS.get(CLASS, TimeoutError)


def over(number: int, frame: object) -> None:
    raise LIMIT


# A machine that does other things may take its time to import and to connect.
print(text("fast"))
signal.signal(signal.SIGALRM, over)
signal.setitimer(signal.ITIMER_REAL, 1)
clock = Clock()
print(outcome(PROMPT), clock.within(0.9, 8))
