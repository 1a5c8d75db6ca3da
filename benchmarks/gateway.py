"""Compares the gateway with a raw pass-through and LiteLLM's proxy: python benchmarks/gateway.py.

Needs gunicorn and openai. LiteLLM is left out unless it is installed: LITELLM names its program in
a separate environment (``pip install 'litellm[proxy]==1.106.2'``).
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import requests
from relay import EVENTS, ROUNDS, SENT, answers, backend, free_port, process, tell

HERE = Path(__file__).resolve().parent

# Ticks a second in which the system counts the CPU of a process.
TICKS = os.sysconf("SC_CLK_TCK")

CONFIGURATION = """\
model_list:
  - model_name: paced
    litellm_params: {model: openai/m, api_base: "URL/v1", api_key: x}
  - model_name: burst
    litellm_params: {model: openai/m, api_base: "URL/burst/v1", api_key: x}
"""


class Contestant(NamedTuple):
    """A server between the backend and its callers.

    Attributes:
        paced, burst: the address, method and model for either kind of answer.
        pid: its process, for the burst.
    """

    paced: tuple[str, str, str]
    burst: tuple[str, str, str]
    pid: int


def gunicorn(url: str, stack: ExitStack) -> tuple[str, int]:
    """Start a worker with the pass-through and the gateway of `relay.site`."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-k", "gthread", "--threads", "8"]
    command += ["--bind", f"127.0.0.1:{port}", "--log-level", "warning", "relay:site()"]
    running = stack.enter_context(process(command, env={**os.environ, "BACKEND": url}, cwd=HERE))
    answers(port)
    return f"http://127.0.0.1:{port}", running.pid


def litellm(program: str, url: str, stack: ExitStack) -> tuple[str, int]:
    """Start LiteLLM's proxy, without a database."""
    port = free_port()
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    file = Path(folder) / "config.yaml"
    file.write_text(CONFIGURATION.replace("URL", url), "utf-8")
    command = [program, "--config", str(file), "--host", "127.0.0.1", "--port", str(port)]
    quiet = subprocess.DEVNULL
    # It ends an answer whose events are all the same, and does not start without a key.
    more = {
        "REPEATED_STREAMING_CHUNK_LIMIT": str(2 * EVENTS),
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }
    running = stack.enter_context(
        process(command, stdout=quiet, stderr=quiet, env={**os.environ, **more})
    )
    answers(port, running)
    return f"http://127.0.0.1:{port}", running.pid


def used(pid: int) -> float:
    """Seconds of CPU that a process and its children have used."""
    children = subprocess.run(
        ["ps", "--ppid", str(pid), "-o", "pid="], capture_output=True, text=True, check=False
    )
    total = 0
    for one in [str(pid), *children.stdout.split()]:
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def opened(address: tuple[str, str, str]) -> requests.Response:
    """Ask for an answer."""
    url, method, model = address
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    response = requests.request(method, url, json=body, stream=True, timeout=300)
    assert response.status_code == 200, response.text
    return response


def read(address: tuple[str, str, str]) -> None:
    """Read a whole answer."""
    end = b""
    with opened(address) as response:
        for piece in response.raw.stream(65536):
            end = (end + piece)[-64:]
    assert b"[DONE]" in end, end


def first_frame(contestant: Contestant) -> float:
    """Milliseconds to the first frame, the median of a few answers."""
    taken = []
    for _ in range(4 * ROUNDS):
        begun = time.monotonic()
        with opened(contestant.paced) as response:
            for line in response.raw:
                if SENT.search(line):
                    taken.append((time.monotonic() - begun) * 1e3)
                    break
    return statistics.median(taken)


def cost(contestant: Contestant) -> float:
    """Microseconds of CPU of the server for an event."""
    # The first answer is not counted: modules are loaded, connections made.
    with opened(contestant.paced) as response:
        next(iter(response.raw))
    before = used(contestant.pid)
    read(contestant.burst)
    return (used(contestant.pid) - before) / EVENTS * 1e6


def main() -> None:
    """Measure, and print each figure with its limit."""
    ours, theirs = multiprocessing.Pipe()
    multiprocessing.Process(target=backend, args=(theirs,), daemon=True).start()
    url = f"http://127.0.0.1:{ours.recv()}"
    contestants: dict[str, Contestant] = {}
    with ExitStack() as stack:
        paced, _ = gunicorn(url, stack)
        burst, pid = gunicorn(f"{url}/burst", stack)
        path = "/v1/chat/completions"
        contestants["pass-through"] = Contestant(
            (f"{paced}/raw", "GET", "m"), (f"{burst}/raw", "GET", "m"), pid
        )
        contestants["gateway"] = Contestant(
            (paced + path, "POST", "m"), (burst + path, "POST", "m"), pid
        )
        program = shutil.which(os.environ.get("LITELLM", "litellm"))
        if program is None:
            print("left out: LiteLLM, because it is not installed")
        else:
            other, pid = litellm(program, url, stack)
            contestants["LiteLLM"] = Contestant(
                (other + path, "POST", "paced"), (other + path, "POST", "burst"), pid
            )
        firsts = {name: first_frame(each) for name, each in contestants.items()}
        print("first frame, ms:", {name: round(v, 2) for name, v in firsts.items()}, flush=True)
        costs = {name: cost(each) for name, each in contestants.items()}
        print("CPU of an event, us:", {name: round(v, 1) for name, v in costs.items()})
    tell("gateway - pass-through, first frame, ms", firsts["gateway"] - firsts["pass-through"], 2)
    if "LiteLLM" in contestants:
        tell("gateway / LiteLLM, CPU of an event", costs["gateway"] / costs["LiteLLM"], 0.2)


if __name__ == "__main__":
    main()
