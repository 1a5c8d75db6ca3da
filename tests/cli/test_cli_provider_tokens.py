"""A provider's own variable is read only for that provider's exact host over https."""

from __future__ import annotations

import argparse

import pytest

from chatsdk.cli import provider_tokens
from chatsdk.cli.arguments import token_of
from chatsdk.cli.backend import add_backend_arguments
from chatsdk.cli.provider_tokens import provider_token
from chatsdk.cli.remedies import in_one_line
from chatsdk.dialects import get
from chatsdk.dialects.urls import ask_dialect, completed
from chatsdk.errors import HTTPStatusError

HOSTS = {
    "api.openai.com": "OPENAI_API_KEY",
    "api.anthropic.com": "ANTHROPIC_API_KEY",
    "generativelanguage.googleapis.com": "GEMINI_API_KEY",
    "api.groq.com": "GROQ_API_KEY",
    "openrouter.ai": "OPENROUTER_API_KEY",
    "api.deepseek.com": "DEEPSEEK_API_KEY",
    "api.mistral.ai": "MISTRAL_API_KEY",
    "api.x.ai": "XAI_API_KEY",
}


@pytest.fixture(autouse=True)
def every_key(monkeypatch) -> None:
    monkeypatch.delenv("CHATSDK_TOKEN", raising=False)
    for names in provider_tokens._VARIABLES.values():
        for name in names:
            monkeypatch.setenv(name, f"key-of-{name}")


@pytest.mark.parametrize("host", HOSTS)
def test_each_provider_has_its_variable(host):
    """The variable that the provider's own tools read is read for its host."""
    for url in (f"https://{host}", f"https://{host}:443/v1", f"https://{host.upper()}/v1"):
        assert provider_token(url) == f"key-of-{HOSTS[host]}"


@pytest.mark.parametrize(
    "url",
    [
        "http://api.openai.com/v1",
        "https://api.openai.com:8443/v1",
        "https://api.openai.com.evil.example/v1",
        "https://evil.example/api.openai.com/v1",
        "https://api.openai.com@evil.example/v1",
        "https://xapi.openai.com/v1",
        "https://127.0.0.1/v1",
        "api.openai.com",
        "https://[api.openai.com",
        "https://api.openai.com:port",
    ],
)
def test_nobody_else_gets_a_key(url):
    """Plain http, another port, and hosts that look alike get none."""
    assert provider_token(url) is None


def test_the_second_variable(monkeypatch):
    """If the first of a provider's variables is empty, the second one counts."""
    url = "https://generativelanguage.googleapis.com"
    monkeypatch.setenv("GEMINI_API_KEY", "")
    assert provider_token(url) == "key-of-GOOGLE_API_KEY"
    monkeypatch.delenv("GOOGLE_API_KEY")
    assert provider_token(url) is None


def test_the_order(monkeypatch):
    """--token-env goes before CHATSDK_TOKEN, and that before the provider's variable."""
    parser = argparse.ArgumentParser()
    add_backend_arguments(parser)
    url = "https://api.groq.com/openai/v1"

    def token(*options: str) -> str | None:
        return token_of(parser.parse_args([url, *options]))

    assert token() == "key-of-GROQ_API_KEY"
    monkeypatch.setenv("CHATSDK_TOKEN", "ours")
    assert token() == "ours"
    monkeypatch.setenv("MINE", "mine")
    assert token("--token-env", "MINE") == "mine"


@pytest.mark.parametrize("host", provider_tokens._VARIABLES)
def test_the_host_alone_is_an_address(host):
    """`chatsdk chat https://HOST` knows the dialect and the path of each of these providers."""
    url = completed(f"https://{host}/", get("auto"))
    assert url != f"https://{host}/"
    assert ask_dialect(get("auto"), url).name != "auto"


def test_a_refused_key_names_the_variable():
    """After a 401 the message names the provider's own variable, for that provider only."""
    url = "https://api.groq.com/openai/v1/chat/completions"
    error = HTTPStatusError("HTTP 401", status=401, url=url)
    assert "put the API key into GROQ_API_KEY;" in in_one_line(error)
    error = HTTPStatusError("HTTP 401", status=401, url="https://example.com/v1/chat/completions")
    assert "GROQ" not in in_one_line(error)
    assert "CHATSDK_TOKEN" in in_one_line(error)
