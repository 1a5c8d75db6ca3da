"""The transcripts that servers wrote are still what they write."""

from __future__ import annotations

from conftest import check


def test_mastra(recorder):
    """Mastra's agent, with a scripted model."""
    written = recorder.node("written_by_mastra.mjs", "@mastra/core@1.71", "zod@4")
    check("mastra", written)
