"""The clients that are compared, by name.

Run as ``python contestants.py NAME``, this is one of them in a separate process: it takes a job a
line from its standard input, ``{"url", "kind"}``, and answers with what it cost.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any
from urllib.parse import urlsplit

import ours
import peers
from contract import Contestant
from floor import floor

CONTESTANTS: dict[str, Contestant] = {
    "floor": floor,
    "chatsdk": ours.chatsdk,
    "chatsdk, whole text": ours.chatsdk_text,
    "ChatSession": ours.chat_session,
    "iter_lines": peers.iter_lines,
    "http.client": peers.http_client,
    "sseclient-py": peers.sseclient_py,
    "requests-sse": peers.requests_sse,
    "httpx-sse": peers.httpx_sse,
    "openai": peers.openai,
    "anthropic": peers.anthropic,
    "launchdarkly-eventsource": peers.launchdarkly,
    "ragflow-sdk": peers.ragflow_sdk,
}


class Delays(list[int]):
    """Notes how long ago the event was sent whose text is the time of its sending."""

    def append(self, text: Any) -> None:
        if text:
            super().append(time.monotonic_ns() - int(text))


def cost(run: Contestant, url: str, kind: str) -> dict[str, Any]:
    out: Any = Delays() if kind == "stamped" else []
    before = time.process_time()
    run(url, kind, out)
    spent = time.process_time() - before
    events = len(out) if kind == "stamped" else sum(map(bool, out))
    if not events:
        return {"failed": f"read no text at {urlsplit(url).path}"}
    return {"cpu": spent, "events": events, "delays": out if kind == "stamped" else []}


def main() -> None:
    run = CONTESTANTS[sys.argv[1]]
    for line in sys.stdin:
        job = json.loads(line)
        try:
            said = cost(run, job["url"], job["kind"])
        except ImportError as error:
            said = {"missing": str(error)}
        except Exception as error:
            # launchdarkly-eventsource, for one, does not read gzip.
            said = {"failed": f"{type(error).__name__} at {urlsplit(job['url']).path}"}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
