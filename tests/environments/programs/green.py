"""Ask in green threads: ``... gevent|eventlet first|late``; late patches after the import."""

from __future__ import annotations

import sys
import warnings

warnings.simplefilter("ignore")
PACKAGE, WHEN = sys.argv[3:5]
if WHEN == "late":
    import requests  # noqa: F401

    import chatsdk  # noqa: F401
if PACKAGE == "gevent":
    from gevent import monkey

    monkey.patch_all()
else:
    import eventlet

    eventlet.monkey_patch()

from asking import KIND, Clock, outcome, text  # noqa: E402

if PACKAGE == "gevent":
    import gevent

    spawn, sleep, Timeout = gevent.spawn, gevent.sleep, gevent.Timeout
else:
    spawn, sleep, Timeout = eventlet.spawn, eventlet.sleep, eventlet.Timeout


def join(thread: object) -> object:
    return thread.get() if PACKAGE == "gevent" else thread.wait()  # type: ignore[attr-defined]


print(text("fast"))
clock = Clock()
together = [spawn(text, "drip 10") for _ in range(10)]
print(len({join(thread) for thread in together}), clock.within(0.9, 4))
clock = Clock()
print(outcome("silent", timeouts=(2, 1)), clock.within(0.8, 5))
clock = Clock()
try:
    with Timeout(0.5):
        print(outcome("hold"))
except Timeout:
    print("the limit of a greenlet", clock.within(0.4, 3))
if KIND == "chatsdk":
    from asking import URL

    from chatsdk import ChatClient

    stream = ChatClient(URL).ask("silent", model="m")
    reader = spawn(stream.result)
    sleep(0.3)
    clock = Clock()
    stream.stop()
    join(reader)
    assert clock.within(0, 2) == "in time"
