"""Environment variables in which providers' own tools look for the API key."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

__all__ = ["provider_token", "provider_variables"]

# The exact host, and the provider's variables; the first that is set counts.
_VARIABLES: dict[str, tuple[str, ...]] = {
    "api.openai.com": ("OPENAI_API_KEY",),
    "api.anthropic.com": ("ANTHROPIC_API_KEY",),
    "generativelanguage.googleapis.com": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "api.groq.com": ("GROQ_API_KEY",),
    "openrouter.ai": ("OPENROUTER_API_KEY",),
    "api.deepseek.com": ("DEEPSEEK_API_KEY",),
    "api.mistral.ai": ("MISTRAL_API_KEY",),
    "api.x.ai": ("XAI_API_KEY",),
    "api.moonshot.ai": ("MOONSHOT_API_KEY",),
    "api.moonshot.cn": ("MOONSHOT_API_KEY",),
    "api.together.xyz": ("TOGETHER_API_KEY",),
    "api.together.ai": ("TOGETHER_API_KEY",),
    "api.perplexity.ai": ("PERPLEXITY_API_KEY", "PPLX_API_KEY"),
    "api.fireworks.ai": ("FIREWORKS_API_KEY",),
    "api.cerebras.ai": ("CEREBRAS_API_KEY",),
    "integrate.api.nvidia.com": ("NVIDIA_API_KEY",),
    "router.huggingface.co": ("HF_TOKEN",),
    "dashscope.aliyuncs.com": ("DASHSCOPE_API_KEY",),
    "dashscope-intl.aliyuncs.com": ("DASHSCOPE_API_KEY",),
    "dashscope-us.aliyuncs.com": ("DASHSCOPE_API_KEY",),
    "api.dify.ai": ("DIFY_API_KEY",),
    "api.coze.com": ("COZE_API_TOKEN",),
    "api.coze.cn": ("COZE_API_TOKEN",),
}

HTTPS_PORT = 443


def provider_variables(url: str) -> tuple[str, ...]:
    """Return the names of the environment variables for the provider of this URL.

    Only an ``https`` URL with exactly the provider's host and port has any, so that a key is sent
    only to its provider.
    """
    try:
        parts = urlsplit(url.strip())
        if parts.scheme != "https" or (parts.port or HTTPS_PORT) != HTTPS_PORT:
            return ()
    except ValueError:
        return ()
    return _VARIABLES.get((parts.hostname or "").lower(), ())


def provider_token(url: str) -> str | None:
    """Return the provider's key for this URL from the environment, or ``None``."""
    found = (os.environ.get(name) for name in provider_variables(url))
    return next((token for token in found if token), None)
