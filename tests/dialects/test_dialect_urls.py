from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from chatsdk import ChatClient, dialects
from chatsdk.dialects import names
from chatsdk.dialects.urls import guess
from chatsdk.errors import HTTPStatusError
from chatsdk.testing import ChatServer, EmbeddedServer


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


# Base URLs ---------------------------------------------------------------------------------

STUBS = ("", "/", "/v1", "/api", "/v1/", "/api/")

# The completed base URLs of a dialect: without a path, with /v1, with /api.
NAMED = {
    "openai": ("/v1/chat/completions", "/v1/chat/completions", "/api/chat/completions"),
    "openai_responses": ("/v1/responses", "/v1/responses", "/api/responses"),
    "deepseek": ("/chat/completions", "/v1/chat/completions", "/api/chat/completions"),
    "anthropic": ("/v1/messages", "/v1/messages", "/api/v1/messages"),
    "dify": ("/v1/chat-messages", "/v1/chat-messages", "/api/chat-messages"),
    "ollama": ("/api/chat",) * 3,
    "vercel": ("/api/chat",) * 3,
    "coze": ("/v3/chat",) * 3,
    "fastgpt": ("/api/v2/chat/completions",) * 3,
    "ragflow": ("/api/v1/chat/completions",) * 3,
    "ragflow_agent": ("/api/v1/agents/chat/completions",) * 3,
    "dashscope": ("/api/v1/services/aigc/text-generation/generation",) * 3,
    "langgraph": ("/runs/stream", "/v1/runs/stream", "/api/runs/stream"),
}


@pytest.mark.parametrize("dialect", NAMED)
def test_a_named_dialect_completes_a_base_url(dialect):
    """An empty path, /, /v1 and /api are completed, with or without a slash at the end."""
    bare, v1, api = NAMED[dialect]
    for stub, path in zip(STUBS, (bare, bare, v1, api, v1, api), strict=True):
        client = ChatClient(f"http://h:8000{stub}", dialect=dialect)
        assert client.url == f"http://h:8000{path}"


@pytest.mark.parametrize("base", ["https://api.dify.ai/v1", "http://h:5001/v1", "http://h"])
def test_an_option_of_the_dialect_decides_the_path(base):
    """A Dify workflow has its own path."""
    url = ChatClient(base, dialect=dialects.dify(app="workflow")).url
    assert urlsplit(url).path == "/v1/workflows/run"
    url = ChatClient(base, dialect=dialects.dify(app="completion")).url
    assert urlsplit(url).path == "/v1/completion-messages"


@pytest.mark.parametrize("dialect", [*names(), "auto"])
def test_no_other_path_is_completed(dialect):
    """Any other path on an unknown host is posted to as it is written."""
    for path in ("/v2", "/v1/chat", "/v1/chat/completions", "/api/v1", "/openai/v1", "/x/", "/V1"):
        assert ChatClient(f"http://h{path}", dialect=dialect).url == f"http://h{path}"


@pytest.mark.parametrize("stub", STUBS)
def test_nothing_is_known_of_an_unknown_host(stub):
    """Without a dialect, a URL with an unknown host is posted to as it is written."""
    assert ChatClient(f"http://h:8000{stub}").url == f"http://h:8000{stub or '/'}"


@pytest.mark.parametrize("name", ["agui", "langserve", "maxkb", "ragflow_openai", "raw", "gemini"])
def test_dialects_without_a_fixed_path_complete_nothing(name):
    """A path with an id in it cannot be made up."""
    assert ChatClient("http://h/v1", dialect=name).url == "http://h/v1"


