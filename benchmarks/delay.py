"""How long after its sending an event is handed on, where events come 5 ms apart."""

from __future__ import annotations

import statistics

from measuring import Row, leave_out, present, server, show, started

EVENTS = 200

ROUNDS = 7

# The share of events that are at least as quick, and the limit relative to the floor.
GOALS = {"p50": (0.5, 1.3), "p99": (0.99, 1.5)}

PEERS = ("iter_lines", "sseclient-py", "requests-sse", "httpx-sse", "openai")

FRAMINGS = {
    "paced-chunked": "chunked",
    "paced-close": "close-delimited",
    "paced-gzip": "gzip",
}


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def measure(*, quick: bool = False) -> list[Row]:
    """Two rows a framing, p50 and p99."""
    rows = []
    names = ["floor", "chatsdk", *([] if quick else PEERS)]
    with server() as url, started(names) as contestants:
        contestants = present(contestants, f"{url}/paced-chunked/stamped/5", "stamped")
        for framing, words in FRAMINGS.items():
            # For each round, because a round in which the machine stalled is worthless.
            shares: dict[str, dict[str, list[float]]] = {name: {} for name in GOALS}
            for _ in range(ROUNDS):
                for each in contestants:
                    said = each.run(f"{url}/{framing}/stamped/{EVENTS}", "stamped")
                    if "delays" not in said:
                        leave_out(each.name, said["failed"])
                        continue
                    delays = [delay / 1000 for delay in said["delays"]]
                    for name, (share, _) in GOALS.items():
                        values = shares[name].setdefault(each.name, [])
                        values.append(percentile(delays, share))
            for name, (_, must) in GOALS.items():
                found = {who: statistics.median(values) for who, values in shares[name].items()}
                rows.append(
                    Row(
                        f"delay at 5 ms, {words}, {name}: to the floor",
                        found["chatsdk"] / found["floor"],
                        must,
                        1.2,
                        detail=found,
                        detail_unit="µs of delay",
                    )
                )
    return rows


if __name__ == "__main__":
    show(measure())
