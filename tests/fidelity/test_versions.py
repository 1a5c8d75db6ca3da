"""The versions that the transcripts and the table of the dialects name are those that ran here."""

from __future__ import annotations

import importlib.metadata
import re
import sys

import pytest
from node import PACKAGES
from reading import transcripts

# These were written in separate environments, see the programs in this folder.
ELSEWHERE = {
    "@mastra/core",
    "@smithy/eventstream-codec",
    "agno",
    "bedrock-agentcore",
    "genkit",
    "google-adk",
    "langgraph-api",
    "langserve",
    "lfx",
    "litellm",
    "pydantic-ai",
}

NAMED = re.compile(r"written by (?:the types of )?([@\w./-]+) (\d[\w.]*)")


def named() -> dict[str, str]:
    """Package and version of all that the transcripts were written by, but for chatsdk."""
    # The AI SDK 4 is of tests/fidelity_servers.
    mine = (item for item in transcripts() if item.dialect != "vercel_v1")
    found = (NAMED.match(item.facts["source"]) for item in mine)
    known = {match[1]: match[2] for match in found if match is not None}
    return {name: version for name, version in known.items() if name not in ELSEWHERE}


def test_there_are_some():
    """Among them are the SDKs and npm's package."""
    assert {"ai", "anthropic", "openai", "ragflow-sdk"} <= named().keys()


@pytest.mark.parametrize(("package", "version"), sorted(named().items()))
def test_the_version_that_is_named(package, version):
    """The writer of a transcript is installed in the release that its source names."""
    if package == "ai":
        assert f"ai@{version}" in PACKAGES
        return
    if package == "ragflow-sdk" and sys.version_info < (3, 12):
        pytest.skip("pip finds an older release for this Python")
    try:
        installed = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{package} is not installed")
    assert installed.split(".")[:2] == version.split(".")[:2]
