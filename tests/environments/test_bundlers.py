"""Bundlers: a program finds every dialect without flags or hooks."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipapp
from pathlib import Path

import pytest
from backend import TEXT
from rows import Row

import chatsdk
from chatsdk import dialects

TRIED = "every dialect, an answer, a session"
ROWS = [
    Row("PyInstaller", ("pyinstaller",), TRIED),
    Row("cx_Freeze", ("cx_Freeze",), TRIED),
    Row("zipapp", (), TRIED),
    Row("Nuitka", ("nuitka",), "the C of every dialect is generated; the C is not compiled"),
]

PROGRAM = Path(__file__).parent / "programs" / "bundled.py"
PACKAGES = (
    "attr",
    "attrs",
    "chatsdk",
    "requests",
    "urllib3",
    "charset_normalizer",
    "idna",
    "certifi",
    "sseclient",
)

# Seconds for a bundler on a machine that does other things, too.
BUILD_SECONDS = 900


@pytest.fixture
def expected(backend) -> str:
    """Return the program's output."""
    return f"{len(dialects.names())}\n{TEXT}\n{TEXT}"


def built(folder: Path, *command: str, **variables: str) -> None:
    """Run a bundler."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]


def run(*command: str | Path) -> str:
    """Run a bundle outside the environment that it was built in."""
    variables = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        command, env=variables, cwd="/", capture_output=True, text=True, timeout=120
    )
    return (done.stdout + done.stderr).strip()


@pytest.mark.timeout(BUILD_SECONDS)
def test_pyinstaller(backend, expected, tmp_path):
    """One command, no flags but where to put the files."""
    shutil.copy(PROGRAM, tmp_path / "app.py")
    built(tmp_path, "PyInstaller", "--log-level=WARN", "app.py")
    assert run(tmp_path / "dist" / "app" / "app", backend.url) == expected


@pytest.mark.timeout(BUILD_SECONDS)
def test_cx_freeze(backend, expected, tmp_path):
    """One command, no flags but where to put the files."""
    shutil.copy(PROGRAM, tmp_path / "app.py")
    built(tmp_path, "cx_Freeze", "build_exe", "--script", "app.py", "--build-exe=dist")
    assert run(tmp_path / "dist" / "app", backend.url) == expected


def test_zipapp(backend, expected, tmp_path):
    """A zip file with the packages in it."""
    source = tmp_path / "source"
    source.mkdir()
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        if origin.name == "__init__.py":
            ignored = shutil.ignore_patterns("__pycache__", "*.so")
            shutil.copytree(origin.parent, source / name, ignore=ignored)
        else:
            shutil.copy(origin, source)
    shutil.copy(PROGRAM, source / "__main__.py")
    zipapp.create_archive(source, tmp_path / "app.pyz")
    # No site-packages: everything has to come from the zip file.
    assert run(sys.executable, "-I", "-S", tmp_path / "app.pyz", backend.url) == expected


@pytest.mark.timeout(BUILD_SECONDS)
def test_nuitka(tmp_path):
    """Its C has a file for every dialect. Other packages and the edges are left out, for time."""
    shutil.copy(PROGRAM, tmp_path / "app.py")
    packages = [name for name in PACKAGES if name != "chatsdk"]
    packages += [
        "asyncio",
        "cattrs",
        "ddtrace",
        "django",
        "flask",
        "jiter",
        "opentelemetry",
        "orjson",
        "pydantic",
    ]
    packages += [
        "redis",
        "rich",
        "prompt_toolkit",
        "setuptools",
        "starlette",
        "tkinter",
        "tqdm",
        "unittest",
    ]
    edges = ["cli", "doctor", "recording", "telemetry", "testing", "web", "windows"]
    others = ",".join([*packages, "werkzeug", *(f"chatsdk.{name}" for name in edges)])
    built(
        tmp_path,
        "nuitka",
        "--mode=standalone",
        "--generate-c-only",
        "--follow-imports",
        f"--nofollow-import-to={others}",
        "app.py",
        PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    )
    made = {path.name for path in (tmp_path / "app.build").glob("module.*.c")}
    folder = Path(chatsdk.__file__).parent / "dialects" / "backends"
    names = [
        ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
        for path in folder.rglob("*.py")
    ]
    needed = {f"module.chatsdk.dialects.backends.{name}.c" for name in names if name != "__init__"}
    assert needed - made == set()
