"""Tells a backend to stop an answer that the user ended, where it has an endpoint for that."""

from __future__ import annotations

import _thread
import atexit
import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from chatsdk.answer import Answer
from chatsdk.dialects.contract import Dialect, StopRequest
from chatsdk.errors import BackendError, ChatError, HTTPStatusError
from chatsdk.options import Timeout
from chatsdk.transport import Cancel, Request, Transport
from chatsdk.transport.clock import now

__all__ = ["ServerStop", "stop_url"]

# How long the call may take, in seconds. It goes on in the background, but not for ever.
STOP_SECONDS = 30.0

# How long the end of the process waits for calls under way, in seconds: a script that stops an
# answer and ends would otherwise leave the backend to generate the rest.
EXIT_SECONDS = 2.0


class ServerStop:
    """The background call that stops one answer on the server.

    Called, it gives what has become of it: ``None`` while nobody asked or nothing is known yet,
    then ``"stopped"``, ``"refused"``, ``"unsupported"`` or the text of the error.
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
        """Ask the backend, on a thread of its own; the first time counts."""
        if self._asked:
            return
        self._asked = True
        stop = dialect.at(self._url).stop_request(answer, self._body)
        if stop is None:
            self._result = "unsupported"
            return
        # Not threading.Thread, whose start takes locks: a signal handler may be where we are.
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
            # A backend may answer that nothing is running any more, with a status of its own.
            said = dialect.error(error.status, error.headers, error.body)
            self._result = "stopped" if said is None else "refused"
        except BackendError:
            self._result = "refused"
        except (ChatError, ValueError) as error:
            self._result = str(error)
        except Exception as error:
            # The caller's own token function, say. Its message may be a secret.
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
        # Apart from the client, which may be closed as soon as it has stopped its answer.
        transport = self._transport.apart()
        try:
            exchange = transport.open(request)
            try:
                said = dialect.error(exchange.status, exchange.headers, exchange.read_body())
            finally:
                exchange.close()
        finally:
            transport.close()
        return "stopped" if said is None else "refused"


# The calls under way: which process makes them, and a lock that is free afterwards.
_under_way: set[tuple[int, _thread.LockType]] = set()


@atexit.register
def _wait_for_calls() -> None:
    deadline = now() + EXIT_SECONDS
    for process, bell in tuple(_under_way):
        if process == os.getpid():
            bell.acquire(timeout=max(0.0, deadline - now()))


def stop_url(url: str, stop: StopRequest) -> str:
    """Return the address of a stop request, from the address that the answer came from."""
    parts = urlsplit(url)
    path = stop.path
    segments = (stop.relative,) if isinstance(stop.relative, str) else stop.relative or ()
    for segment in segments:
        before, found, _ = parts.path.rpartition(segment)
        if found:
            path = before + path
            break
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))
