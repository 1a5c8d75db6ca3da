"""Asks a backend to stop an answer, through its stop endpoint."""

from __future__ import annotations

import _thread
import atexit
import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from chatsdk.answer import Answer
from chatsdk.dialects.dialect import Dialect, StopRequest
from chatsdk.errors import BackendError, ChatError, HTTPStatusError
from chatsdk.options import Timeout
from chatsdk.transport import Cancel, Request, Transport
from chatsdk.transport.clock import now

__all__ = ["ServerStop", "stop_url"]

# Longest duration of the stop request, in seconds. It runs in the background.
STOP_SECONDS = 30.0

# Seconds that the exiting process waits for stop requests under way. Without the wait, a script
# that stops an answer and ends would leave the backend generating the rest.
EXIT_SECONDS = 2.0


class ServerStop:
    """The background request that stops one answer on the server.

    Calling the object returns the result: ``None`` before there is one, then ``"stopped"``,
    ``"refused"``, ``"unsupported"`` or the text of the error.
    """

    def __init__(self, transport: Transport, url: str, body: Any) -> None:
        self._transport = transport
        self._url = url
        self._body = body if isinstance(body, Mapping) else {}
        self._result: str | None = None
        self._asked = False

    def __call__(self) -> str | None:
        return self._result

    def begin(self, dialect: Dialect, answer: Answer) -> None:
        """Send the request on a new thread; only the first call counts."""
        if self._asked:
            return
        self._asked = True
        stop = dialect.at(self._url).stop_request(answer, self._body)
        if stop is None:
            self._result = "unsupported"
            return
        # `Thread.start()` takes locks, and this may run in a signal handler, so use `_thread`.
        try:
            bell = _thread.allocate_lock()
            bell.acquire()
            _under_way.add((os.getpid(), bell))
            _thread.start_new_thread(self._run, (dialect, stop, bell))
        except RuntimeError as error:
            _under_way.discard((os.getpid(), bell))
            self._result = str(error)

    def _run(self, dialect: Dialect, stop: StopRequest, bell: _thread.LockType) -> None:
        try:
            self._call(dialect, stop)
        finally:
            _under_way.discard((os.getpid(), bell))
            bell.release()

    def _call(self, dialect: Dialect, stop: StopRequest) -> None:
        try:
            self._result = self._ask(dialect, stop)
        except HTTPStatusError as error:
            # Some backends use an error status to report that nothing is running any more.
            said = dialect.error(error.status, error.headers, error.body)
            self._result = "stopped" if said is None else "refused"
        except BackendError:
            self._result = "refused"
        except (ChatError, ValueError) as error:
            self._result = str(error)
        except Exception as error:
            # For example from the caller's token function. Its message may contain a secret.
            self._result = type(error).__name__

    def _ask(self, dialect: Dialect, stop: StopRequest) -> str:
        body = b"" if stop.body is None else json.dumps(stop.body).encode()
        timeout = Timeout(total=STOP_SECONDS)
        request = Request(
            stop_url(self._url, stop),
            body,
            dialect,
            Cancel(),
            timeout=timeout,
            method=stop.method,
        )
        # A separate transport, because the client may be closed right after stopping its answer.
        transport = self._transport.clone()
        try:
            exchange = transport.open(request)
            try:
                said = dialect.error(exchange.status, exchange.headers, exchange.read_body())
            finally:
                exchange.close()
        finally:
            transport.close()
        return "stopped" if said is None else "refused"


# The requests under way: the process that sends each, and a lock that is released at its end.
_under_way: set[tuple[int, _thread.LockType]] = set()


@atexit.register
def _wait_for_calls() -> None:
    deadline = now() + EXIT_SECONDS
    for process, bell in tuple(_under_way):
        if process == os.getpid():
            bell.acquire(timeout=max(0.0, deadline - now()))


def stop_url(url: str, stop: StopRequest) -> str:
    """Return the URL of a stop request, given the URL that the answer came from."""
    parts = urlsplit(url)
    path = stop.path
    segments = (stop.relative,) if isinstance(stop.relative, str) else stop.relative or ()
    for segment in segments:
        before, found, _ = parts.path.rpartition(segment)
        if found:
            path = before + path
            break
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))
