"""Print what a body gives, in the shape of a transcript's JSON: show.py DIALECT FILE [TYPE]."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from reading import as_facts, read

from chatsdk import dialects


def main(name: str, path: str, content_type: str = "text/event-stream") -> None:
    reading = read(dialects.get(name), [Path(path).read_bytes()], content_type)
    auto = read(dialects.get("auto"), [Path(path).read_bytes()], content_type)
    facts = {
        "dialect": name,
        "content_type": content_type,
        "auto": auto.dialect,
        "source": "composed after ",
        "answer": as_facts(reading.answer),
        "deltas": reading.deltas,
        "end": reading.end,
        "error": reading.error,
    }
    print(json.dumps(facts, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main(*sys.argv[1:])
