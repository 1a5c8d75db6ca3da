"""The cost of a relay, a gateway and the journals: python benchmarks/relay.py.

Needs gunicorn, openai, redis and a redis-server. Each figure is a ratio or a difference between
contestants that took turns in the same run.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests
from openai import OpenAI

from chatsdk import ChatClient
from chatsdk.web import Gateway, MemoryJournal, RedisJournal, relay
from chatsdk.web import flask as chatsdk_flask

EVENTS = 20_000
ROUNDS = 5
CHATS = 200
FOLLOWERS = 50
# Events a second of each chat, and seconds.
PACE, SECONDS = 20, 5

TEXT = "word " * 4

# The moment at which an event was written, in its text.
SENT = re.compile(rb"(\d{10,}) word")


def event(text: str, finish: str | None = None) -> bytes:
    """An event of OpenAI's, about 180 bytes."""
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}
    known = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"data: " + json.dumps({**known, "choices": [choice]}).encode() + b"\n\n"


END = event("", "stop") + b"data: [DONE]\n\n"


def backend(ready: Any) -> None:
    """A backend: a burst of events for `/burst`, events with the time in them for the rest."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    ready.send(listening.getsockname()[1])
    burst = event(TEXT) * EVENTS + END

    def serve(connection: socket.socket) -> None:
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += connection.recv(65536)
        head, _, body = asked.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
        while len(body) < length:
            body += connection.recv(65536)
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        )
        try:
            if b"/burst" in head:
                connection.sendall(burst)
            else:
                for _ in range(PACE * SECONDS):
                    connection.sendall(event(f"{time.monotonic_ns()} " + TEXT))
                    time.sleep(1 / PACE)
                connection.sendall(END)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        except OSError:
            pass
        connection.close()

    while True:
        threading.Thread(target=serve, args=listening.accept()[:1], daemon=True).start()


def site() -> Any:
    """The three contestants for the delay, as a Flask application."""
    import flask

    url = os.environ["BACKEND"]
    client = ChatClient(f"{url}/v1/chat/completions", dialect="openai")
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=CHATS))
    app = flask.Flask("benchmark")
    kind = "text/event-stream"

    @app.get("/relay")
    def relayed() -> Any:
        return chatsdk_flask.stream_response(client.ask("Hi"), dialect="vercel")

    @app.get("/raw")
    def raw() -> Any:
        found = session.post(f"{url}/v1/chat/completions", json={"messages": []}, stream=True)
        return flask.Response(iter(lambda: found.raw.read1(65536), b""), content_type=kind)

    inner, gateway = app.wsgi_app, Gateway(client)

    def both(environ: Any, start: Any) -> Any:
        return (gateway if environ["PATH_INFO"].startswith("/v1/") else inner)(environ, start)

    app.wsgi_app = both  # type: ignore[method-assign]
    return app


def cpu(work: Callable[[], Any]) -> float:
    """Microseconds of CPU for an event."""
    begun = time.process_time()
    work()
    return (time.process_time() - begun) / EVENTS * 1e6


def relay_cpu(url: str) -> None:
    """The CPU of a relay, compared with `client.send` alone and with hand-written views."""
    client = ChatClient(f"{url}/burst/v1/chat/completions", dialect="openai")
    openai = OpenAI(base_url=f"{url}/burst/v1", api_key="x")

    def frame(text: str) -> bytes:
        return f"data: {json.dumps({'type': 'text-delta', 'id': 't', 'delta': text})}\n\n".encode()

    def send() -> None:
        for _ in client.send({"messages": []}):
            pass

    def relayed() -> None:
        for _ in relay(client.send({"messages": []}), dialect="vercel"):
            pass

    def deltas() -> None:
        for text in client.send({"messages": []}).deltas():
            frame(text)

    def by_hand() -> None:
        for chunk in openai.chat.completions.create(model="m", messages=[], stream=True):
            if chunk.choices[0].delta.content:
                frame(chunk.choices[0].delta.content)

    taken: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for work in (send, relayed, deltas, by_hand):
            taken.setdefault(work.__name__, []).append(cpu(work))
    found = {name: statistics.median(values) for name, values in taken.items()}
    print("CPU of an event, us:", {name: round(value, 1) for name, value in found.items()})
    tell("relay / client.send", found["relayed"] / found["send"], 1.6)
    tell("relay / openai-python by hand", found["relayed"] / found["by_hand"], 1 / 3)
    tell("relay / stream.deltas() by hand", found["relayed"] / found["deltas"], 4)


def delays(url: str, method: str, out: list[float], first: list[float]) -> None:
    """Read one paced answer; add the delay of each event, and the time to the first, in ms."""
    begun = time.monotonic_ns()
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    response = requests.request(method, url, json=body, stream=True, timeout=60)
    for line in response.raw:
        now = time.monotonic_ns()
        for written in SENT.findall(line):
            if not first:
                first.append((now - begun) / 1e6)
            out.append((now - int(written)) / 1e6)


def delay(url: str, server: subprocess.Popen[bytes]) -> None:
    """The delay of events through gunicorn, alone and with 200 chats at once."""
    medians: dict[str, float] = {}
    firsts: dict[str, float] = {}
    for name, path in (("raw", "/raw"), ("relay", "/relay"), ("gateway", "/v1/chat/completions")):
        method = "POST" if name == "gateway" else "GET"
        every: list[float] = []
        begins: list[float] = []
        for _ in range(3):
            first: list[float] = []
            delays(url + path, method, every, first)
            begins += first
        medians[name] = statistics.median(every)
        firsts[name] = statistics.median(begins)
    print("delay p50, ms:", {name: round(value, 2) for name, value in medians.items()})
    print("first frame, ms:", {name: round(value, 2) for name, value in firsts.items()})
    tell("relay - raw, p50, ms", medians["relay"] - medians["raw"], 1)
    tell("gateway - raw, first frame, ms", firsts["gateway"] - firsts["raw"], 2)

    before = memory(server.pid)
    every = []
    threads = [
        threading.Thread(target=delays, args=(f"{url}/relay", "GET", every, [0.0]))
        for _ in range(CHATS)
    ]
    for thread in threads:
        thread.start()
    time.sleep(SECONDS / 2)
    used = (memory(server.pid) - before) / CHATS
    for thread in threads:
        thread.join()
    every.sort()
    assert len(every) == CHATS * PACE * SECONDS
    tell(f"{CHATS} chats: p99 of the delay, ms", every[int(len(every) * 0.99)], 50)
    tell(f"{CHATS} chats: KiB a chat", used, 120)


def memory(pid: int) -> float:
    """KiB that the workers of gunicorn hold."""
    children = subprocess.run(
        ["ps", "--ppid", str(pid), "-o", "rss="], capture_output=True, text=True, check=True
    )
    return sum(map(int, children.stdout.split()))


def journals(redis_url: str) -> None:
    """The CPU of the journals, and how soon a turn of 10,000 frames is resumed."""
    made: dict[str, Any] = {"memory": MemoryJournal(), "redis": RedisJournal(redis_url)}
    taken: dict[str, list[float]] = {name: [] for name in made}
    resumed: list[float] = []

    def write(journal: Any, chat: str, count: int) -> None:
        turn = journal.begin(chat)
        follow = journal.follow(chat, heartbeat=15.0)
        for number in range(count):
            turn.append(b'data: {"type": "text-delta", "id": "text-1", "delta": "%d"}\n\n' % number)
        turn.end()
        assert sum(entry is not None for entry in follow) == count

    for number in range(ROUNDS):
        for name, journal in made.items():
            taken[name].append(cpu(lambda j=journal, n=number: write(j, f"c{n}", EVENTS)))  # type: ignore[misc]
        write(made["redis"], f"r{number}", 10_000)
        begun = time.perf_counter()
        found = made["redis"].follow(f"r{number}", heartbeat=15.0)
        assert sum(entry is not None for entry in found) == 10_000
        resumed.append((time.perf_counter() - begun) * 1e3)
    cost = {name: statistics.median(values) for name, values in taken.items()}
    print("CPU of a frame, us:", {name: round(value, 1) for name, value in cost.items()})
    tell("Redis / memory, CPU", cost["redis"] / cost["memory"], 3)
    tell("resuming 10,000 frames, ms", statistics.median(resumed), 150)
    made["redis"].close()


def follow(redis_url: str, chat: str, ready: Any) -> None:
    """Follow a turn many times, in a separate process."""
    journal = RedisJournal(redis_url)
    begun = threading.Semaphore(0)

    def one() -> None:
        for number, _ in enumerate(journal.follow(chat, heartbeat=15.0) or ()):
            if not number:
                begun.release()

    threads = [threading.Thread(target=one) for _ in range(FOLLOWERS)]
    for thread in threads:
        thread.start()
    for _ in threads:
        begun.acquire()
    ready.send(True)
    for thread in threads:
        thread.join()
    journal.close()


def followers(redis_url: str) -> None:
    """The CPU of the worker that reads a turn, with many followers elsewhere and with none."""
    journal = RedisJournal(redis_url)
    taken: dict[str, list[float]] = {"none": [], "many": []}
    for number in range(ROUNDS):
        for name, found in taken.items():
            chat = f"{name}{number}"
            turn = journal.begin(chat)
            turn.append(b"first")
            ours, theirs = multiprocessing.Pipe()
            other = multiprocessing.Process(target=follow, args=(redis_url, chat, theirs))
            if name == "many":
                other.start()
                ours.recv()
            begun = time.process_time()
            for place in range(PACE * SECONDS):
                turn.append(
                    b'data: {"type": "text-delta", "id": "text-1", "delta": "%d"}\n\n' % place
                )
                time.sleep(1 / PACE / 5)
            found.append(time.process_time() - begun)
            turn.end()
            if name == "many":
                other.join()
    ratio = statistics.median(taken["many"]) / statistics.median(taken["none"])
    tell(f"{FOLLOWERS} followers / none, CPU of the reading worker", ratio, 1.1)
    journal.close()


def tell(what: str, value: float, limit: float) -> None:
    """Print a figure and whether it is within its limit."""
    said = "ok" if value <= limit else "MISSED"
    print(f"  {what}: {value:.2f} (at most {limit:.2f}) {said}", flush=True)


@contextmanager
def process(command: list[str], **how: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends."""
    running = subprocess.Popen(command, **how)
    try:
        yield running
    finally:
        running.terminate()
        running.wait(30)


