"""A Flask site with a chat: flask --app flask_site run, then open http://127.0.0.1:5000/chat.

CHAT_URL is the backend's address; without it, a server that `chatsdk serve` started is asked.
"""

from __future__ import annotations

import os

from flask import Flask, Response, request

from chatsdk import ChatClient, ChatError
from chatsdk.web import ChatService, flask

app = Flask(__name__)
client = ChatClient(
    os.environ.get("CHAT_URL", "http://127.0.0.1:8765/v1/chat/completions"),
    token=os.environ.get("CHATSDK_TOKEN") or None,
)

# A page, and the routes that `useChat` asks: chats that survive a reload.
app.register_blueprint(flask.blueprint(ChatService(client)), url_prefix="/chat")

# An error before the first byte of an answer: a status, and words for a visitor.
app.register_error_handler(ChatError, flask.error_response)


@app.post("/answer")
def answer() -> Response:
    """Stream one answer, without a chat around it: {"prompt": "..."}."""
    prompt = str(request.get_json()["prompt"])
    return flask.stream_response(client.ask(prompt), dialect="openai")
