"""The routes of the site in Django."""

from __future__ import annotations

import os
from typing import Any

from django.http import HttpResponse
from django.urls import include, path
from sites import HEARTBEAT, client, new_service

from chatsdk import ChatError
from chatsdk.web import django

service = new_service()


def answer(request: Any) -> Any:
    try:
        stream = client.ask("Hi")
    except ChatError as error:
        return django.error_response(error)
    return django.stream_response(request, stream, dialect="vercel", heartbeat=HEARTBEAT)


async def pid(request: Any) -> Any:
    return HttpResponse(str(os.getpid()))


urlpatterns = [
    path("answer", answer),
    path("pid", pid),
    path("api/chat", include(django.urls(service))),
    path("<slug:team>/chat", include(django.urls(service))),
]
