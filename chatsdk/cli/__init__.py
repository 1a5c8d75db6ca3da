"""The command `chatsdk`: talks to a backend, and runs the built-in server."""

from __future__ import annotations

from chatsdk.cli.command import main

__all__ = ["main"]
