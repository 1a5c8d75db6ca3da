"""CPU for an event if each event repeats all the text before it: RAGFlow's cumulative answers."""

from __future__ import annotations

from measuring import Row, costs, present, server, show, started

EVENTS = 5_000

# An event of these takes a hundred times what a delta takes.
ROUNDS = 5


def measure(*, quick: bool = False) -> list[Row]:
    """One row."""
    names = ["floor", "chatsdk", *([] if quick else ["iter_lines", "ragflow-sdk"])]
    with server() as url, started(names) as contestants:
        found = present(contestants, f"{url}/coalesced/ragflow/50", "ragflow")
        detail = costs(found, f"{url}/own/ragflow/{EVENTS}", "ragflow", rounds=ROUNDS)
    ratio = detail["chatsdk"] / detail["floor"]
    what = f"RAGFlow's cumulative answers, {EVENTS} events: to the floor"
    return [Row(what, ratio, 1.2, 1.05, detail=detail)]


if __name__ == "__main__":
    show(measure())
