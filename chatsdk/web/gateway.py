"""`Gateway`: serves any backend at another one's paths, in that one's dialect."""

from __future__ import annotations

import hmac
import ipaddress
import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from chatsdk.client import ChatClient
from chatsdk.dialects import AskedFor, Dialect
from chatsdk.errors import ChatError, HTTPStatusError
from chatsdk.keywords import ASK
from chatsdk.web.error_responses import error_response, json_body, message_of
from chatsdk.web.frames import writable
from chatsdk.web.http_messages import WebRequest, WebResponse
from chatsdk.web.option_translation import options_for
from chatsdk.web.relay import HEARTBEAT_SECONDS, Relay
from chatsdk.web.request_checks import Refused, own_host, read_json
from chatsdk.web.wsgi import application

__all__ = ["Gateway", "host_name", "is_loopback"]

_log = logging.getLogger("chatsdk.web")

# Backend statuses that the caller caused; passed on with the backend's message.
_CALLERS_FAULT = (400, 404, 413, 422)

# Parts of a backend's message that are not passed on to a caller: addresses and keys. Names and
# lookaheads have limits, because a long word would else take time in proportion to its square.
_SECRET = re.compile(
    r"""
      \b[a-z][a-z0-9+.-]{0,30}://\S+
    | (?<![\w-])(?:localhost|[\w-]+(?:\.[\w-]+){1,20}):\d{2,5}\b | \b[a-z][a-z0-9-]{0,62}:\d{4,5}\b
    | \b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b
    | \[[0-9a-f:.]*:[0-9a-f:.]*\](?::\d+)? | (?<![\w:])(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}(?!\w)
    | \b(?:bearer|basic)\s+\S{6,}
    | \b(?:key|token|secret|password)(?:\s+provided|\s+is)?\s*[:=]\s*(?!\d+\b)\S{6,}
    | \b(?:key|token|secret|password)\s+(?=\S*\d)(?=\S*[a-z])\S{8,}
    # The forms in which services issue keys, such as sk-..., app-... and JSON web tokens.
    | \b(?:[sprc]k|gsk|hf|xai|nvapi|pplx|r8|gh[opsu]|pat|app|dataset|fastgpt|ragflow)[-_]
      (?=[\w-]{0,200}\d)[\w-]{8,}
    | \bsk-[\w*-]{6,} | \bAIza[\w-]{16,} | \bAKIA\w{12,} | \beyJ[\w-]{8,}(?:\.[\w-]+)*
    """,
    re.IGNORECASE | re.VERBOSE,
)


