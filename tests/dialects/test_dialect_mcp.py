"""MCP: a call of a tool, and what comes back."""

from __future__ import annotations

import pytest

from chatsdk import ChatClient, HTTPStatusError, dialects
from chatsdk.dialects.urls import guess
from chatsdk.messages import Message
from chatsdk.testing import ChatServer

mcp = dialects.get("mcp")

HI = Message("user", "Hi")


def test_what_is_asked():
    """The tool is called with the prompt among its arguments, and asked to report progress."""
    dialect = dialects.get("mcp", prompt="question")
    assert dialect.body([HI], tool_name="search", limit=3) == {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {
            "name": "search",
            "arguments": {"question": "Hi", "limit": 3},
            "_meta": {"progressToken": 1},
        },
    }


def test_what_cannot_be_asked():
    """Without the name of a tool there is nothing to call; the error shows how to give it."""
    with pytest.raises(ValueError, match=r"tool_name='...'"):
        mcp.body([HI])
    with pytest.raises(ValueError, match="one of reasoning, text"):
        dialects.get("mcp", progress="all")


def test_both_types_are_accepted():
    """A server refuses requests that do not accept JSON and event streams both."""
    result = {"content": [{"type": "text", "text": "Hello"}]}
    with ChatServer() as server:
        server.reply(200, json={"jsonrpc": "2.0", "id": 1, "result": result})
        with ChatClient(f"{server.url}/mcp", token="t", defaults={"tool_name": "ask"}) as client:
            assert client.ask("Hi").result().text == "Hello"
        headers = server.requests[0].headers
    assert headers["accept"] == "application/json, text/event-stream"
    assert headers["authorization"] == "Bearer t"
    assert guess("http://localhost:8000/mcp") == "mcp"


def test_a_refusal():
    """The words of a JSON-RPC error under an HTTP status are the error's."""
    said = {"code": -32600, "message": "Not Acceptable"}
    with ChatServer() as server:
        server.reply(406, json={"jsonrpc": "2.0", "id": None, "error": said})
        with ChatClient(f"{server.url}/mcp", defaults={"tool_name": "ask"}, retry=None) as client:
            with pytest.raises(HTTPStatusError, match="Not Acceptable"):
                client.ask("Hi")
