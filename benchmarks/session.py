"""CPU an event through `ChatSession` with one callback, against `client.send`."""

from __future__ import annotations

from events import FRAMINGS
from measuring import Row, costs, present, server, show, started

EVENTS = 20_000


def measure(*, quick: bool = False) -> list[Row]:
    """The row, for coalesced sends and for 64 KiB chunks."""
    rows = []
    with server() as url, started(["chatsdk", "ChatSession"]) as contestants:
        present(contestants, f"{url}/coalesced/openai/200", "openai")
        for framing in ("coalesced", "large"):
            found = costs(contestants, f"{url}/{framing}/openai/{EVENTS}", "openai")
            what = f"ChatSession with one callback, {FRAMINGS[framing]}: to client.send"
            ratio = found["ChatSession"] / found["chatsdk"]
            rows.append(Row(what, ratio, 1.25, 1.10, detail=found))
    return rows


if __name__ == "__main__":
    show(measure())
