"""CPU of importing chatsdk and making a client, against requests and a session."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

from measuring import Row, counted, leave_out, show

ROUNDS = 15

PROGRAMS = {
    "python alone": "pass",
    "requests": "import requests; requests.Session()",
    "chatsdk": "from chatsdk import ChatClient; ChatClient('http://127.0.0.1:1/')",
    "httpx": "import httpx; httpx.Client()",
    "ragflow-sdk": "import ragflow_sdk",
    "openai": "import openai; openai.OpenAI(api_key='none')",
    "anthropic": "import anthropic; anthropic.Anthropic(api_key='none')",
}

# Programs of which even a quick look needs the figure.
NEEDED = ("python alone", "requests", "chatsdk")


# Modules are read compiled, as wherever a program runs for the second time; and the order in which
# sets are walked is the same in each run.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {
    "PYTHONHASHSEED": "0"
}

# The programs run here, because in the checkout or in this folder they would import from it.
FOLDER = Path(os.__file__).parent


def cpu_ms(code: str) -> float | None:
    """CPU of a process that runs `code`, in ms; ``None`` if it failed."""
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=ENVIRONMENT, cwd=FOLDER, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = status
    return None if status else (used.ru_utime + used.ru_stime) * 1000


def measure(*, quick: bool = False) -> list[Row]:
    """Two rows: whole processes, and without what an empty Python takes."""
    found: dict[str, list[float]] = {}
    programs = []
    for name, code in PROGRAMS.items():
        if name not in NEEDED and quick:
            continue
        if cpu_ms(code) is None:
            leave_out(name, "cannot be imported")
        else:
            programs.append(name)
    for _ in range(ROUNDS):
        for name in programs:
            used = cpu_ms(PROGRAMS[name])
            if used is not None:
                found.setdefault(name, []).append(used)
    detail = {name: statistics.median(values) for name, values in found.items()}
    bare = detail["python alone"]
    ratio = detail["chatsdk"] / detail["requests"]
    without = (detail["chatsdk"] - bare) / (detail["requests"] - bare)
    return [
        Row(
            "import and a client: to requests and a session",
            ratio,
            1.30,
            1.15,
            detail=detail,
            detail_unit="ms",
        ),
        Row("the same without the start of Python", without, 1.30, 1.15),
    ]


def measure_instructions() -> list[Row]:
    """The same in instructions, which noise does not touch; needs valgrind."""
    detail: dict[str, float] = {}
    for name in NEEDED:
        command = [sys.executable, "-c", PROGRAMS[name]]
        subprocess.run(command, env=ENVIRONMENT, cwd=FOLDER, check=True)
        detail[name] = counted(command, env=ENVIRONMENT, cwd=FOLDER) / 1e6
    ratio = detail["chatsdk"] / detail["requests"]
    what = "import and a client: to requests and a session, in instructions"
    return [Row(what, ratio, 1.30, 1.15, detail=detail, detail_unit="million instructions")]


if __name__ == "__main__":
    show(measure())
