"""The transcripts that servers wrote are still what they write."""

from __future__ import annotations

from conftest import check


def test_mastra(recorder):
    """Mastra's agent, with a scripted model."""
    written = recorder.node("written_by_mastra.mjs", "@mastra/core@1.71", "zod@4")
    check("mastra", written)


def test_google_adk(recorder):
    """The server of Google's Agent Development Kit, with a scripted model."""
    written = recorder.python("written_by_google_adk.py", "google-adk==2.13.0", "httpx")
    check("adk", written)


def test_strands(recorder):
    """Strands' agents on the server of Bedrock AgentCore, with a scripted model."""
    packages = ("strands-agents==1.62.0", "bedrock-agentcore==1.25.0", "httpx")
    check("strands", recorder.python("written_by_strands.py", *packages))


def test_amazons_codec(recorder):
    """Frames of Amazon's own codec for JavaScript."""
    codec = "@smithy/eventstream-codec@4.5.2"
    check("bedrock", recorder.node("written_by_smithy.mjs", codec))


def test_the_ai_sdk_4(recorder):
    """The data stream v1 of the AI SDK 4, with a scripted model."""
    check("vercel_v1", recorder.node("written_by_ai_v1.mjs", "ai@4.3.19", "zod@3"))


def test_agno(recorder):
    """agno's AgentOS, with a scripted model."""
    needed = ("agno==3.1.10", "openai", "fastapi", "httpx", "python-multipart")
    check("agno", recorder.python("written_by_agno.py", *needed))


def test_genkit(recorder):
    """Flows of Genkit behind Express, with a scripted model."""
    needed = ("genkit@1.42.0", "@genkit-ai/express@1.42.0")
    check("genkit", recorder.node("written_by_genkit.mjs", *needed))


def test_langflow(recorder):
    """A component of Langflow's, with a scripted model."""
    check("langflow", recorder.python("written_by_lfx.py", "lfx==1.13.0"))
