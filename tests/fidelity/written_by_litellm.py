"""Transcripts from LiteLLM's proxy itself: run it to write the files again.

It needs ``litellm[proxy]==1.106.2`` in a separate environment, and chatsdk for the model behind
the proxy. The ids are new each time: adapt the JSON files too.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from http.client import IncompleteRead
from pathlib import Path

from conversation import FAILING, PARTS

from chatsdk import dialects
from chatsdk.parts import Part
from chatsdk.testing import ChatServer

FOLDER = Path(__file__).parent.parent / "transcripts" / "openai"
# Seconds for the proxy to come up; it imports for most of them.
START_SECONDS = 90.0

ANSWERS: dict[str, Sequence[Part]] = {"litellm": PARTS, "litellm_failing": FAILING}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def ask(port: int) -> bytes:
    body = {"model": "tiny", "stream": True, "messages": [{"role": "user", "content": "Weather?"}]}
    body["stream_options"] = {"include_usage": True}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        try:
            return bytes(response.read())
        except IncompleteRead as cut:
            return cut.partial


def wait_for(port: int, proxy: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while proxy.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness").close()
        except urllib.error.URLError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                proxy.wait(0.2)
        else:
            return
    raise RuntimeError("the proxy did not come up")


def main() -> None:
    with ChatServer() as model, tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        params = {"model": "openai/tiny", "api_key": "none", "api_base": f"{model.url}/v1"}
        listed = [{"model_name": "tiny", "litellm_params": params}]
        # JSON is YAML.
        config.write_text(json.dumps({"model_list": listed}), encoding="utf-8")
        port = free_port()
        command = [Path(sys.executable).with_name("litellm"), "--config", config]
        command += ["--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"]
        environment = os.environ | {
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
        }
        proxy = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        try:
            wait_for(port, proxy)
            for name, parts in ANSWERS.items():
                frames = b"".join(dialects.get("openai").encode(parts))
                model.reply(200, body=frames, content_type="text/event-stream")
                (FOLDER / f"{name}.txt").write_bytes(ask(port))
        finally:
            proxy.terminate()
            proxy.wait()


if __name__ == "__main__":
    main()
