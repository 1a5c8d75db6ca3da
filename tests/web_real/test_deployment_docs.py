"""The commands and settings of docs/deployment.md."""

from __future__ import annotations

import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from browser import Page, read_until, text_of, user
from servers import end, running

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "deployment.md").read_text()
COMMANDS = re.findall(
    r"`((?:gunicorn|waitress-serve|uvicorn) [^`]*(?:flask|fastapi)_site:app|uwsgi [^`]*)`", DOCS
)

CADDY = "http://127.0.0.1:{port}\nreverse_proxy {host}\n"
HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend front
    bind 127.0.0.1:{port}
    default_backend site
backend site
    server one {host}
"""
APACHE = """
ServerRoot {folder}
ServerName localhost
PidFile {folder}/pid
ErrorLog {folder}/error.log
Listen 127.0.0.1:{port}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule env_module {modules}/mod_env.so
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_http_module {modules}/mod_proxy_http.so
SetEnv proxy-sendchunked 1
ProxyPass / http://{host}/
"""
PROXIES = {
    "caddy": (CADDY, ["caddy", "run", "--adapter", "caddyfile", "--config"]),
    "haproxy": (HAPROXY, ["haproxy", "-db", "-f"]),
    "apache2": (APACHE, ["apache2", "-DFOREGROUND", "-f"]),
}


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def process(command: list[str], port: int, **how: object) -> Iterator[str]:
    """Run a program until the block ends; give its address once it listens."""
    running = subprocess.Popen(command, start_new_session=True, **how)  # type: ignore[call-overload]
    try:
        while True:
            assert running.poll() is None, f"{command[0]} ended"
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        end(running)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.split()[:3]))
def test_servers(backend, monkeypatch, command) -> None:
    """Each command of the table serves the example, and an answer streams."""
    port = free_port()
    words = shlex.split(command.replace(":8000", f":{port}"))
    words[0] = str(Path(sys.executable).parent / words[0])
    if "gunicorn" in command:
        words += ["--bind", f"127.0.0.1:{port}"]
    if "uvicorn" in command:
        words += ["--port", str(port)]
    if "waitress" in command:
        words[1:1] = ["--listen", f"127.0.0.1:{port}"]
    monkeypatch.setenv("CHAT_URL", f"{backend.url}/v1/chat/completions")
    script = backend.answer("openai")
    with process(words, port, cwd=ROOT / "examples") as url, Page(f"{url}/chat") as page:
        script.say("One")
        response = page.ask(body=user("Hi"))
        seen = read_until(response, b"One")
        script.say(" two")
        script.finish()
        assert text_of(seen + response.read()) == "One two"


@pytest.mark.parametrize("name", PROXIES)
def test_proxies(backend, djangos, tmp_path, name) -> None:
    """With the settings of the table, events arrive as they are written."""
    configuration, command = PROXIES[name]
    program = shutil.which(command[0]) or shutil.which(command[0], path="/usr/sbin")
    if program is None:
        pytest.skip(f"{name} is not installed")
    with running("gthread", backend.url, djangos, HEARTBEAT=0.2) as site:
        port = free_port()
        file = tmp_path / "configuration"
        file.write_text(
            configuration.format(
                port=port,
                host=site.partition("//")[2],
                folder=tmp_path,
                modules="/usr/lib/apache2/modules",
            )
        )
        with process([program, *command[1:], str(file)], port) as proxy, Page(proxy) as page:
            script = backend.answer("openai")
            response = page.ask("POST", "/api/chat", user("Hi"))
            for word in ("One", "two", "three"):
                script.say(word)
                read_until(response, word.encode())
            script.finish()
            assert response.read().endswith(b"data: [DONE]\n\n")
