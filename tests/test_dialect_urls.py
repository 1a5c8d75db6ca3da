from __future__ import annotations

import pytest

from chatsdk import ChatClient
from chatsdk.dialects.urls import guess


@pytest.mark.parametrize(
    ("url", "dialect"),
    [
        ("https://api.openai.com/v1/chat/completions", "openai"),
        ("http://localhost:8000/v1/chat/completions?api-version=1", "openai"),
        ("https://x.openai.azure.com/openai/deployments/d/chat/completions", "openai"),
        ("https://openrouter.ai/api/v1/chat/completions", "openai"),
        ("https://api.groq.com/openai/v1/chat/completions/", "openai"),
        ("https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions", "openai"),
        ("https://api.openai.com/v1/responses", "openai_responses"),
        ("https://x.openai.azure.com/openai/responses", "openai_responses"),
        ("https://api.anthropic.com/v1/messages", "anthropic"),
        ("http://127.0.0.1:4000/v1/messages", "anthropic"),
        ("https://api.deepseek.com/chat/completions", "deepseek"),
        ("https://api.deepseek.com/v1/chat/completions", "deepseek"),
        ("https://api.deepseek.com/anthropic/v1/messages", "anthropic"),
        (
            "https://generativelanguage.googleapis.com/v1beta/models/g:streamGenerateContent?alt=sse",
            "gemini",
        ),
        ("http://localhost:11434/api/chat", "ollama"),
        ("http://localhost:3000/api/chat", None),
        ("https://api.dify.ai/v1/chat-messages", "dify"),
        ("https://api.coze.cn/v3/chat?conversation_id=1", "coze"),
        ("https://api.coze.com/v3/chat", "coze"),
        ("https://chat.example/v3/chat", None),
        ("http://h/threads/t1/runs/stream", "langgraph"),
        ("http://h/runs/stream", "langgraph"),
        ("http://h/chain/stream", None),
        (
            "https://dashscope.aliyuncs.com/api/v1/services/aigc/text-generation/generation",
            "dashscope",
        ),
        ("http://h:8080/chat/api/chat_message/c1", "maxkb"),
        ("http://h/chat/api/a1/chat/completions", "openai"),
        ("http://h/api/v1/chats/c1/completions", "ragflow"),
        ("http://h/api/v1/chatbots/c1/completions", "ragflow"),
        ("http://h/v1/conversation/completion", "ragflow_legacy"),
        ("http://h/api/v1/agents/chat/completions", "ragflow_agent"),
        ("http://h/api/v1/agents/a1/completions", "ragflow_agent"),
        ("http://h/api/v1/agentbots/a1/completions", "ragflow_agent"),
        ("http://h/api/v1/openai/c1/chat/completions", "ragflow_openai"),
        ("http://h/api/v1/chats_openai/c1/chat/completions", "ragflow_openai"),
        ("http://h/api/v1/agents_openai/c1/chat/completions", "ragflow_openai"),
        ("http://h/api/v1/chat/completions", None),
        ("https://api.fastgpt.in/api/v1/chat/completions", "fastgpt"),
        ("http://h/api/v2/chat/completions", "fastgpt"),
        ("http://h/sse", None),
        ("http://h:99999/v1/chat/completions", None),
        ("http://[h/v1/chat/completions", None),
        ("", None),
    ],
)
def test_guess(url, dialect):
    """A URL names its backend only where no other backend has the same."""
    assert guess(url) == dialect


@pytest.mark.parametrize(
    ("dialect", "url", "asked"),
    [
        ("auto", "https://h/v1/messages", "anthropic"),
        ("auto", "https://h/chat", "auto"),
        ("openai", "https://h/v1/messages", "openai"),
    ],
)
def test_what_a_client_asks(dialect, url, asked):
    """A client without a named dialect asks what its URL shows, and one with a name asks that."""
    with ChatClient(url, dialect=dialect) as client:
        assert client.ask_dialect.name == asked
        assert client.dialect.name == dialect
