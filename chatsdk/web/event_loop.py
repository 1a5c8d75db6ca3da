"""Streaming and blocking calls for servers with an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, TypeVar

from chatsdk.web.http_messages import FrameStream

__all__ = ["frames", "on_a_thread"]

T = TypeVar("T")


async def frames(
    body: FrameStream, left: Coroutine[Any, Any, object] | None = None
) -> AsyncGenerator[bytes, None]:
    """Yield the frames of a stream, and its heartbeats; close it at the end.

    The frames are produced on the stream's own thread: none of the loop's threads waits.

    Args:
        body: the stream.
        left: returns once the browser has left, for a framework that does not report that itself.
    """
    loop = asyncio.get_running_loop()
    pump = body.pump
    ready = asyncio.Event()

    def wake() -> None:
        # The loop may be closed by now.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(ready.set)

    leaving = None
    if left is not None:
        leaving = loop.create_task(left)
        leaving.add_done_callback(lambda _: ready.set())
    try:
        while leaving is None or not leaving.done():
            ready.clear()
            data = pump.take_now(wake)
            if data is None:
                return
            if data:
                yield data
                continue
            try:
                await asyncio.wait_for(ready.wait(), body.heartbeat)
            except asyncio.TimeoutError:
                yield body.heartbeat_frame
    finally:
        body.close()
        if leaving is not None:
            leaving.cancel()


async def on_a_thread(function: Callable[[], T], *, name: str = "chatsdk-request") -> T:
    """Run a function on a new thread, and return its result.

    The loop's thread pool is small, and a backend may take minutes to begin its answer.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def finish(value: T | None, error: BaseException | None) -> None:
        if result.cancelled():
            close = getattr(getattr(value, "body", None), "close", None)
            if close is not None:
                close()
        elif error is not None:
            result.set_exception(error)
        else:
            result.set_result(value)  # type: ignore[arg-type]

    def work() -> None:
        value: T | None = None
        error: BaseException | None = None
        try:
            value = function()
        except BaseException as caught:
            error = caught
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(finish, value, error)

    # With the context variables of the request, such as the span of a tracer.
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work,), name=name, daemon=True).start()
    return await result
