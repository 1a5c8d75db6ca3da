"""Ask once with the backend there, and again from the recording: ``... PACKAGE record|replay``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import requests
from asking import ARGUMENTS, KIND, outcome, text

PACKAGE, MODE = ARGUMENTS


@contextlib.contextmanager
def vcrpy() -> Iterator[None]:
    import vcr

    mode = "once" if MODE == "record" else "none"
    with vcr.use_cassette(f"{KIND}.yaml", record_mode=mode):
        yield None


@contextlib.contextmanager
def betamax() -> Iterator[requests.Session]:
    import os

    from betamax import Betamax

    os.makedirs("cassettes", exist_ok=True)
    session = requests.Session()
    recorder = Betamax(session, cassette_library_dir="cassettes")
    mode = "once" if MODE == "record" else "none"
    with recorder.use_cassette(KIND, record=mode, match_requests_on=["method", "uri", "body"]):
        yield session


@contextlib.contextmanager
def requests_cache() -> Iterator[requests.Session]:
    from requests_cache import CachedSession

    with CachedSession(KIND, allowable_methods=("GET", "POST")) as session:
        yield session


with globals()[PACKAGE]() as session:
    print(text("fast", http=session))
    if MODE == "record":
        print(outcome("refuse", http=session))
