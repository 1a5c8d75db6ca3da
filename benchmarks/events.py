"""CPU an event: the floor, chatsdk and its peers, for every way in which events arrive.

``python events.py [--instructions] [--quick]``
"""

from __future__ import annotations

import argparse
import sys

from measuring import Row, costs, instructions, present, server, show, started

EVENTS = 20_000

FRAMINGS = {
    "own": "own sends",
    "coalesced": "coalesced sends",
    "large": "64 KiB chunks",
    "close": "close-delimited",
    "gzip": "gzip",
}

# They take as long for an event as chatsdk for fifty, so they get fewer.
SLOW_EVENTS = 4_000

PEERS = ("sseclient-py", "requests-sse", "httpx-sse", "launchdarkly-eventsource")
SLOW = {"openai": ("openai",), "anthropic": ("anthropic",)}

# The jobs whose instructions are counted, and their limits relative to the floor. Padded frames do
# not differ in their text alone.
COUNTED = (("openai", 1.10, 0.90), ("anthropic", 1.3, 1.0), ("padded", 1.10, 0.90))

# Event counts whose difference gives the instructions of one event, clear of start-up.
FEW, MANY = 1_000, 5_000


def measure(*, quick: bool = False) -> list[Row]:
    """The rows about events, openai's frames and anthropic's."""
    rows = []
    with server() as url:
        for kind, must, aim in (("openai", 1.10, 0.90), ("anthropic", 1.3, 1.0)):
            names = ["floor", "chatsdk", "iter_lines"]
            peers = [] if quick else [*PEERS, *SLOW[kind]]
            with started([*names, *peers]) as contestants:
                warm = present(contestants, f"{url}/coalesced/{kind}/200", kind)
                fast = [each for each in warm if each.name not in SLOW[kind]]
                slow = [each for each in warm if each.name in SLOW[kind]]
                for framing, words in FRAMINGS.items():
                    found = costs(fast, f"{url}/{framing}/{kind}/{EVENTS}", kind)
                    found |= costs(slow, f"{url}/{framing}/{kind}/{SLOW_EVENTS}", kind)
                    what = f"{kind} frames, {words}"
                    ours = found["chatsdk"]
                    rows.append(Row(f"{what}: to the floor", ours / found["floor"], must, aim))
                    rows[-1].detail = found
                    if kind == "openai":
                        ratio = ours / found["iter_lines"]
                        rows.append(Row(f"{what}: to the iter_lines loop", ratio, 0.85, 0.65))
    return rows


def measure_instructions() -> list[Row]:
    """The same in instructions, which noise does not touch; needs valgrind."""
    rows = []
    with server() as url:
        for kind, must, aim in COUNTED:
            for framing in ("coalesced", "large", "close", "gzip"):
                found = {
                    name: instructions(name, f"{url}/{framing}/{kind}", kind, few=FEW, many=MANY)
                    for name in ("floor", "chatsdk", "iter_lines")
                }
                what = f"{kind} frames, {FRAMINGS[framing]}: to the floor, in instructions"
                ratio = found["chatsdk"] / found["floor"]
                detail_unit = "instructions an event"
                rows.append(Row(what, ratio, must, aim, detail=found, detail_unit=detail_unit))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instructions", action="store_true", help="count them, with valgrind")
    parser.add_argument("--quick", action="store_true", help="without the peers")
    options = parser.parse_args()
    if options.instructions:
        show(measure_instructions())
    else:
        show(measure(quick=options.quick))


if __name__ == "__main__":
    sys.exit(main())
