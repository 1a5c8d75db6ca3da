"""Recordings of streams: write one with `Recorder`, read one with `load`."""

from __future__ import annotations

from chatsdk.recording.recorder import Recorder
from chatsdk.recording.tape import Recording, load

__all__ = ["Recorder", "Recording", "load"]
