"""Endpoints of one's own in FastAPI write the transcripts, and are read in one line."""

from __future__ import annotations

import pytest

fastapi = pytest.importorskip("fastapi")


@pytest.mark.parametrize(
    "path", ["/json/fastapi_events", "/json/fastapi_lines", "/json/fastapi_values", "/text/fastapi"]
)
def test_the_transcripts_are_the_frameworks_own(path):
    """The transcripts are still what the endpoints answer."""
    import written_by_fastapi as written

    assert (written.FOLDER / f"{path[1:]}.txt").read_bytes() == written.body(path)
