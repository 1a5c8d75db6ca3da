"""How long after its sending an event is handed on, where events come 5 ms apart."""

from __future__ import annotations

import statistics

from measuring import Row, leave_out, present, server, show, started

EVENTS = 200

ROUNDS = 5

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
            delays: dict[str, list[float]] = {each.name: [] for each in contestants}
            for _ in range(ROUNDS):
                for each in contestants:
                    said = each.run(f"{url}/{framing}/stamped/{EVENTS}", "stamped")
                    if "delays" in said:
                        delays[each.name] += [delay / 1000 for delay in said["delays"]]
                    else:
                        leave_out(each.name, said["failed"])
            for name, must, get in (
                ("p50", 1.3, statistics.median),
                ("p99", 1.5, lambda values: percentile(values, 0.99)),
            ):
                found = {each: get(values) for each, values in delays.items() if values}
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
