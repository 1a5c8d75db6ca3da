"""The same questions with requests and with chatsdk: ``python PROGRAM.py KIND URL ...``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import requests

KIND, URL = sys.argv[1:3]
ARGUMENTS = sys.argv[3:]

# Seconds to connect, and of silence.
TIMEOUTS = (5.0, 20.0)


def deltas(
    prompt: str,
    *,
    url: str = URL,
    http: requests.Session | None = None,
    timeouts: tuple[float, float] = TIMEOUTS,
    **options: Any,
) -> Iterator[str]:
    """Ask, and yield the pieces of the answer's text as they come.

    Args:
        prompt: what the backend is to do, see ``backend.py``.
        url: another address than the backend's.
        http: the session to ask over, the client's own by default.
        timeouts: seconds to connect, and of silence.
        options: of ``requests.post`` and of `ChatClient` alike.
    """
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": prompt}]}
    if KIND == "chatsdk":
        # Here, because some programs prepare something before their client is imported.
        from chatsdk import ChatClient, Timeout

        connect, silence = timeouts
        timeout = Timeout(connect=connect, first_event=silence, idle=silence)
        with ChatClient(url, http=http, timeout=timeout, **options) as client:
            yield from client.send(body).deltas()
        return
    post = requests.post if http is None else http.post
    with post(url, json=body, stream=True, timeout=timeouts, **options) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            data = line.removeprefix(b"data: ")
            if data and data != b"[DONE]":
                for choice in json.loads(data)["choices"]:
                    if text := choice["delta"].get("content"):
                        yield text


def text(prompt: str, **options: Any) -> str:
    """Ask, and return the text of the complete answer."""
    return "".join(deltas(prompt, **options))


def outcome(prompt: str, **options: Any) -> str:
    """Ask, and return the text, or what the client raised: an error of the wire or another."""
    try:
        return text(prompt, **options)
    except Exception as error:
        return "an error of the wire" if is_of_the_wire(error) else type(error).__name__


def is_of_the_wire(error: BaseException) -> bool:
    """Whether this is how the client reports what went wrong between it and the backend."""
    if KIND == "chatsdk":
        from chatsdk import ChatError

        return isinstance(error, ChatError)
    return isinstance(error, requests.RequestException)


class Clock:
    """Seconds that passed, by the system's clock, which no package replaces."""

    def __init__(self) -> None:
        self._begun = os.times().elapsed

    def within(self, least: float, most: float) -> str:
        """Return whether it took at least this many seconds."""
        took = os.times().elapsed - self._begun
        return "in time" if least <= took <= most else f"after {took:.1f} s"
