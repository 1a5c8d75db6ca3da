"""Many streams at once: CPU of 200 of them in threads, memory of 1,000 open ones."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from contestants import CONTESTANTS
from measuring import HERE, RUN_SECONDS, Row, leave_out, server, show

STREAMS = 200

# Events of each stream, 20 a second: what differs between the two is not the making of 200
# connections.
FEW, MANY = 20, 120

OPEN_STREAMS = 1_000

ROUNDS = 5

# Without them there is no ratio.
NEEDED = ("http.client", "chatsdk")
PEERS = ("iter_lines", "sseclient-py", "requests-sse", "httpx-sse")


def cpu_us(name: str, url: str) -> float:
    """CPU an event of so many streams, each read on a thread of its own."""
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
        memory = {name: asked("memory", name, url) / 1024 for name in ("chatsdk", "requests")}
    detail = {name: statistics.median(values) for name, values in used.items()}
    ratio = detail["chatsdk"] / detail["http.client"]
    return [
        Row("200 streams of 20 events a second: to http.client", ratio, 1.5, 1.3, detail=detail),
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
        print({"cpu": cpu_us, "memory": open_bytes}[sys.argv[1]](sys.argv[2], sys.argv[3]))
    else:
        show(measure())
