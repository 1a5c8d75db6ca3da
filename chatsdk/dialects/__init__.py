"""The registry of dialects: one for each backend, found by name.

    from chatsdk import dialects
    dialects.names()                      # all names
    dialects.get("openai")                # one dialect
    dialects.openai(text="snapshot")      # with an option

A new backend is one file or folder under ``backends``, one function in ``registry`` and one line
in ``signatures``. ``docs/make_dialects.py`` writes the imports for type checkers below, and the
dialects' names in ``__all__``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# Imported at once: loading a module sets it as an attribute of its package, which would hide the
# class if it happened later.
from chatsdk.dialects.auto import Auto as auto
from chatsdk.dialects.dialect import About, Decoder, Dialect, StopRequest
from chatsdk.dialects.registry import REGISTRY, class_of, get, names, register, unregister

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor, CallDecision
    from chatsdk.dialects.backends.a2a import A2A as a2a
    from chatsdk.dialects.backends.adk import ADK as adk
    from chatsdk.dialects.backends.agno import Agno as agno
    from chatsdk.dialects.backends.agui import AGUI as agui
    from chatsdk.dialects.backends.anthropic import Anthropic as anthropic
    from chatsdk.dialects.backends.bedrock import Bedrock as bedrock
    from chatsdk.dialects.backends.cohere import Cohere as cohere
    from chatsdk.dialects.backends.coze import Coze as coze
    from chatsdk.dialects.backends.dashscope import DashScope as dashscope
    from chatsdk.dialects.backends.deepseek import DeepSeek as deepseek
    from chatsdk.dialects.backends.dify import Dify as dify
    from chatsdk.dialects.backends.fastgpt import FastGPT as fastgpt
    from chatsdk.dialects.backends.flowise import Flowise as flowise
    from chatsdk.dialects.backends.gemini import Gemini as gemini
    from chatsdk.dialects.backends.genkit import Genkit as genkit
    from chatsdk.dialects.backends.json_fields import JSONFields as json
    from chatsdk.dialects.backends.langflow import Langflow as langflow
    from chatsdk.dialects.backends.langgraph import LangGraph as langgraph
    from chatsdk.dialects.backends.langserve import LangServe as langserve
    from chatsdk.dialects.backends.llama_cpp import LlamaCpp as llama_cpp
    from chatsdk.dialects.backends.mastra import Mastra as mastra
    from chatsdk.dialects.backends.maxkb import MaxKB as maxkb
    from chatsdk.dialects.backends.mcp import MCP as mcp
    from chatsdk.dialects.backends.mistral_conversations import (
        MistralConversations as mistral_conversations,
    )
    from chatsdk.dialects.backends.n8n import N8N as n8n
    from chatsdk.dialects.backends.ollama import Ollama as ollama
    from chatsdk.dialects.backends.openai import OpenAI as openai
    from chatsdk.dialects.backends.openai_responses import OpenAIResponses as openai_responses
    from chatsdk.dialects.backends.ragflow import RAGFlow as ragflow
    from chatsdk.dialects.backends.ragflow import RAGFlowAgent as ragflow_agent
    from chatsdk.dialects.backends.ragflow import RAGFlowLegacy as ragflow_legacy
    from chatsdk.dialects.backends.ragflow_openai import RAGFlowOpenAI as ragflow_openai
    from chatsdk.dialects.backends.raw import Raw as raw
    from chatsdk.dialects.backends.strands import Strands as strands
    from chatsdk.dialects.backends.text import PlainText as text
    from chatsdk.dialects.backends.tgi import TGI as tgi
    from chatsdk.dialects.backends.vercel import Vercel as vercel
    from chatsdk.dialects.backends.vercel_v1 import VercelV1 as vercel_v1

__all__ = [
    "About",
    "AskedFor",
    "CallDecision",
    "Decoder",
    "Dialect",
    "StopRequest",
    "get",
    "names",
    "register",
    "unregister",
    # The dialects.
    "a2a",
    "adk",
    "agno",
    "agui",
    "anthropic",
    "auto",
    "bedrock",
    "cohere",
    "coze",
    "dashscope",
    "deepseek",
    "dify",
    "fastgpt",
    "flowise",
    "gemini",
    "genkit",
    "json",
    "langflow",
    "langgraph",
    "langserve",
    "llama_cpp",
    "mastra",
    "maxkb",
    "mcp",
    "mistral_conversations",
    "n8n",
    "ollama",
    "openai",
    "openai_responses",
    "ragflow",
    "ragflow_agent",
    "ragflow_legacy",
    "ragflow_openai",
    "raw",
    "strands",
    "text",
    "tgi",
    "vercel",
    "vercel_v1",
]


# Not in the registry, in which it looks up the dialects that it detects.
REGISTRY["auto"] = lambda: auto


def __getattr__(name: str) -> type[Any]:
    if name in ("AskedFor", "CallDecision"):
        # Imported here because only servers read requests.
        from chatsdk.dialects import asked

        found: type[Any] = getattr(asked, name)
        return found
    if name in REGISTRY:
        return class_of(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
