"""Type checkers, in their strict modes, on a user's program."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from rows import Row

ROWS = [
    Row("mypy", ("mypy",), "`--strict`: a user's program, misspelt and wrong arguments"),
    Row("pyright", ("basedpyright",), "strict, by basedpyright: a user's program"),
]

PROGRAM = Path(__file__).parent / "programs" / "typed.py"
WRONG = """\
from chatsdk import ChatClient, use_chat

ChatClient("http://h/v1/chat/completions", tokn="t")
ChatClient("http://h/v1/chat/completions", timeout="soon")
use_chat("http://h/v1/chat/completions", on_anser=print)
"""


def checked(folder: Path, *command: str) -> str:
    """Return what a type checker prints."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, timeout=300
    )
    return done.stdout


def test_mypy(tmp_path):
    """Nothing is wrong with the program, and mistakes are found in the line where they are."""
    shutil.copy(PROGRAM, tmp_path / "program.py")
    (tmp_path / "wrong.py").write_text(WRONG)
    mypy = ("mypy", "--strict", "--python-executable", sys.executable)
    # The user has types-requests or not.
    said = checked(tmp_path, *mypy, "--disable-error-code=import-untyped", "program.py")
    assert said.startswith("Success"), said
    said = checked(tmp_path, *mypy, "wrong.py")
    assert [f"wrong.py:{line}:" in said for line in (3, 4, 5)] == [True, True, True], said


def test_pyright(tmp_path):
    """Nothing is wrong with the program."""
    shutil.copy(PROGRAM, tmp_path / "program.py")
    settings = {
        "typeCheckingMode": "strict",
        "reportMissingModuleSource": "none",
        "reportMissingTypeStubs": "none",
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    said = checked(
        tmp_path, "basedpyright", "--outputjson", "--pythonpath", sys.executable, "program.py"
    )
    found = [item for item in json.loads(said)["generalDiagnostics"] if item["severity"] == "error"]
    assert [item["message"] for item in found] == []
