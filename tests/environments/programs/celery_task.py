"""Ask in a task of Celery, whose worker and broker are in this process: ``... PROMPT``."""

from __future__ import annotations

import logging

from asking import ARGUMENTS, outcome
from celery import Celery
from celery.contrib.testing.worker import start_worker

(PROMPT,) = ARGUMENTS
logging.disable(logging.CRITICAL)
app = Celery(broker="memory://", backend="cache+memory://")


@app.task
def ask(prompt: str) -> str:
    return outcome(prompt)


with start_worker(app, perform_ping_check=False, pool="solo", loglevel="CRITICAL"):
    print(ask.delay(PROMPT).get(timeout=20))
