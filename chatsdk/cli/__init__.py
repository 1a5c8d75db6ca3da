"""The command `chatsdk`: a demonstration, the embedded server, and a conversation."""

from __future__ import annotations

from chatsdk.cli.command import main

__all__ = ["main"]