def answers(port: int, running: subprocess.Popen[bytes] | None = None) -> None:
    """Wait until a port is listened at, by a process that has not ended."""
    while running is None or running.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.02)
    raise RuntimeError(f"a program ended with {running.returncode} before it listened")


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def main() -> None:
    """Measure everything."""
    ours, theirs = multiprocessing.Pipe()
    serving = multiprocessing.Process(target=backend, args=(theirs,), daemon=True)
    serving.start()
    url = f"http://127.0.0.1:{ours.recv()}"
    relay_cpu(url)

    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-k", "gthread", "--threads", "220"]
    command += ["--bind", f"127.0.0.1:{port}", "--backlog", "512", "relay:site()"]
    here = os.path.dirname(os.path.abspath(__file__))
    with process(
        [*command, "--log-level", "warning"], env={**os.environ, "BACKEND": url}, cwd=here
    ) as server:
        answers(port)
        delay(f"http://127.0.0.1:{port}", server)

    program = shutil.which("redis-server")
    if program is None:
        print("left out: the journals, because redis-server is not installed")
        return
    port = free_port()
    with process(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        stdout=subprocess.DEVNULL,
    ):
        answers(port)
        journals(f"redis://127.0.0.1:{port}/0")
        followers(f"redis://127.0.0.1:{port}/0")


if __name__ == "__main__":
    main()