@pytest.mark.parametrize(
    ("base", "url", "dialect"),
    [
        ("https://api.openai.com/v1", "/v1/chat/completions", "openai"),
        ("https://api.openai.com", "/v1/chat/completions", "openai"),
        ("https://eu.api.openai.com/v1", "/v1/chat/completions", "openai"),
        ("https://api.anthropic.com", "/v1/messages", "anthropic"),
        ("https://api.anthropic.com/v1/", "/v1/messages", "anthropic"),
        ("https://api.deepseek.com", "/chat/completions", "deepseek"),
        ("https://api.deepseek.com/v1", "/v1/chat/completions", "deepseek"),
        ("https://api.deepseek.com/anthropic", "/anthropic/v1/messages", "anthropic"),
        ("https://openrouter.ai/api/v1", "/api/v1/chat/completions", "openai"),
        ("https://openrouter.ai/api", "/api/v1/chat/completions", "openai"),
        ("https://api.groq.com/openai/v1", "/openai/v1/chat/completions", "openai"),
        ("https://api.groq.com", "/openai/v1/chat/completions", "openai"),
        ("https://api.x.ai/v1", "/v1/chat/completions", "openai"),
        ("https://api.mistral.ai/v1", "/v1/chat/completions", "openai"),
        ("https://api.moonshot.ai/v1", "/v1/chat/completions", "deepseek"),
        ("https://api.moonshot.cn/v1", "/v1/chat/completions", "deepseek"),
        ("https://api.together.xyz/v1", "/v1/chat/completions", "openai"),
        ("https://api.perplexity.ai", "/chat/completions", "openai"),
        ("https://r.openai.azure.com/openai/v1/", "/openai/v1/chat/completions", "openai"),
        ("https://r.openai.azure.com", "/openai/v1/chat/completions", "openai"),
        (
            "https://generativelanguage.googleapis.com/v1beta/openai/",
            "/v1beta/openai/chat/completions",
            "openai",
        ),
        (
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global/endpoints/openapi",
            "/v1/projects/p/locations/global/endpoints/openapi/chat/completions",
            "openai",
        ),
        (
            "https://dashscope.aliyuncs.com/compatible-mode/v1",
            "/compatible-mode/v1/chat/completions",
            "openai",
        ),
        (
            "https://dashscope-intl.aliyuncs.com/api/v1",
            "/api/v1/services/aigc/text-generation/generation",
            "dashscope",
        ),
        (
            "https://generativelanguage.googleapis.com",
            "/v1beta/models/{model}:streamGenerateContent",
            "gemini",
        ),
        ("https://api.dify.ai/v1", "/v1/chat-messages", "dify"),
        ("https://api.coze.com", "/v3/chat", "coze"),
        ("http://localhost:11434", "/api/chat", "ollama"),
        ("http://localhost:11434/api/", "/api/chat", "ollama"),
        ("http://localhost:11434/v1", "/v1/chat/completions", "openai"),
        ("http://localhost:1234/v1", "/v1/chat/completions", "openai"),
        ("http://127.0.0.1:2024", "/runs/stream", "langgraph"),
    ],
)
def test_a_known_host_or_port_completes_its_base_url(base, url, dialect):
    """A provider's published base URL is enough, and shows the dialect."""
    client = ChatClient(base)
    assert urlsplit(client.url).path == url
    assert client.ask_dialect.name == dialect
    # The complete address gives the same.
    assert ChatClient(client.url).url == client.url
    assert ChatClient(client.url).ask_dialect.name == dialect


@pytest.mark.parametrize(
    ("base", "dialect", "path"),
    [
        ("https://api.openai.com/v1", "openai_responses", "/v1/responses"),
        ("https://openrouter.ai", "anthropic", "/api/v1/messages"),
        ("https://api.groq.com", "openai", "/openai/v1/chat/completions"),
        ("https://api.deepseek.com", "anthropic", "/anthropic/v1/messages"),
        ("https://dashscope.aliyuncs.com", "openai", "/compatible-mode/v1/chat/completions"),
        ("http://localhost:11434", "openai", "/v1/chat/completions"),
        ("http://localhost:11434/v1", "ollama", "/api/chat"),
    ],
)
def test_a_named_dialect_at_a_known_host(base, dialect, path):
    """The named dialect decides which of the provider's APIs is meant."""
    assert urlsplit(ChatClient(base, dialect=dialect).url).path == path


@pytest.mark.parametrize("host", ["api.openai.com.evil.example", "notopenrouter.ai", "h.groq.com"])
def test_a_host_is_known_by_its_whole_name(host):
    """A host that only looks like a provider's is unknown."""
    assert ChatClient(f"https://{host}/v1").url == f"https://{host}/v1"


def test_exact_url_completes_nothing():
    """With `exact_url` the URL is posted to as it is written."""
    for url in ("https://api.openai.com/v1", "http://localhost:11434/", "http://h/api"):
        assert ChatClient(url, dialect="openai", exact_url=True).url == url


def test_send_posts_to_the_completed_url():
    """`send` and `ask` post to the same address, and the query goes along."""
    with ChatServer() as server:
        server.answer("openai", "Hi")
        server.answer("openai", "Hi")
        with ChatClient(f"{server.url}/v1?key=1", dialect="openai") as client:
            client.send({}).result()
            client.ask("Hello").result()
        assert [r.target for r in server.requests] == ["/v1/chat/completions?key=1"] * 2


