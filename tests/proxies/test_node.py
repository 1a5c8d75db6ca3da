"""webpack-dev-server, Vite and Express with compression, as shipped and cured."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from programs import examined, free_port

PACKAGES = [
    *("express@5", "compression@1", "http-proxy-middleware@3"),
    *("webpack@5", "webpack-cli@6", "webpack-dev-server@5", "vite@6"),
]

EXPRESS = """\
const express = require("express");
const compression = require("compression");
const { createProxyMiddleware } = require("http-proxy-middleware");
const app = express();
app.use(compression(OPTIONS));
app.use(createProxyMiddleware({ target: "BACKEND" }));
app.listen(PORT, "127.0.0.1");
"""

LEAVE_STREAMS = """{
  filter: (req, res) => !/event-stream/.test(res.getHeader("Content-Type"))
    && compression.filter(req, res),
}"""

WEBPACK = """\
module.exports = {
  mode: "development",
  entry: "./entry.js",
  devServer: {
    host: "127.0.0.1", port: PORT, MORE
    proxy: [{ context: ["/api"], target: "BACKEND" }],
  },
};
"""

VITE = """\
export default { server: { host: "127.0.0.1", port: PORT, proxy: { "/api": "BACKEND" } } };
"""


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the packages; CHATSDK_NODE_MODULES names one that is there already."""
    if found := os.environ.get("CHATSDK_NODE_MODULES"):
        return Path(found)
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("node")
    subprocess.run(
        ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", *PACKAGES],
        cwd=folder,
        check=True,
        timeout=600,
        capture_output=True,
    )
    return folder / "node_modules"


def started(run, modules: Path, command: list[str], port: int, files: dict[str, str]) -> str:
    """Start a program of Node whose packages are in `modules`."""
    folder = modules.parent / f"program-{port}"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return run(["node", *command], port, cwd=folder)


def express(run, modules: Path, backend, options: str) -> str:
    port = free_port()
    text = EXPRESS.replace("BACKEND", backend.url).replace("PORT", str(port))
    return started(run, modules, ["main.js"], port, {"main.js": text.replace("OPTIONS", options)})


def webpack(run, modules: Path, backend, more: str) -> str:
    port = free_port()
    text = WEBPACK.replace("BACKEND", backend.url).replace("PORT", str(port))
    files = {"webpack.config.js": text.replace("MORE", more), "entry.js": ""}
    command = [str(modules / "webpack-cli" / "bin" / "cli.js"), "serve"]
    return started(run, modules, command, port, files) + "/api"


def test_express(run, modules: Path, backend) -> None:
    """Express with compression does not flush; a filter is the cure."""
    url = express(run, modules, backend, "")
    report = examined(url, "streams", "compression-not-flushed: express-compression")
    assert "webpack-dev-server" in report.findings[0].what
    examined(express(run, modules, backend, LEAVE_STREAMS))


def test_webpack_dev_server(run, modules: Path, backend) -> None:
    """webpack-dev-server as shipped does not flush; its option is the cure."""
    url = webpack(run, modules, backend, "")
    report = examined(url, "streams", "compression-not-flushed")
    assert report.findings[0].culprit in ("webpack-dev-server", "express-compression")
    assert "compress: false" in report.findings[0].remedy
    examined(webpack(run, modules, backend, "compress: false,"))


def test_webpack_dev_server_cured_by_the_backend(run, modules: Path, backend) -> None:
    """So does `Cache-Control: no-transform` of the backend."""
    backend.at_pace("12 x 200 ms", headers={"Cache-Control": "no-transform"})
    examined(webpack(run, modules, backend, ""))


def test_vite(run, modules: Path, backend) -> None:
    """Vite as shipped streams."""
    port = free_port()
    text = VITE.replace("BACKEND", backend.url).replace("PORT", str(port))
    command = [str(modules / "vite" / "bin" / "vite.js")]
    url = started(run, modules, command, port, {"vite.config.mjs": text})
    examined(url + "/api")
