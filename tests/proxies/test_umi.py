"""umi's development server, as shipped and cured."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from programs import examined, free_port

PACKAGE = "umi@4.4.12"

CONFIGURATION = """\
export default {
  npmClient: "npm",
  mfsu: false,
  proxy: { "/api": { target: "BACKEND", changeOrigin: true } },
};
"""


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with umi; CHATSDK_UMI_MODULES names one that is there already."""
    if found := os.environ.get("CHATSDK_UMI_MODULES"):
        return Path(found)
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("umi")
    # 1,100 packages; none of their scripts is needed.
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", PACKAGE]
    try:
        subprocess.run(command, cwd=folder, check=True, timeout=500, capture_output=True)
    except subprocess.SubprocessError as error:
        pytest.skip(f"npm could not install {PACKAGE}: {error}")
    return folder / "node_modules"


def umi(run, modules: Path, backend, **environment: str) -> str:
    """Start `umi dev` for a project with one page."""
    port = free_port()
    project = modules.parent / f"project-{port}"
    pages = project / "src" / "pages"
    pages.mkdir(parents=True)
    (pages / "index.jsx").write_text("export default () => <p>page</p>;\n")
    (project / "package.json").write_text('{"name": "project", "private": true}\n')
    (project / ".umirc.js").write_text(CONFIGURATION.replace("BACKEND", backend.url))
    command = ["node", str(modules / "umi" / "bin" / "umi.js"), "dev"]
    named = {"PORT": str(port), "HOST": "127.0.0.1", "BROWSER": "none", **environment}
    return run(command, port, cwd=project, env=named) + "/api"


@pytest.mark.timeout(1000)
def test_umi(run, modules: Path, backend) -> None:
    """umi as shipped does not flush; its environment variable is the cure."""
    report = examined(umi(run, modules, backend), "streams", "compression-not-flushed: umi")
    assert "UMI_DEV_SERVER_COMPRESS=none" in report.findings[0].remedy
    examined(umi(run, modules, backend, UMI_DEV_SERVER_COMPRESS="none"))
