"""A FastAPI site with a chat: uvicorn fastapi_site:app, then open http://127.0.0.1:8000/chat.

CHAT_URL is the backend's address; without it, a server that `chatsdk serve` started is asked.
"""

from __future__ import annotations

import os

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

from chatsdk import ChatClient, ChatError
from chatsdk.web import ChatService, starlette

app = FastAPI()
client = ChatClient(
    os.environ.get("CHAT_URL", "http://127.0.0.1:8765/v1/chat/completions"),
    token=os.environ.get("CHATSDK_TOKEN") or None,
)

# A page, and the routes that `useChat` asks: chats that survive a reload.
app.router.routes.extend(starlette.routes(ChatService(client), "/chat"))


class Prompt(BaseModel):
    """The body of a question."""

    prompt: str


@app.exception_handler(ChatError)
def failed(request: Request, error: ChatError) -> Response:
    """An error before the first byte of an answer: a status, and words for a visitor."""
    return starlette.error_response(error)


@app.post("/answer")
def answer(body: Prompt) -> Response:
    """Stream one answer. Declared with `def`, because opening a stream blocks."""
    return starlette.stream_response(client.ask(body.prompt), dialect="openai")
