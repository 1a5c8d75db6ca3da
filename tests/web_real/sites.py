"""One site in four frameworks, for real servers: `/answer` relays, `/api/chat` is a service.

The environment selects the backend (BACKEND), and the heartbeat (HEARTBEAT, in
seconds), journal (REDIS, the URL of one), client (CLIENT, keyword arguments as JSON) and middleware
(MIDDLEWARE: some that compresses, or passes on).
"""

from __future__ import annotations

import json
import os
from typing import Any

from chatsdk import ChatClient, ChatError, Timeout
from chatsdk.web import ChatService, Gateway, RedisJournal, wsgi

HEARTBEAT = float(os.environ.get("HEARTBEAT", "15"))
MIDDLEWARE = bool(os.environ.get("MIDDLEWARE"))
OPTIONS: dict[str, Any] = json.loads(os.environ.get("SERVICE", "{}"))

client = ChatClient(os.environ["BACKEND"], dialect="openai", timeout=Timeout(first_event=60))


def new_service() -> ChatService:
    """Return the service that the environment asks for."""
    options = dict(OPTIONS)
    if "REDIS" in os.environ:
        options["journal"] = RedisJournal(os.environ["REDIS"], lease=2.0)
    return ChatService(client, heartbeat=HEARTBEAT, **options)


def in_flask() -> Any:
    """The site in Flask."""
    from flask import Flask, Response

    from chatsdk.web import flask

    app = Flask("site")
    app.register_blueprint(flask.blueprint(new_service()), url_prefix="/api/chat")
    app.register_error_handler(ChatError, flask.error_response)

    @app.get("/answer")
    def answer() -> Response:
        return flask.stream_response(client.ask("Hi"), dialect="vercel", heartbeat=HEARTBEAT)

    @app.get("/pid")
    def pid() -> str:
        return str(os.getpid())

    return app


def in_wsgi() -> Any:
    """The service alone, as a plain WSGI application."""
    return wsgi.application(new_service())


def in_gateway() -> Any:
    """A gateway that speaks OpenAI's dialect."""
    return Gateway(client, dialect="openai", heartbeat=HEARTBEAT)


def in_starlette() -> Any:
    """The site in Starlette."""
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.middleware.gzip import GZipMiddleware
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from chatsdk.web import starlette

    def answer(request: Any) -> Any:
        return starlette.stream_response(client.ask("Hi"), dialect="vercel", heartbeat=HEARTBEAT)

    async def pid(request: Any) -> Any:
        return PlainTextResponse(str(os.getpid()))

    async def pass_on(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    middleware = [Middleware(GZipMiddleware), Middleware(BaseHTTPMiddleware, dispatch=pass_on)]
    return Starlette(
        middleware=middleware if MIDDLEWARE else [],
        routes=[
            Route("/answer", answer),
            Route("/pid", pid),
            *starlette.routes(new_service(), "/api/chat"),
        ],
        exception_handlers={ChatError: lambda request, error: starlette.error_response(error)},
    )


def _django() -> None:
    import django
    from django.conf import settings

    if not settings.configured:
        settings.configure(
            ALLOWED_HOSTS=["*"],
            ROOT_URLCONF="django_urls",
            SECRET_KEY="for a test",
            MIDDLEWARE=[
                *(["django.middleware.gzip.GZipMiddleware"] if MIDDLEWARE else ()),
                "django.middleware.security.SecurityMiddleware",
                "django.middleware.common.CommonMiddleware",
                "django.middleware.csrf.CsrfViewMiddleware",
            ],
        )
        django.setup()


def in_django_wsgi() -> Any:
    """The site in Django, under WSGI."""
    _django()
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def in_django_asgi() -> Any:
    """The site in Django, under ASGI."""
    _django()
    from django.core.asgi import get_asgi_application

    return get_asgi_application()


def __getattr__(name: str) -> Any:
    # A server imports only the application that it was given.
    if name.startswith("app_"):
        app = globals()[f"in_{name[4:]}"]()
        globals()[name] = app
        return app
    raise AttributeError(name)


if __name__ == "__main__":
    from werkzeug.serving import make_server

    fd = int(os.environ["LISTEN_FD"])
    make_server("127.0.0.1", 0, in_flask(), threaded=True, fd=fd).serve_forever()
