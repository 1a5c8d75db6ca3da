"""Many streams at once: CPU and memory of 200 of them in threads, memory of 1,000 open ones."""

from __future__ import annotations

import http.client
import json
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from contestants import CONTESTANTS
from measuring import HERE, RUN_SECONDS, Row, leave_out, server, show

STREAMS = 200

# Events of each stream, 20 a second: what differs between the two is not the making of 200
# connections.
FEW, MANY = 20, 120

OPEN_STREAMS = 1_000

ROUNDS = 5

# Events of a stream that then waits: its buffers have been in use.
HELD = 100

# From the first event of the last stream to its wait for more.
SETTLE_SECONDS = 3.0

# Without them there is no ratio.
NEEDED = ("http.client", "chatsdk")
PEERS = ("iter_lines", "sseclient-py", "requests-sse", "httpx-sse")


def cpu_us(name: str, url: str) -> float:
    """CPU for an event of many streams, each read on its own thread."""
    CONTESTANTS[name](f"{url}/coalesced/openai/100", "openai", [])
    few, many = (seconds(name, f"{url}/slow/openai/{count}") for count in (FEW, MANY))
    return (many - few) / (STREAMS * (MANY - FEW)) * 1e6


def seconds(name: str, address: str) -> float:
    """CPU of reading so many streams."""
    outs: list[list[str]] = [[] for _ in range(STREAMS)]
    threads = [
        threading.Thread(target=CONTESTANTS[name], args=(address, "openai", out)) for out in outs
    ]
    before = time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.process_time() - before


def resident_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("needs Linux: /proc/self/status has no RssAnon")


def open_bytes(name: str, url: str) -> float:
    """Memory of a stream that is open and has given its first event."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    address = f"{url}/hold/openai/1"
    if name == "chatsdk":
        from chatsdk import ChatClient

        client = ChatClient(address, dialect="openai")

        def begin() -> object:
            stream = client.send({})
            next(stream)
            return stream

    else:
        import requests

        session = requests.Session()

        def begin() -> object:
            response = session.post(address, json={}, stream=True)
            lines = response.iter_lines()
            next(lines)
            return response, lines

    held = [begin() for _ in range(20)]
    before = resident_bytes()
    held += [begin() for _ in range(OPEN_STREAMS)]
    return (resident_bytes() - before) / OPEN_STREAMS


def waiting_bytes(name: str, url: str) -> float:
    """Memory of a stream and its thread, blocked in the read after some events."""
    address = f"{url}/hold/openai/{HELD}"
    read = READERS[name](address)
    # The modules that a process loads for its first stream are not counted.
    begin(read, 1)
    before = resident_bytes()
    begin(read, STREAMS)
    return (resident_bytes() - before) / STREAMS


def begin(read: Callable[[Callable[[], None]], None], count: int) -> None:
    """Start threads that read, and wait until each has its first event and waits for more."""
    begun = threading.Semaphore(0)
    for _ in range(count):
        threading.Thread(target=read, args=(begun.release,), daemon=True).start()
    for _ in range(count):
        begun.acquire()
    # The reads after the first event, until the one that blocks.
    time.sleep(SETTLE_SECONDS)


def with_chatsdk(address: str) -> Callable[[Callable[[], None]], None]:
    from chatsdk import ChatClient

    client = ChatClient(address, dialect="openai")

    def read(begun: Callable[[], None]) -> None:
        for _ in client.send({}):
            begun()

    return read


def with_requests(address: str) -> Callable[[Callable[[], None]], None]:
    import requests

    session = requests.Session()

    def read(begun: Callable[[], None]) -> None:
        with session.post(address, json={}, stream=True) as response:
            while response.raw.read1(65536):
                begun()

    return read


def with_http_client(address: str) -> Callable[[Callable[[], None]], None]:
    parts = urlsplit(address)

    def read(begun: Callable[[], None]) -> None:
        connection = http.client.HTTPConnection(parts.netloc)
        connection.request("POST", parts.path, b"{}")
        response = connection.getresponse()
        while response.read1(65536):
            begun()

    return read


READERS = {
    "chatsdk": with_chatsdk,
    "requests, read1": with_requests,
    "http.client": with_http_client,
}


def asked(what: str, name: str, url: str) -> float:
    done = subprocess.run(
        [sys.executable, str(HERE / "many_streams.py"), what, name, url],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=RUN_SECONDS,
    )
    return float(json.loads(done.stdout))


def measure(*, quick: bool = False) -> list[Row]:
    """The two rows."""
    names = [*NEEDED, *([] if quick else PEERS)]
    used: dict[str, list[float]] = {name: [] for name in names}
    with server() as url:
        for _ in range(ROUNDS):
            for name in list(used):
                try:
                    used[name].append(asked("cpu", name, url))
                except subprocess.SubprocessError as error:
                    if name in NEEDED:
                        raise
                    leave_out(name, f"{type(error).__name__} with {STREAMS} streams")
                    del used[name]
        waiting = {name: asked("waiting", name, url) / 1024 for name in READERS}
        memory = {name: asked("memory", name, url) / 1024 for name in ("chatsdk", "requests")}
    detail = {name: statistics.median(values) for name, values in used.items()}
    ratio = detail["chatsdk"] / detail["http.client"]
    return [
        Row("200 streams of 20 events a second: to http.client", ratio, 1.25, detail=detail),
        Row(
            "memory of a stream that waits in its thread, 200 on one client",
            waiting["chatsdk"],
            64,
            unit="KiB",
            detail=waiting,
            detail_unit="KiB",
        ),
        Row(
            "memory of a stream, 1,000 open",
            memory["chatsdk"],
            100,
            64,
            "KiB",
            detail=memory,
            detail_unit="KiB",
        ),
    ]


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(
            {"cpu": cpu_us, "memory": open_bytes, "waiting": waiting_bytes}[sys.argv[1]](
                sys.argv[2], sys.argv[3]
            )
        )
    else:
        show(measure())
