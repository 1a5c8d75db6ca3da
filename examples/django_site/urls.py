"""The routes of the site: a chat with its page, and a view that streams one answer."""

from __future__ import annotations

import json
import os

from django.http import HttpRequest, HttpResponseBase
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from chatsdk import ChatClient, ChatError
from chatsdk.web import ChatService, django

client = ChatClient(
    os.environ.get("CHAT_URL", "http://127.0.0.1:8765/v1/chat/completions"),
    token=os.environ.get("CHATSDK_TOKEN") or None,
)


def answer(request: HttpRequest) -> HttpResponseBase:
    """Stream one answer, without a chat around it: {"prompt": "..."}."""
    prompt = str(json.loads(request.body)["prompt"])
    try:
        return django.stream_response(request, client.ask(prompt), dialect="openai")
    except ChatError as error:
        return django.error_response(error)


urlpatterns = [
    # A page of yours would send Django's token instead of being exempt from it.
    path("answer", csrf_exempt(require_POST(answer))),
    path("chat", include(django.urls(ChatService(client)))),
]
