"""Long answers: `answer.text` at each event, and the memory of every step that is kept."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc

from measuring import HERE, Row, costs, present, server, show, started

FEW, MANY = 10_000, 200_000

ROUNDS = 5


def kept_bytes(url: str) -> float:
    """Memory of a step without its payload, in bytes, if every `Answer` is kept."""
    from chatsdk import ChatClient

    with ChatClient(f"{url}/coalesced/openai/100", dialect="openai") as client:
        client.send({}).result()
    tracemalloc.start()
    with ChatClient(f"{url}/coalesced/openai/{MANY}", dialect="openai") as client:
        before, _ = tracemalloc.get_traced_memory()
        kept = list(client.send({}))
        after, _ = tracemalloc.get_traced_memory()
    payloads = sum(sys.getsizeof(answer._payload) for answer in kept)
    return (after - before - payloads) / len(kept)


def measure(*, quick: bool = False) -> list[Row]:
    """The two rows."""
    name = "chatsdk, whole text"
    with server() as url:
        with started([name]) as contestants:
            present(contestants, f"{url}/coalesced/openai/200", "openai")
            found = {
                f"{count} events": costs(
                    contestants, f"{url}/coalesced/openai/{count}", "openai", rounds=ROUNDS
                )[name]
                for count in (FEW, MANY)
            }
        done = subprocess.run(
            [sys.executable, str(HERE / "long_answers.py"), "--memory", url],
            capture_output=True,
            text=True,
            check=True,
        )
    few, many = found.values()
    return [
        Row(
            f"answer.text at each event, {MANY} to {FEW} events", many / few, 1.3, 1.1, detail=found
        ),
        Row("memory of a kept step beside the payload", json.loads(done.stdout), 300, 250, "bytes"),
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--memory"]:
        print(kept_bytes(sys.argv[2]))
    else:
        show(measure())