class Gateway:
    """A WSGI application that serves one dialect and uses a backend of any other.

    It is stateless: each request carries its complete conversation. Declared tools and their
    results pass through. An unmodified SDK of OpenAI, Anthropic or Ollama, or ``useChat``, can use
    it.

    Args:
        client: sends the requests to the backend.
        dialect: the callers' dialect.
        token: the token that callers must send, as ``Authorization: Bearer`` or ``x-api-key``.
            Without one, only callers on this machine are served, and no page of another site.
        models: the names that callers may use: a list, or a dict whose values are the backend's
            names. Without it, the client's default model answers under any name; if the client has
            none, the caller's model is passed on.
        heartbeat: seconds of silence before a line without effect is sent.
        max_body: maximum size of a request's body, in bytes.

    Raises:
        TypeError, ValueError: an argument is invalid.
    """

    def __init__(
        self,
        client: ChatClient,
        *,
        dialect: str | Dialect = "openai",
        token: str | None = None,
        models: Iterable[str] | Mapping[str, str] | None = None,
        heartbeat: float = HEARTBEAT_SECONDS,
        max_body: int = 8 << 20,
    ) -> None:
        if not isinstance(client, ChatClient):
            raise TypeError(f"client is a ChatClient, not {type(client).__name__}")
        if token is not None and not (isinstance(token, str) and token):
            raise TypeError("token is a string that is not empty, or None")
        if isinstance(models, str):
            raise TypeError("models is a list of names or a dict, not a string")
        if not heartbeat > 0 or max_body < 1:
            raise ValueError("heartbeat and max_body are positive numbers")
        if client.ask_dialect.name == "auto":
            raise ValueError(
                "the client's URL does not show which backend this is: name it, for example "
                "ChatClient(url, dialect='openai')"
            )
        self._client = client
        self._dialect = writable(dialect)
        if type(self._dialect).read_request is Dialect.read_request:
            raise ValueError(f"chatsdk cannot read the requests of {self._dialect.name!r}")
        self._token = token
        self._models = (
            None
            if models is None
            else dict(models)
            if isinstance(models, Mapping)
            else {name: name for name in models}
        )
        self._heartbeat = heartbeat
        self._max_body = max_body
        self._paths = _paths(self._dialect)
        self._application = application(self)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request, as WSGI servers call an application."""
        return self._application(environ, start_response)

    @property
    def dialect(self) -> Dialect:
        """The callers' dialect."""
        return self._dialect

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths that accept questions."""
        return self._paths

    def respond(self, request: WebRequest) -> WebResponse:
        """Answer one request."""
        try:
            self._check_caller(request)
            return self._route(request)
        except Refused as refused:
            return self._error(refused.response.status, refused.kind, refused.message, refused)

    def _route(self, request: WebRequest) -> WebResponse:
        path = request.path.rstrip("/") or "/"
        if path in self._paths:
            _check_method(request, "POST")
            return self._answer(request)
        models = self._dialect.models_path
        if models is not None and path in _without_version(models):
            _check_method(request, "GET")
            return _json(200, self._dialect.encode_models(self._model_names()))
        raise Refused.of(404, "not_found_error", f"Nothing is at {_listed(self._paths, models)}.")

    def _check_caller(self, request: WebRequest) -> None:
        if self._token is not None:
            given = request.headers.get("x-api-key") or ""
            scheme, _, value = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() == "bearer":
                given = value.strip()
            if not hmac.compare_digest(given.encode(), self._token.encode()):
                raise Refused.of(401, "authentication_error", "The API key is missing or wrong.")
            return
        # A proxy on this machine may forward requests from other machines.
        forwarded = "x-forwarded-for" in request.headers or "forwarded" in request.headers
        origin = request.headers.get("origin")
        local = not forwarded and is_loopback(request.remote) and own_host(request, origin)
        # Another site's name may be made to point here.
        host = request.headers.get("host", "127.0.0.1")
        if not local or not is_loopback(host_name(host)):
            raise Refused.of(
                403, "permission_error", "Without a token, only callers on this machine are served."
            )

    def _answer(self, request: WebRequest) -> WebResponse:
        body = read_json(request, self._max_body)
        try:
            asked = self._dialect.read_request(body)
        except ValueError as error:
            raise Refused.of(
                400, "invalid_request_error", f"The request cannot be read: {error}."
            ) from None
        name = asked.options.get("model")
        name = name if isinstance(name, str) and name else "chat"
        try:
            options = self._options(asked)
            stream = self._client.ask(
                asked.messages,
                conversation_id=self._conversation(asked),
                **options,
            )
        except ValueError as error:
            raise Refused.of(400, "invalid_request_error", str(error)) from None
        except ImportError as error:
            # The extra for answers with a schema.
            _log.warning("%s", error)
            message = "Answers with a schema are not supported here."
            raise Refused.of(501, "not_supported_error", message) from None
        except ChatError as error:
            return self._failed(error)
        id = f"{_PREFIXES.get(self._dialect.name, 'answer-')}{uuid4().hex}"
        if asked.stream:
            relay = Relay(
                stream, dialect=self._dialect, heartbeat=self._heartbeat, id=id, model=name
            )
            return WebResponse(200, relay.headers, relay)
        try:
            answer = stream.result()
        except ChatError as error:
            return self._failed(error)
        try:
            document = self._dialect.encode_document(answer, id=id, model=name)
        except ValueError as error:
            raise Refused.of(400, "invalid_request_error", f"Ask for a stream: {error}") from None
        return _json(200, document)

    def _options(self, asked: AskedFor) -> dict[str, Any]:
        options = dict(asked.options)
        if ours := sorted(_NOT_FIELDS & options.keys()):
            raise ValueError(f"the request has fields that are not passed on: {', '.join(ours)}")
        model = options.get("model")
        if self._models is not None:
            if not isinstance(model, str) or model not in self._models:
                known = ", ".join(self._models)
                raise Refused.of(404, "not_found_error", f"Available models: {known}.")
            options["model"] = self._models[model]
        elif "model" in self._client.defaults:
            options.pop("model", None)
        return options_for(self._client.ask_dialect, self._dialect, options)

    def _conversation(self, asked: AskedFor) -> str | None:
        # If a dialect's clients keep the history, this id is the client's own name for the chat.
        if self._dialect.about.history == "server":
            return asked.conversation_id
        return None

    def _model_names(self) -> list[str]:
        if self._models is not None:
            return list(self._models)
        default = self._client.defaults.get("model")
        return [default if isinstance(default, str) else "chat"]

    def _failed(self, error: ChatError) -> WebResponse:
        _log.info("the backend failed: %s", error)
        kind = type(error).__name__
        if isinstance(error, HTTPStatusError) and error.status in _CALLERS_FAULT:
            message = _without_secrets(error) or message_of(error)
            return self._error(error.status, "invalid_request_error", message)
        found = error_response(error)
        retry = [pair for pair in found.headers if pair[0] == "Retry-After"]
        response = self._error(found.status, kind, message_of(error))
        return response._replace(headers=[*response.headers, *retry])

    def _error(
        self, status: int, kind: str, message: str, refused: Refused | None = None
    ) -> WebResponse:
        response = _json(status, self._dialect.encode_error(message, kind=kind))
        if refused is None:
            return response
        kept = [pair for pair in refused.response.headers if pair[0] in ("Allow", "Retry-After")]
        return response._replace(headers=[*response.headers, *kept])


# Options of `ChatClient.ask` that are not fields of any backend's requests.
_NOT_FIELDS = frozenset(ASK) - {"tools"}

# The prefixes of each backend's ids.
_PREFIXES = {"openai": "chatcmpl-", "anthropic": "msg_", "vercel": "msg_"}


def _without_secrets(error: HTTPStatusError) -> str:
    """Return the backend's message without keys and addresses, such as the backend's own name."""
    message = error.message
    host = urlsplit(error.url).hostname
    if host:
        message = re.sub(rf"(?<!\w){re.escape(host)}(?:\:\d+)?(?!\w)", "...", message)
    return _SECRET.sub("...", message)


def _json(status: int, value: Any) -> WebResponse:
    headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
    return WebResponse(status, headers, json_body(value))


def _check_method(request: WebRequest, method: str) -> None:
    if request.method != method:
        raise Refused.of(405, "method_not_allowed", f"Use {method}.", [("Allow", method)])


def _paths(dialect: Dialect) -> tuple[str, ...]:
    found = [word for word in dialect.about.endpoint.split() if word.startswith("/")]
    return tuple(path for own in found for path in _without_version(own.partition("?")[0]))


def _without_version(path: str) -> tuple[str, ...]:
    """Return a path, and the same without ``/v1``, because base URLs exist with and without it."""
    return (path, path[3:]) if path.startswith("/v1/") else (path,)


def _listed(paths: tuple[str, ...], models: str | None) -> str:
    known = [f"POST {paths[0]}"] if paths else []
    if models is not None:
        known.append(f"GET {models}")
    return f"this path; there are {' and '.join(known)}"


def host_name(host: str) -> str:
    """Return the name in a ``Host`` field, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def is_loopback(host: str | None) -> bool:
    """Whether a host name or an address is this machine's own."""
    if host is None:
        return False
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
