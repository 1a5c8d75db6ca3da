"""Runs the tests once per Python version: `coverage` has already tested the default Python."""

from __future__ import annotations

import re
from typing import Any

from tox.plugin import impl
from tox.tox_env.errors import Skip

# (major, minor) of each Python with which `coverage` has passed in this run of tox.
_passed: set[tuple[int, int]] = set()


def _version(tox_env: Any) -> tuple[int, int]:
    info = tox_env.base_python.version_info
    return info.major, info.minor


def _skip_if_passed(tox_env: Any) -> None:
    if re.fullmatch(r"py3\d+", tox_env.name) and _version(tox_env) in _passed:
        raise Skip("`coverage` has just passed with the same Python version")


@impl
def tox_on_install(tox_env: Any, arguments: Any, section: str, of_type: str) -> None:
    """Skip before the dependencies are installed."""
    _skip_if_passed(tox_env)


@impl
def tox_before_run_commands(tox_env: Any) -> None:
    """Skip if everything was installed by an earlier run."""
    _skip_if_passed(tox_env)


@impl
def tox_after_run_commands(tox_env: Any, exit_code: int, outcomes: list[Any]) -> None:
    """Record the Python version if the tests passed with it."""
    if tox_env.name == "coverage" and exit_code == 0:
        _passed.add(_version(tox_env))
