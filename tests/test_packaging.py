"""The wheel that users install, built from a copy of the checkout."""

from __future__ import annotations

import email
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

setuptools = pytest.importorskip("setuptools", reason="builds the wheel with setuptools")
pytest.importorskip("pip", reason="builds the wheel with pip")

REPOSITORY = Path(__file__).parent.parent

# From 70.1 on, setuptools builds wheels without a separate package for it.
pytestmark = pytest.mark.skipif(
    tuple(int(part) for part in setuptools.__version__.split(".")[:2]) < (70, 1),
    reason="needs setuptools >= 70.1 here: nothing is downloaded for a test",
)

# Files in a checkout but not under version control, by the patterns of .gitignore.
NOT_SOURCES = (".git", ".*_cache", ".tox", ".venv", ".hypothesis", "__pycache__", "*.egg-info")

# Seconds; a build takes about three.
BUILD_TIMEOUT = 100


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A checkout with a module left by an earlier build, and with packages of other projects."""
    copy = tmp_path_factory.mktemp("sources") / "checkout"
    shutil.copytree(
        REPOSITORY, copy, ignore=shutil.ignore_patterns(*NOT_SOURCES, "build", "dist", "htmlcov")
    )
    for folder in ("tests", "examples", "stray"):
        (copy / folder).mkdir(exist_ok=True)
        (copy / folder / "__init__.py").touch()
    (copy / "stray.py").touch()
    left = copy / "build" / "lib" / "chatsdk"
    left.mkdir(parents=True)
    (left / "deleted.py").touch()
    return copy


@pytest.fixture(scope="module")
def wheel(sources, tmp_path_factory):
    """The wheel, opened."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--use-pep517", "--wheel-dir", str(folder), str(sources)]
    built = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=BUILD_TIMEOUT,
    )
    assert built.returncode == 0, built.stdout
    (path,) = folder.iterdir()
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_the_wheel_holds_the_package_and_nothing_else(wheel, sources):
    """Every module of chatsdk and the mark that it is typed are in the wheel, and no other file."""
    package = {path.relative_to(sources).as_posix() for path in (sources / "chatsdk").rglob("*.py")}
    contents = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert contents == package | {"chatsdk/py.typed", "chatsdk/web/page.html"}


def test_the_wheel_brings_its_licence(wheel):
    """The licence goes where the package goes."""
    (licence,) = (name for name in wheel.namelist() if name.endswith("LICENSE"))
    assert wheel.read(licence) == (REPOSITORY / "LICENSE").read_bytes()


def test_the_wheel_says_what_it_needs(wheel):
    """It requires Python 3.10 and four packages; everything else is an extra."""
    (name,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
    metadata = email.message_from_bytes(wheel.read(name))
    requirements = metadata.get_all("Requires-Dist", [])
    needed = {line.partition(">=")[0] for line in requirements if "extra ==" not in line}
    assert metadata["Name"] == "chatsdk"
    assert metadata["Requires-Python"] == ">=3.10"
    assert needed == {"requests", "urllib3", "sseclient-py", "attrs"}


def test_the_wheel_installs_the_command(wheel):
    """`chatsdk` is a command."""
    (name,) = (name for name in wheel.namelist() if name.endswith("/entry_points.txt"))
    assert "chatsdk = chatsdk.cli:main" in wheel.read(name).decode().splitlines()


def test_what_builds_the_package_is_named():
    """pip finds the build backend in pyproject.toml, and all metadata stays in setup.cfg."""
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines == [
        "[build-system]",
        'requires = ["setuptools>=77"]',
        'build-backend = "setuptools.build_meta"',
    ]
