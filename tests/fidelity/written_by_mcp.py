"""Transcripts of an MCP server: run it to write the files again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from starlette.testclient import TestClient

FOLDER = Path(__file__).parent.parent / "transcripts" / "mcp"

server = MCPServer("weather")


@server.tool()
async def forecast(prompt: str, ctx: Context[Any, Any]) -> str:
    """Report the weather, step by step."""
    words = ["Looking for Zürich", "Asking the station 🙂"]
    for place, word in enumerate(words, 1):
        await ctx.report_progress(place, len(words), word)
    if prompt == "Break":
        raise ToolError("the station is closed")
    return "It is calm 🙂"


def call(prompt: str) -> dict[str, Any]:
    return {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {
            "name": "forecast",
            "arguments": {"prompt": prompt},
            "_meta": {"progressToken": 1},
        },
    }


def app(host: str) -> Any:
    """The server as an ASGI application, for requests to `host`."""
    return server.streamable_http_app(stateless_http=True, host=host)


def written() -> dict[str, str]:
    """The bodies that the server answers with, by name."""
    headers = {"Accept": "application/json, text/event-stream"}
    found = {}
    with TestClient(app("testserver")) as client:
        for name, prompt in {"mcp_progress": "Look", "mcp_tool_error": "Break"}.items():
            answer = client.post("/mcp", json=call(prompt), headers=headers)
            assert answer.headers["content-type"].startswith("text/event-stream"), answer.text
            found[name] = answer.text
    return found


if __name__ == "__main__":
    for name, body in written().items():
        (FOLDER / f"{name}.txt").write_text(body, encoding="utf-8", newline="")