def test_a_model_in_the_address():
    """A Gemini base URL takes the model of each request into the address."""
    template = "v1beta/models/{model}:streamGenerateContent"
    with EmbeddedServer("gemini") as server:
        url = f"{server.url}/{template}"
        with ChatClient(url, defaults={"model": "g-1"}) as client:
            assert client.url == url.replace("{model}", "g-1")
            client.ask("Hello").result()
            client.ask("Hello", model="models/g-2").result()
            client.send({"contents": []}).result()
        paths = [request.path for request in server.requests]
        assert paths == [f"/{template}".replace("{model}", name) for name in ("g-1", "g-2", "g-1")]
        assert [request.json.get("model") for request in server.requests] == [None] * 3


@pytest.mark.parametrize("call", ["ask", "send"])
def test_a_model_in_the_address_is_asked_for(call):
    """Without a model, a URL that needs one is an error that explains it."""
    with ChatClient("https://generativelanguage.googleapis.com") as client:
        with pytest.raises(ValueError, match="give model="):
            getattr(client, call)({"role": "user", "content": "Hi"})


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("http://h:8000", "http://h:8000/v1/chat/completions"),
        ("http://h:8000/v1/", "http://h:8000/v1/chat/completions"),
        ("http://me:secret@h/llm/v1?key=secret", "http://h/llm/v1/chat/completions"),
        ("http://h/v1/workflows", "http://h/v1/chat/completions"),
        ("https://api.deepseek.com/beta", "https://api.deepseek.com/chat/completions"),
        ("https://api.x.ai/v1/models", "https://api.x.ai/v1/chat/completions"),
        (
            "https://generativelanguage.googleapis.com/v1beta/models/g-1:generateContent",
            "https://generativelanguage.googleapis.com/v1beta/models/g-1:streamGenerateContent?alt=sse",
        ),
        (
            "https://us-central1-aiplatform.googleapis.com/",
            "https://us-central1-aiplatform.googleapis.com/v1/chat/completions",
        ),
    ],
)
def test_an_unknown_backend_is_answered_with_the_likely_address(url, meant):
    """If the URL shows nothing, the error shows the address that was probably meant."""
    with ChatClient(url) as client, pytest.raises(ValueError, match="did you mean") as caught:
        client.ask("Hi")
    assert f"did you mean {meant} ?" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "names"),
    [("/api/chat", ("ollama", "vercel")), ("/api/v1/chat/completions", ("ragflow", "fastgpt"))],
)
def test_a_path_of_two_backends_names_both(path, names):
    """If two backends have the path, the error names both dialects."""
    with ChatClient(f"http://h{path}") as client, pytest.raises(ValueError, match="have") as caught:
        client.ask("Hi")
    assert all(f"'{name}'" in str(caught.value) for name in names)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("127.0.0.1:8765", "http://127.0.0.1:8765"),
        ("localhost:11434/v1", "http://localhost:11434/v1"),
        ("api.openai.com/v1", "https://api.openai.com/v1"),
        ("me:secret@api.x.ai/v1?key=secret", "https://api.x.ai/v1"),
    ],
)
def test_a_missing_scheme_is_answered_with_the_likely_one(given, meant):
    """An address without http:// is answered with the whole one."""
    with pytest.raises(ValueError, match="did you mean") as caught:
        ChatClient(given)
    assert f"did you mean {meant} ?" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "dialect", "likely"),
    [
        ("/llm/openai/v1", "openai", "/llm/openai/v1/chat/completions"),
        ("/llm/", "openai", "/llm/v1/chat/completions"),
        ("/llm/v1", "anthropic", "/llm/v1/messages"),
        ("/v1/completions", "openai", None),
        ("/x/v1/chat/completions", "openai", None),
        ("/x", "raw", None),
        ("/x", "auto", None),
    ],
)
@pytest.mark.parametrize("status", [404, 405])
def test_an_address_that_is_not_found_is_answered_with_the_likely_one(
    path, dialect, likely, status
):
    """If a gateway has nothing at an address that looks like a base URL, the error completes it."""
    with ChatServer() as server:
        server.reply(status)
        with ChatClient(f"{server.url}{path}?key=secret", dialect=dialect) as client:
            with pytest.raises(HTTPStatusError) as caught:
                client.send({})
        hint = f"; did you mean {server.url}{likely} ?"
    assert ("did you mean" in str(caught.value)) == (likely is not None)
    assert likely is None or str(caught.value).endswith(hint)
    assert "secret" not in str(caught.value)
