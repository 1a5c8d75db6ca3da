"""The embedded server: a backend of any dialect, to try chatsdk without a model."""

from __future__ import annotations

import itertools
import ssl

from chatsdk import dialects, sse
from chatsdk.answer import AnswerBuilder
from chatsdk.dialects import Dialect
from chatsdk.parts import Identity, Usage
from chatsdk.testing.answers import AnswerScript, answer_parts
from chatsdk.testing.embedded_replies import conversation_of, parse_body, prompt_of
from chatsdk.testing.embedded_routes import Routes, conversation_in
from chatsdk.testing.embedded_stops import StoppableAnswer, Stops
from chatsdk.testing.request import RecordedRequest
from chatsdk.testing.response import Reply, Response
from chatsdk.testing.samples import reply
from chatsdk.testing.script import Script
from chatsdk.testing.server import ChatServer
from chatsdk.testing.server_exchange import Head
from chatsdk.testing.steps import Pause, Step
from chatsdk.testing.tls import Authority

__all__ = ["EmbeddedServer"]

# Name of the built-in server in the list of models.
MODEL = "built-in"

# Seconds between two words of the built-in server: the pace of a fast model.
WORD_SECONDS = 0.03

# Events of `POST /sse`, and the seconds between them.
SSE_EVENTS = 10
SSE_SECONDS = 1.0

# Prevents caches and nginx from buffering a stream.
UNBUFFERED = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

# Seconds for which a browser may cache the result of a preflight.
PREFLIGHT_SECONDS = 86_400


class EmbeddedServer(ChatServer):
    """A server that answers in one dialect, with canned replies.

    There is no model, as each answer states; the same body always gets the same answer. If the body
    asks for an object with a JSON schema, the answer is an object that fits. It accepts
    a POST at the dialect's own paths, at `/` and at `/chat`. If the backend has an endpoint that
    stops an answer, the server has it too, and it ends the answer. With `"stream": false` in the
    body, the answer is one JSON document. `GET` of the backend's list of models, such as
    `/v1/models`, lists one model, if chatsdk can encode such lists for the dialect. `POST /sse`
    sends ten events instead, `Hello, this is message number 1` to 10, for a browser on any origin
    (CORS). Other paths and methods get a 404 that lists the paths. Responses added as with
    `ChatServer` take precedence.

    Args:
        dialect: a name or a `Dialect` that can be encoded; ValueError for another.
        pace: seconds between two words.
        interval: seconds between two events of `/sse`.
        host, port, tls: as with `ChatServer`.

    It remembers only the latest of its `requests`, because it may run for a long time.
    """

    kept = 100

    def __init__(
        self,
        dialect: str | Dialect = "openai",
        *,
        pace: float = WORD_SECONDS,
        interval: float = SSE_SECONDS,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: bool | Authority | ssl.SSLContext = False,
    ) -> None:
        self.dialect = dialects.get(dialect)
        # Raises at once for a dialect that can only be decoded.
        AnswerScript(self.dialect)
        self._routes = Routes(self.dialect)
        self._stops = Stops(self.dialect)
        self._pace = pace
        self._interval = interval
        self._numbers = itertools.count(1)
        super().__init__(self._respond, host=host, port=port, tls=tls)

    def _respond(self, request: RecordedRequest) -> Response:
        if request.path == "/sse":
            return self._respond_sse(request)
        try:
            body = parse_body(request.body) if request.body else None
        except ValueError:
            return _refusal(400, "the body is not JSON")
        if request.method == "GET" and request.path == self.dialect.models_path:
            return Reply(json=self.dialect.encode_models([MODEL]))
        stopped = self._stops.reply(request, body)
        if stopped is not None:
            return stopped
        if request.method != "POST" or not self._routes.answer(request.path):
            return self._nothing_at(request)
        if not request.body:
            return _refusal(400, "there is no body: send JSON")
        text = reply(self.dialect, body)
        number = next(self._numbers)
        known = conversation_of(body) or conversation_in(request)
        who = Identity(
            id=f"answer-{number}",
            conversation_id=known or f"conversation-{number}",
            model=MODEL,
            task=f"task-{number}",
        )
        usage = Usage(input=len(prompt_of(body).split()), output=len(text.split()))
        # The first part identifies the answer, and in this server it includes the task id.
        parts = [who, *answer_parts(text, usage=usage)[1:]]
        dialect = self.dialect.at(request.path)
        if isinstance(body, dict) and body.get("stream") is False and _writes_documents(dialect):
            answer = AnswerBuilder().step(parts)
            return Reply(json=dialect.encode_document(answer, id=f"answer-{number}"))
        script = StoppableAnswer(
            dialect,
            parts,
            pace=self._pace,
            id=f"answer-{number}",
            headers=UNBUFFERED,
        )
        self._stops.expect(request, body, who, script)
        return script

    def _nothing_at(self, request: RecordedRequest) -> Reply:
        paths = [f"POST {path}" for path in (*self._routes.paths, "/sse")]
        message = f"nothing answers {request.method} {request.path}; there are {', '.join(paths)}"
        return Reply(404, json={"error": {"message": message, "paths": paths}})

    def _respond_sse(self, request: RecordedRequest) -> Response:
        origin = {"Access-Control-Allow-Origin": "*"}
        if request.method == "OPTIONS":
            wanted = request.headers.get("access-control-request-headers", "Content-Type")
            return Reply(
                204,
                headers={
                    **origin,
                    "Access-Control-Allow-Methods": "POST, OPTIONS",
                    "Access-Control-Allow-Headers": wanted,
                    "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
                },
            )
        if request.method != "POST":
            headers = {**origin, "Allow": "POST, OPTIONS"}
            return _refusal(405, "EventSource cannot POST; /sse wants a POST", headers)
        steps: list[Step | bytes] = []
        for number in range(1, SSE_EVENTS + 1):
            data = f"Hello, this is message number {number}"
            steps += [sse.encode(data, event="message", id=str(number)), Pause(self._interval)]
        head = Head(headers=origin | UNBUFFERED)
        # No pause after the last event.
        return Script(head, steps=steps[:-1])


def _writes_documents(dialect: Dialect) -> bool:
    return type(dialect).encode_document is not Dialect.encode_document


def _refusal(status: int, message: str, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, json={"error": {"message": message}}, headers=headers or {})
