"""Measures what docs/reliability.md promises, and writes the figures into its table.

    python benchmarks/reliability.py            # print
    python benchmarks/reliability.py --write    # and put them into docs/reliability.md

Everything runs on the loopback, against the package's own test server, and is bounded. It needs
what the tests need: trustme, and for two of the bombs brotli and zstandard.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import platform
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from chatsdk import Cancel, ChatClient, ChatError, ChatTimeout, Retry, Timeout
from chatsdk.testing import ChatServer, Hang, ProxyServer, UnansweredPort

PAGE = Path(__file__).parent.parent / "docs" / "reliability.md"
MIB = 1024 * 1024
ONCE = Retry(attempts=1)
CHUNK = b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n'
HELLO = [CHUNK, b"data: [DONE]\n\n"]

# Stops for each phase: enough for a p99 that is more than the slowest one.
STOPS = 100
CYCLES = 500

# Reads one response in a separate process and prints the growth of its memory in MiB.
READER = """
import sys
from chatsdk import ChatClient, ChatError, Retry
def peak():
    # Not ru_maxrss: that counts the process that forked this one, too.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
client = ChatClient(sys.argv[1], dialect="raw", retry=Retry(attempts=1))
client.send({}).result()
before = peak()
try:
    for answer in client.send({}):
        pass
except ChatError:
    pass
