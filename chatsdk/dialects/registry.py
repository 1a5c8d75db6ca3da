"""The table of dialects: a function for each, which imports its file, and lookups by name.

The imports are statements because PyInstaller, Nuitka and others do not follow computed names.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any

from chatsdk.dialects.dialect import Dialect

__all__ = ["REGISTRY", "class_of", "get", "names", "register", "unknown_dialect", "unregister"]


def a2a() -> type[Dialect]:
    from chatsdk.dialects.backends.a2a import A2A

    return A2A


def adk() -> type[Dialect]:
    from chatsdk.dialects.backends.adk import ADK

    return ADK


def agno() -> type[Dialect]:
    from chatsdk.dialects.backends.agno import Agno

    return Agno


def agui() -> type[Dialect]:
    from chatsdk.dialects.backends.agui import AGUI

    return AGUI


def anthropic() -> type[Dialect]:
    from chatsdk.dialects.backends.anthropic import Anthropic

    return Anthropic


def bedrock() -> type[Dialect]:
    from chatsdk.dialects.backends.bedrock import Bedrock

    return Bedrock


def cohere() -> type[Dialect]:
    from chatsdk.dialects.backends.cohere import Cohere

    return Cohere


def coze() -> type[Dialect]:
    from chatsdk.dialects.backends.coze import Coze

    return Coze


def dashscope() -> type[Dialect]:
    from chatsdk.dialects.backends.dashscope import DashScope

    return DashScope


def deepseek() -> type[Dialect]:
    from chatsdk.dialects.backends.deepseek import DeepSeek

    return DeepSeek


def dify() -> type[Dialect]:
    from chatsdk.dialects.backends.dify import Dify

    return Dify


def fastgpt() -> type[Dialect]:
    from chatsdk.dialects.backends.fastgpt import FastGPT

    return FastGPT


def flowise() -> type[Dialect]:
    from chatsdk.dialects.backends.flowise import Flowise

    return Flowise


def gemini() -> type[Dialect]:
    from chatsdk.dialects.backends.gemini import Gemini

    return Gemini


def genkit() -> type[Dialect]:
    from chatsdk.dialects.backends.genkit import Genkit

    return Genkit


def json() -> type[Dialect]:
    from chatsdk.dialects.backends.json_fields import JSONFields

    return JSONFields


def langflow() -> type[Dialect]:
    from chatsdk.dialects.backends.langflow import Langflow

    return Langflow


def langgraph() -> type[Dialect]:
    from chatsdk.dialects.backends.langgraph import LangGraph

    return LangGraph


def langserve() -> type[Dialect]:
    from chatsdk.dialects.backends.langserve import LangServe

    return LangServe


def llama_cpp() -> type[Dialect]:
    from chatsdk.dialects.backends.llama_cpp import LlamaCpp

    return LlamaCpp


def mastra() -> type[Dialect]:
    from chatsdk.dialects.backends.mastra import Mastra

    return Mastra


def maxkb() -> type[Dialect]:
    from chatsdk.dialects.backends.maxkb import MaxKB

    return MaxKB


def mcp() -> type[Dialect]:
    from chatsdk.dialects.backends.mcp import MCP

    return MCP


def mistral_conversations() -> type[Dialect]:
    from chatsdk.dialects.backends.mistral_conversations import MistralConversations

    return MistralConversations


def n8n() -> type[Dialect]:
    from chatsdk.dialects.backends.n8n import N8N

    return N8N


def ollama() -> type[Dialect]:
    from chatsdk.dialects.backends.ollama import Ollama

    return Ollama


def openai() -> type[Dialect]:
    from chatsdk.dialects.backends.openai import OpenAI

    return OpenAI


def openai_responses() -> type[Dialect]:
    from chatsdk.dialects.backends.openai_responses import OpenAIResponses

    return OpenAIResponses


def ragflow() -> type[Dialect]:
    from chatsdk.dialects.backends.ragflow import RAGFlow

    return RAGFlow


def ragflow_agent() -> type[Dialect]:
    from chatsdk.dialects.backends.ragflow import RAGFlowAgent

    return RAGFlowAgent


def ragflow_legacy() -> type[Dialect]:
    from chatsdk.dialects.backends.ragflow import RAGFlowLegacy

    return RAGFlowLegacy


def ragflow_openai() -> type[Dialect]:
    from chatsdk.dialects.backends.ragflow_openai import RAGFlowOpenAI

    return RAGFlowOpenAI


def raw() -> type[Dialect]:
    from chatsdk.dialects.backends.raw import Raw

    return Raw


def strands() -> type[Dialect]:
    from chatsdk.dialects.backends.strands import Strands

    return Strands


def text() -> type[Dialect]:
    from chatsdk.dialects.backends.text import PlainText

    return PlainText


def tgi() -> type[Dialect]:
    from chatsdk.dialects.backends.tgi import TGI

    return TGI


def vercel() -> type[Dialect]:
    from chatsdk.dialects.backends.vercel import Vercel

    return Vercel


def vercel_v1() -> type[Dialect]:
    from chatsdk.dialects.backends.vercel_v1 import VercelV1

    return VercelV1


# Classes by name. A function is a placeholder: calling it imports the dialect's file.
REGISTRY: dict[str, Callable[[], type[Dialect]] | type[Dialect]] = {
    name: function
    for name, function in vars(sys.modules[__name__]).items()
    if isinstance(function, FunctionType)
}


# Providers and servers that people name, with the dialect that they use.
SPOKEN_BY = {
    **dict.fromkeys(("azure", "chatgpt", "fireworks", "gpt", "grok", "groq"), "openai"),
    **dict.fromkeys(("kimi", "litellm", "lm_studio", "lmstudio", "mistral", "moonshot"), "openai"),
    **dict.fromkeys(("openrouter", "perplexity", "together", "vllm", "xai"), "openai"),
    "claude": "anthropic",
    **dict.fromkeys(("google", "vertex"), "gemini"),
    "qwen": "dashscope",
}


def names() -> tuple[str, ...]:
    """Return the names of all dialects, sorted."""
    return tuple(sorted(REGISTRY))


def register(dialect: type[Dialect]) -> type[Dialect]:
    """Register a dialect under ``dialect.about.name``; usable as a decorator.

    Raises:
        TypeError: it is not a subclass of `Dialect`.
    """
    if not (isinstance(dialect, type) and issubclass(dialect, Dialect)):
        raise TypeError("register() takes a subclass of chatsdk.dialects.Dialect")
    REGISTRY[dialect.about.name] = dialect
    return dialect


def unregister(name: str) -> None:
    """Remove a registered dialect.

    Raises:
        ValueError: the name is not registered.
    """
    class_of(name)
    del REGISTRY[_key(name)]


def get(name: str | Dialect, **options: Any) -> Dialect:
    """Return the dialect with this name; a `Dialect` is returned unchanged.

    Raises:
        ValueError: the name is not registered; the message suggests the nearest one.
        TypeError: the name is not a string, or the dialect does not have one of the options.
    """
    if isinstance(name, Dialect):
        if options:
            raise TypeError("options go with a dialect's name, not with a dialect")
        return name
    if not isinstance(name, str):
        raise TypeError(f"a dialect is a name or a Dialect, not {type(name).__name__}")
    return class_of(name)(**options)


def class_of(name: str) -> type[Dialect]:
    """Return the class of the dialect with this name.

    Raises:
        ValueError: the name is not registered; the message suggests the nearest one.
    """
    key = _key(name)
    entry = REGISTRY.get(key)
    if entry is None:
        raise ValueError(unknown_dialect(name, "chatsdk.dialects.names()"))
    if not isinstance(entry, type):
        entry = REGISTRY[key] = entry()
    return entry


def unknown_dialect(name: str, listed: str) -> str:
    """Return the message for a name that is not a dialect's.

    Args:
        name: the name.
        listed: what lists the names for the user.
    """
    from difflib import get_close_matches

    known = names()
    if spoken := SPOKEN_BY.get(_key(name)):
        return f"unknown dialect {name!r}: use {spoken!r}, which is its dialect; {listed} lists all"
    if close := get_close_matches(_key(name), known, 1):
        return f"unknown dialect {name!r}: did you mean {close[0]!r}? {listed} lists all"
    return f"unknown dialect {name!r}; {listed} lists all {len(known)}, such as 'openai'"


def _key(name: str) -> str:
    return name.lower().replace("-", "_")
