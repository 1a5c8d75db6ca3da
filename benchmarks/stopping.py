"""How long after `stop()` the thread that reads has ended."""

from __future__ import annotations

import threading
import time

from delay import percentile
from measuring import Row, server, show

TIMES = 500


def measure(*, quick: bool = False) -> list[Row]:
    """One row: p99, of streams that are silent when they are stopped."""
    from chatsdk import ChatClient

    waits = []
    with server() as url, ChatClient(f"{url}/hold/openai/1", dialect="openai") as client:
        for _ in range(TIMES):
            stream = client.send({})
            began = threading.Event()
            ended: list[float] = []

            def read(stream=stream, began=began, ended=ended) -> None:  # type: ignore[no-untyped-def]
                for _ in stream:
                    began.set()
                ended.append(time.monotonic())

            reader = threading.Thread(target=read)
            reader.start()
            began.wait()
            # The reader goes back into its read.
            time.sleep(0.001)
            stopped = time.monotonic()
            stream.stop()
            reader.join()
            waits.append((ended[0] - stopped) * 1000)
    value = percentile(waits, 0.99)
    detail = {"p50": percentile(waits, 0.5), "p99": value, "longest": max(waits)}
    what = f"stop() to the reader's end, p99 of {TIMES}"
    return [Row(what, value, 50, 5, "ms", detail=detail, detail_unit="ms")]


if __name__ == "__main__":
    show(measure())
