"""Ask through a proxy that the environment names, and print the error: ``... WITHOUT``."""

from __future__ import annotations

import sys

if sys.argv[3:] == ["without PySocks"]:
    # Before requests is imported.
    sys.modules["socks"] = None  # type: ignore[assignment]

from asking import text

try:
    print(text("fast"))
except Exception as error:
    print(f"{type(error).__name__}: {error}")
