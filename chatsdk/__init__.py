"""Stream a chat answer from a language-model backend with plain, blocking Python."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
