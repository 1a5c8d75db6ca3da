"""The page about environments follows from the tests that it is written from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def test_page_is_up_to_date():
    """Each environment that is tried has its row, and no other one has."""
    command = [sys.executable, str(REPOSITORY / "docs" / "make_environments.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
