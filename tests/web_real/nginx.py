"""A real nginx in front of a site, with its defaults."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    gzip on;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass {site};
{directives}
        }}
    }}
}}
"""

HOST = "            proxy_set_header Host $http_host;\n"


@contextmanager
def proxied(site: str, folder: Path, directives: str = HOST) -> Iterator[str]:
    """Run nginx in front of a site, and give its address."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.fail("nginx is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    file = folder / "nginx.conf"
    file.write_text(
        CONFIGURATION.format(folder=folder, port=port, site=site, directives=directives)
    )
    # Root's nginx would give its work to another user, who may not read the test's folder.
    user = ["-g", "user root;"] if Path("/proc/self").stat().st_uid == 0 else []
    process = subprocess.Popen([program, "-c", str(file), "-e", str(folder / "error.log"), *user])
    try:
        _wait_for(port, process, folder)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except ConnectionRefusedError:
            try:
                process.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
            pytest.fail((folder / "error.log").read_text())
