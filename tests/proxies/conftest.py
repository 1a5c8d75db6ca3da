"""The fixtures of `programs`."""

from __future__ import annotations

from programs import backend, run

__all__ = ["backend", "run"]
