"""Separates network exceptions from those of signal handlers, callbacks and other packages.

Network exceptions are those that requests, urllib3, http.client, ssl, zlib and the socket raise.
They are translated. Every other exception reaches the caller unchanged, but without the transport's
frames, because their variables hold tokens.
"""

from __future__ import annotations

import contextlib
import http.client
import sys
from collections.abc import Iterator
from types import FrameType, TracebackType

import urllib3.exceptions

__all__ = ["Quietly", "causes", "foreign", "freed", "raised_by_handler"]

# `inspect.CO_VARARGS`; before Python 3.11, importing inspect loads the compiler's modules.
CO_VARARGS = 0x04

# Packages of the transport, by the first part of a module's name.
WIRE = frozenset(
    (
        *("chatsdk", "requests", "urllib3", "http", "ssl", "socket", "_socket", "_ssl"),
        *("zlib", "brotli", "brotlicffi", "zstandard", "compression", "backports"),
        *("socks", "idna", "encodings", "email", "urllib", "gevent", "greenlet", "eventlet"),
    )
)

# The message of a timeout of the socket or of TLS; an exception thrown into the wait lacks it.
TIMED_OUT = "timed out"

# Exceptions that requests and urllib3 wrap in their own, whatever raised them.
WRAPPED = (OSError, http.client.HTTPException, urllib3.exceptions.HTTPError)

# Packages whose exceptions wrap others.
WRAPPERS = ("requests", "urllib3")

# The functions of requests that call the user's code: `auth`, and the hooks of a response.
CALLERS = {("requests.models", "prepare_auth"), ("requests.hooks", "dispatch_hook")}


def foreign(error: BaseException) -> BaseException | None:
    """Return the exception in the chain of `error` that is not the network's, if any."""
    found = [
        item
        for item in causes(error)
        if _is_foreign(item) and (item is error or _may_be_wrapped(item))
    ]
    # urllib3 raises its own exception with the traceback of the one that it wraps.
    inner = [item for item in found if _root(type(item).__module__) not in WRAPPERS]
    return inner[0] if inner else found[-1] if found else None


def causes(error: BaseException) -> list[BaseException]:
    """Return the error and all exceptions inside it, outermost first.

    Leaves out the exception that the caller was handling when it called chatsdk, and the causes
    of another package's exceptions.
    """
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        item = waiting.pop(0)
        if not isinstance(item, BaseException) or any(item is known for known in found):
            continue
        found.append(item)
        waiting += [getattr(item, "reason", None), getattr(item, "original_error", None)]
        waiting += [*item.args, item.__cause__]
        if _caught_by_wire(item.__context__):
            waiting.append(item.__context__)
    return found


def raised_by_handler(error: BaseException) -> bool:
    """Return whether a signal handler, or a function that it called, raised this exception."""
    return _handler_entry(error.__traceback__) is not None


def freed(error: BaseException) -> BaseException:
    """Return `error` without the transport's frames, in it and in its causes.

    Only the handler's frames of a signal handler's exception are kept.
    """
    kept = set()
    item: BaseException | None = error
    while item is not None:
        entries: list[TracebackType] = []
        start = _handler_entry(item.__traceback__)
        for entry in _entries(item.__traceback__):
            if entry is start:
                entries.clear()
            if not _of_wire(entry):
                entries.append(entry)
                continue
            # It holds sockets and tokens. A frame that is still running cannot be cleared.
            with contextlib.suppress(RuntimeError):
                entry.tb_frame.clear()
        kept |= {id(entry.tb_frame) for entry in entries}
        traceback = None
        for entry in reversed(entries):
            traceback = TracebackType(traceback, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
        item.__traceback__ = traceback
        context = item.__context__
        if item.__cause__ is not None:
            item = item.__cause__
        elif _caught_by_wire(context):
            item.__context__ = None
            break
        else:
            # The exception that the caller was handling stays as it is.
            caught = context.__traceback__ if context is not None else None
            item = context if caught is not None and id(caught.tb_frame) in kept else None
    return error


class Quietly:
    """A block that suppresses network exceptions; all others propagate.

    If it cleans up after an exception, such as a signal handler's, that one is the context of an
    exception raised here. It does not count.
    """

    _handled: BaseException | None = None

    def __enter__(self) -> None:
        self._handled = sys.exc_info()[1]

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        handled, self._handled = self._handled, None
        if not isinstance(error, Exception):
            return False
        found = foreign(error)
        if found is None or handled is None:
            return found is None
        return any(found is item for item in causes(handled))


def _is_foreign(error: BaseException) -> bool:
    if raised_by_handler(error) or _raised_by_callback(error):
        return True
    root = _root(type(error).__module__)
    if root not in sys.stdlib_module_names:
        return root not in WIRE
    innermost = _innermost(error.__traceback__)
    if innermost is None:
        return False
    origin = _root_of(innermost)
    if isinstance(error, TimeoutError):
        # A greenlet's time limit is raised in the very frames that wait for the socket.
        told = error.errno is not None or TIMED_OUT in str(error)
        return not told and origin in WIRE and origin != "chatsdk"
    if isinstance(error, OSError) or root in WIRE:
        return False
    return origin not in WIRE and origin not in sys.stdlib_module_names


def _may_be_wrapped(error: BaseException) -> bool:
    return isinstance(error, WRAPPED) or raised_by_handler(error) or _raised_by_callback(error)


def _handler_entry(traceback: TracebackType | None) -> TracebackType | None:
    """The entry of the first signal handler in a traceback, ``None`` if there is none.

    The interpreter passes a handler the frame that it interrupts. Ordinary functions never receive
    a caller's frame as an argument; trace functions do, and can also raise at any point.
    """
    above: list[FrameType] = []
    for entry in _entries(traceback):
        frame = entry.tb_frame
        if not _of_wire(entry):
            for argument in _arguments(frame):
                if any(argument is caller for caller in above):
                    return entry
        above.append(frame)
    return None


def _arguments(frame: FrameType) -> list[object]:
    code = frame.f_code
    collects = bool(code.co_flags & CO_VARARGS)
    if code.co_argcount < 2 and not collects:
        return []
    # Only for frames that may be a handler's: up to Python 3.12 the frame keeps this dictionary.
    values = frame.f_locals
    names = code.co_varnames
    found = [values.get(name) for name in names[: code.co_argcount]]
    if collects:
        found += values.get(names[code.co_argcount + code.co_kwonlyargcount], ())
    return found


def _raised_by_callback(error: BaseException) -> bool:
    """Whether the caller's `auth` or a hook of the caller raised it."""
    for entry in _entries(error.__traceback__):
        frame, below = entry.tb_frame, entry.tb_next
        if below is not None and not _of_wire(below):
            if (frame.f_globals.get("__name__"), frame.f_code.co_name) in CALLERS:
                return True
    return False


def _caught_by_wire(error: BaseException | None) -> bool:
    # A traceback begins with the frame that caught the exception.
    return error is not None and error.__traceback__ is not None and _of_wire(error.__traceback__)


def _entries(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _innermost(traceback: TracebackType | None) -> TracebackType | None:
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback


def _of_wire(entry: TracebackType) -> bool:
    return _root_of(entry) in WIRE


def _root_of(entry: TracebackType) -> str:
    return _root(entry.tb_frame.f_globals.get("__name__", ""))


def _root(module: str) -> str:
    return module.partition(".")[0]