print(peak() - before)
"""


@contextlib.contextmanager
def backend(prepare: Callable[[ChatServer], object], tls: bool) -> Iterator[ChatServer]:
    with ChatServer(tls=tls) as server:
        prepare(server)
        yield server


PHASES: dict[str, Callable[[ChatServer], object]] = {
    "waiting for headers": lambda server: server.silent(repeat=True),
    "dripping headers": lambda server: server.drip(part="head", interval=0.02, repeat=True),
    "flood of 100 Continue": lambda server: server.flood(
        "continue", size=MIB, interval=0.01, repeat=True
    ),
    "silent stream": lambda server: server.stream(lambda _: [CHUNK, Hang()], repeat=True),
    "dripping body": lambda server: server.drip(CHUNK * 100, interval=0.01, repeat=True),
    "flooding stream": lambda server: server.flood("events", size=500 * MIB, repeat=True),
}


def stop_times(url: str, ready: Callable[[], object], **options: object) -> list[float]:
    """Milliseconds from `Cancel.set` to the end of the thread that sends and reads."""
    times = []
    for _ in range(STOPS):
        with ChatClient(url, dialect="raw", retry=ONCE, **options) as client:  # type: ignore[arg-type]
            cancel = Cancel()
            ended: list[float] = []
            reading = threading.Thread(target=_read, args=(client, cancel, ended))
            reading.start()
            ready()
            began = time.perf_counter()
            cancel.set()
            reading.join(10)
            times.append((ended[0] - began) * 1000 if ended else float("inf"))
    return times


def _read(client: ChatClient, cancel: Cancel, ended: list[float]) -> None:
    with contextlib.suppress(ChatError):
        for _ in client.send({}, cancel=cancel):
            pass
    ended.append(time.perf_counter())


def spread(times: list[float]) -> str:
    ordered = sorted(times)
    p99 = ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))]
    return f"p50 {statistics.median(ordered):.1f} ms, p99 {p99:.1f} ms, max {ordered[-1]:.1f} ms"


def stops() -> Iterator[tuple[str, str]]:
    pause = threading.Event()
    with UnansweredPort() as port:
        yield "stop while connecting", spread(stop_times(port.url, lambda: pause.wait(0.01)))
    with ChatServer(tls=True) as server:
        for _ in range(STOPS):
            server.break_connection("half-handshake")

        numbers = itertools.count(1)

        def in_handshake() -> None:
            server.wait_for_connections(next(numbers))
            pause.wait(0.02)

        yield (
            "stop in the TLS handshake",
            spread(stop_times(server.url, in_handshake, verify=server.ca_pem)),
        )
    for tls in (False, True):
        for name, prepare in PHASES.items():
            with backend(prepare, tls) as server:
                options: dict[str, object] = {"verify": server.ca_pem} if tls else {}

                def ready(server: ChatServer = server) -> None:
                    server.wait_for_request()
                    pause.wait(0.005)

                kind = "TLS" if tls else "plain"
                yield f"stop, {name}, {kind}", spread(stop_times(server.url, ready, **options))
    for tls in (False, True):
        with ProxyServer() as proxy, backend(PHASES["waiting for headers"], tls) as server:
            options = {"proxies": {"http": proxy.url, "https": proxy.url}}
            if tls:
                options["verify"] = server.ca_pem
            how = "a CONNECT tunnel" if tls else "a forwarding proxy"
            yield (
                f"stop, waiting for headers through {how}",
                spread(stop_times(server.url, server.wait_for_request, **options)),
            )


def growth(prepare: Callable[[ChatServer], object]) -> str:
    with ChatServer() as server:
        server.stream([b"data: x\n\n"])
        prepare(server)
        done = subprocess.run(
            [sys.executable, "-c", READER, server.url],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    return f"{float(done.stdout):.1f} MiB"


def memory() -> Iterator[tuple[str, str]]:
    for encoding in ("gzip", "deflate", "br", "zstd"):
        try:
            size = growth(lambda server: server.bomb(encoding, size=200 * MIB))  # noqa: B023
        except ImportError:
            size = "not measured: its package is not installed"
        yield f"memory, 200 MiB bomb, {encoding}", size
    for kind in ("events", "comments", "line"):
        yield (
            f"memory, 60 MiB flood of {kind if kind != 'line' else 'one line'}",
            growth(lambda server: server.flood(kind, size=60 * MIB)),  # type: ignore[arg-type]  # noqa: B023
        )


def cycles(tls: bool) -> str:
    """Descriptors, threads and connections left over after many streams stopped half-way."""
    with ChatServer(tls=tls) as server:
        server.stream(lambda _: [CHUNK, Hang()], repeat=True)
        verify = server.ca_pem if tls else None
        count = CYCLES if not tls else 200
        with ChatClient(server.url, dialect="raw", verify=verify) as client:

            def once() -> None:
                stream = client.send({})
                next(stream)
                stream.stop()
                list(stream)

            once()
            server.wait_until_no_connections()
            before = (len(os.listdir("/proc/self/fd")), threading.active_count())
            for _ in range(count):
                once()
            server.wait_until_no_connections()
            after = (len(os.listdir("/proc/self/fd")), threading.active_count())
    return f"{count} cycles, {after[0] - before[0]} descriptors, {after[1] - before[1]} threads"


def totals() -> Iterator[tuple[str, str]]:
    floods = {
        "flooding stream": lambda server: server.flood("comments", size=900 * MIB),
    }
    for name, prepare in (PHASES | floods).items():
        late = []
        for _ in range(5):
            with backend(prepare, False) as server:
                began = time.monotonic()
                with ChatClient(server.url, dialect="raw", timeout=Timeout(total=0.5)) as client:
                    with contextlib.suppress(ChatTimeout):
                        client.send({}).result()
                late.append((time.monotonic() - began - 0.5) * 1000)
        yield f"total of 0.5 s, {name}", f"{max(late):.0f} ms late at most, of 5"


def measured() -> Iterator[tuple[str, str]]:
    yield from stops()
    yield from totals()
    yield from memory()
    yield "left over, plain", cycles(False)
    yield "left over, TLS", cycles(True)


def written(page: str, figures: dict[str, str]) -> str:
    """Put the figures between the markers of the page."""
    rows = "\n".join(f"| {name} | {figure} |" for name, figure in figures.items())
    machine = f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores"
    table = f"| what | measured |\n|---|---|\n{rows}\n\nMeasured with {machine}."
    return re.sub(
        r"(<!-- figures -->\n).*?(<!-- end of figures -->)",
        lambda found: f"{found[1]}{table}\n{found[2]}",
        page,
        flags=re.DOTALL,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="measure what docs/reliability.md promises")
    parser.add_argument("--write", action="store_true", help="put the figures into the page")
    write = parser.parse_args().write
    figures = {}
    for name, figure in measured():
        print(f"{name:55} {figure}", flush=True)
        figures[name] = figure
    if write:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), figures), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
