"""`ChatService`: chats whose turns survive a reload, behind four routes."""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from uuid import uuid4

from chatsdk.client import ChatClient
from chatsdk.dialects import AskedFor, Dialect
from chatsdk.dialects.request import new_messages
from chatsdk.errors import ChatError
from chatsdk.keywords import check_plain
from chatsdk.messages import Message
from chatsdk.session.approvals import Approval
from chatsdk.web.browser_approvals import ApprovalRecord, approvals_of, last_round
from chatsdk.web.chat_turn import Question, Turn
from chatsdk.web.error_responses import error_response, json_body
from chatsdk.web.follower import Follower
from chatsdk.web.frames import Wording, writable
from chatsdk.web.http_messages import FrameStream, WebRequest, WebResponse, of_refusal
from chatsdk.web.journal import Following, Journal, JournalError
from chatsdk.web.memory import MemoryJournal
from chatsdk.web.page import page as read_page
from chatsdk.web.relay import HEARTBEAT_SECONDS, Relay, stream_headers
from chatsdk.web.request_checks import (
    Refused,
    allowed_origin,
    cors_headers,
    is_chat_id,
    read_json,
)

__all__ = ["ChatService"]

_log = logging.getLogger("chatsdk.web")

# Seconds after which a browser may try again when this process is at its limit of turns.
RETRY_SECONDS = 5

# Seconds, or those of the heartbeat if that is longer, within which a backend's refusal becomes the
# response's status. After that the response begins without the backend, because proxies give up on
# silent ones.
PATIENCE_SECONDS = 2.0

Prepare = Callable[
    [tuple[Message, ...], dict[str, Any]], tuple[Sequence[Message], Mapping[str, Any]]
]
Authorize = Callable[[Any, "str | None"], bool]

_DEFAULT: Any = object()

# The page's dialect.
_PAGE = writable("vercel")


class ChatService:
    """Begins, resumes and stops the turns of chats, for any framework.

    A turn is read on a thread of the process that began it, into the journal; browsers follow the
    journal. So a turn continues when its browser has gone, and a reload resumes it.

    Args:
        client: sends the requests to the backend.
        dialect: the browser's dialect: ``"vercel"`` for ``useChat``, or any dialect whose answers
            chatsdk can encode and whose requests it can decode.
        journal: stores the turns, by default a new `MemoryJournal`. ``None``: a turn ends when its
            browser leaves, and cannot be resumed.
        authorize: ``authorize(request, chat_id) -> bool``, called for each route with the
            framework's own request, and with ``None`` for the page. Without it, anyone who knows a
            chat's id may read that chat.
        prepare: ``prepare(messages, options) -> (messages, options)``, called before the request to
            the backend: it may add a system prompt or a model. A ValueError becomes a 400 with its
            text. Without it, the browser's options are not passed on.
        heartbeat: seconds of silence before a line without effect is sent.
        max_turns: maximum number of turns that this process reads at once.
        max_body: maximum size of a request's body, in bytes.
        page: serve a chat page at ``GET /``.
        origins: other sites whose pages may use the chat, such as ``"https://example.com"``.
        tools: functions that the model may call, as in `chatsdk.ChatSession.ask`. If a
            `chatsdk.Tool` asks a person, the stream ends with the question, in the parts of
            ``useChat``; the request with the decision continues the turn.

    Raises:
        TypeError, ValueError: an argument is invalid.
    """

    def __init__(
        self,
        client: ChatClient,
        *,
        dialect: str | Dialect = "vercel",
        journal: Journal | None = _DEFAULT,
        authorize: Authorize | None = None,
        prepare: Prepare | None = None,
        heartbeat: float = HEARTBEAT_SECONDS,
        max_turns: int = 100,
        max_body: int = 1 << 20,
        page: bool = True,
        origins: Collection[str] = (),
        tools: Any = None,
    ) -> None:
        if not isinstance(client, ChatClient):
            raise TypeError(f"client is a ChatClient, not {type(client).__name__}")
        if isinstance(origins, str):
            raise TypeError("origins is a collection of origins, such as ['https://example.com']")
        if not heartbeat > 0:
            raise ValueError(f"heartbeat is a positive number of seconds, not {heartbeat!r}")
        if max_turns < 1 or max_body < 1:
            raise ValueError("max_turns and max_body are at least 1")
        for name, function in (("authorize", authorize), ("prepare", prepare)):
            if function is not None and not callable(function):
                raise TypeError(f"{name} is a function, not {type(function).__name__}")
            check_plain(name, function)
        if client.ask_dialect.name == "auto":
            raise ValueError(
                "the client's URL does not show which backend this is: name it, for example "
                "ChatClient(url, dialect='openai')"
            )
        self._client = client
        self._dialect = writable(dialect)
        if type(self._dialect).read_request is Dialect.read_request:
            raise ValueError(f"chatsdk cannot read the requests of {self._dialect.name!r}")
        self._journal: Journal | None = MemoryJournal() if journal is _DEFAULT else journal
        self._authorize = authorize
        self._prepare = prepare
        self._heartbeat = heartbeat
        self._max_turns = max_turns
        self._max_body = max_body
        self._page = page
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)
        self._tools = tools
        self._approvals = ApprovalRecord(self._journal or MemoryJournal())
        # Guards _running.
        self._lock = threading.Lock()
        self._running = 0

    @property
    def dialect(self) -> Dialect:
        """The browser's dialect."""
        return self._dialect

    @property
    def max_body(self) -> int:
        """Maximum size of a request's body, in bytes."""
        return self._max_body

    def respond(self, request: WebRequest) -> WebResponse:
        """Answer one request.

        Blocks until the backend has accepted or refused a new turn, at most for a heartbeat or 2 s.
        """
        origin: str | None = None
        try:
            origin = allowed_origin(request, self._origins)
            response = self._route(request, origin)
        except Refused as refused:
            response = refused.response
        except JournalError:
            _log.exception("the journal is out of reach")
            response = Refused.of(
                503,
                "journal_unavailable",
                "The chat is not available at the moment.",
                [("Retry-After", str(RETRY_SECONDS))],
            ).response
        headers = [*response.headers, ("X-Content-Type-Options", "nosniff")]
        if self._origins:
            headers.append(("Vary", "Origin"))
        if origin is not None:
            headers += cors_headers(origin, preflight=request.method == "OPTIONS")
        return response._replace(headers=headers)

    def _route(self, request: WebRequest, origin: str | None) -> WebResponse:
        place = [part for part in request.path.split("/") if part]
        if not place:
            return self._root(request, origin)
        if len(place) != 2 or place[1] not in ("stream", "stop") or self._journal is None:
            raise Refused.of(404, "not_found", "There is nothing here.")
        chat, action = place
        method = "GET" if action == "stream" else "POST"
        self._check_method(request, (method,), origin)
        if not is_chat_id(chat):
            raise Refused.of(404, "not_found", "There is nothing here.")
        self._check_permission(request, chat)
        if action == "stop":
            self._journal.stop(chat)
            return WebResponse(204, [("Cache-Control", "no-store")])
        after = request.headers.get("last-event-id") or request.query.get("after")
        return self._follow(self._journal, chat, after, Wording(self._spoken(request)))

    def _root(self, request: WebRequest, origin: str | None) -> WebResponse:
        if self._page and request.method in ("GET", "HEAD"):
            self._check_permission(request, None)
            return read_page()
        methods = ("GET", "HEAD", "POST") if self._page else ("POST",)
        self._check_method(request, methods, origin)
        return self._begin(request)

    def _check_method(
        self, request: WebRequest, methods: tuple[str, ...], origin: str | None
    ) -> None:
        if request.method == "OPTIONS" and origin is not None:
            raise Refused(WebResponse(204, []))
        if request.method not in methods:
            allow = ", ".join(methods if origin is None else (*methods, "OPTIONS"))
            raise Refused.of(405, "method_not_allowed", "Use another method.", [("Allow", allow)])

    def _check_permission(self, request: WebRequest, chat: str | None) -> None:
        if self._authorize is None:
            return
        if not _called("authorize", self._authorize, request.native, chat):
            raise Refused.of(403, "forbidden", "You may not use this chat.")

    def _begin(self, request: WebRequest) -> WebResponse:
        dialect = self._spoken(request)
        try:
            asked = dialect.read_request(read_json(request, self._max_body))
        except ValueError as error:
            raise Refused.of(400, "bad_request", f"The request cannot be read: {error}.") from None
        chat = asked.conversation_id or f"chat-{uuid4().hex}"
        if not is_chat_id(chat):
            raise Refused.of(400, "bad_request", "The chat's id has characters that no id has.")
        self._check_permission(request, chat)
        resumed = self._resume(request, chat, Wording(dialect))
        if resumed is not None:
            return resumed
        question = self._question(chat, asked)
        with self._lock:
            if self._running >= self._max_turns:
                raise Refused.of(
                    503,
                    "too_many_turns",
                    "Too many answers are under way. Please try again in a moment.",
                    [("Retry-After", str(RETRY_SECONDS))],
                )
            self._running += 1
        id = _continued(asked)
        wording = Wording(dialect, id=id)
        turn = Turn(self._client, question, wording, self._release, self._approvals)
        body: Relay | Follower
        try:
            if question.approvals:
                # Before the turn begins, which ends the one in flight.
                self._approvals.take(chat, question.decided)
            if self._journal is None:
                source: Any = turn
                body = Relay(
                    source, dialect=dialect, heartbeat=self._heartbeat, id=id, parts=Turn.own_parts
                )
                body.pump.start()
            else:
                body = self._follower(turn.start(self._journal, self._heartbeat), wording)
        except BaseException:
            self._release()
            raise
        refused = turn.wait(max(self._heartbeat, PATIENCE_SECONDS))
        if refused is not None:
            body.close()
        if isinstance(refused, ChatError):
            response = of_refusal(error_response(refused))
            return response._replace(headers=[*response.headers, ("X-Chat-Id", chat)])
        if isinstance(refused, ValueError):
            # For example, the backend does not accept images.
            raise Refused.of(400, "bad_request", str(refused))
        if refused is not None:
            raise refused
        if self._journal is not None and _wants_json(request):
            body.close()
            where = {"id": chat, "stream": f"{request.mount}/{chat}/stream"}
            headers = [("Content-Type", "application/json"), ("X-Chat-Id", chat)]
            return WebResponse(202, headers, json_body(where))
        return _stream(body, dialect, chat)

    def _resume(self, request: WebRequest, chat: str, wording: Wording) -> WebResponse | None:
        """Follow the turn that a repeated POST has already begun.

        A client that posts and reconnects, such as fetch-event-source, sends its POST again with
        the last id that it received.
        """
        after = request.headers.get("last-event-id")
        if after is None or self._journal is None:
            return None
        newest = self._journal.follow(chat, heartbeat=self._heartbeat)
        if newest is None:
            return None
        newest.close()
        if newest.turn != after.rpartition("-")[0]:
            return None
        response = self._follow(self._journal, chat, after, wording)
        if response.status == 204:
            # The end of an event stream, because a client that posts takes a 204 for a failure.
            headers = [*stream_headers(wording.dialect), ("X-Chat-Id", chat)]
            response = WebResponse(200, headers)
        return response

    def _question(self, chat: str, asked: AskedFor) -> Question:
        messages: Sequence[Message] = asked.messages
        options: Mapping[str, Any] = {}
        if self._prepare is not None:
            try:
                messages, options = _called(
                    "prepare", self._prepare, asked.messages, dict(asked.options)
                )
            except ValueError as error:
                raise Refused.of(400, "bad_request", str(error)) from None
        conversation: str | None = None
        dialect = self._client.ask_dialect
        approvals: list[Approval] = []
        decided: Mapping[str, str] = {}
        if asked.decisions:
            approvals, decisions = approvals_of(asked)
            decided = self._approvals.check(chat, decisions)
        if dialect.history(self._client.url) == "server":
            messages = last_round(messages) if approvals else new_messages(messages)
            if self._journal is not None:
                conversation = self._journal.conversation(chat)
        return Question(
            chat,
            tuple(messages),
            dict(options),
            conversation,
            self._tools,
            tuple(approvals),
            decided,
        )

    def _spoken(self, request: WebRequest) -> Dialect:
        """The dialect of this request: the built-in page always speaks Vercel's."""
        return _PAGE if self._page and "page" in request.query else self._dialect

    def _follow(
        self, journal: Journal, chat: str, after: str | None, wording: Wording
    ) -> WebResponse:
        following = journal.follow(chat, after, heartbeat=self._heartbeat)
        if following is None:
            return WebResponse(204, [("Cache-Control", "no-store"), ("X-Chat-Id", chat)])
        return _stream(self._follower(following, wording), wording.dialect, chat)

    def _follower(self, following: Following, wording: Wording) -> Follower:
        return Follower(following, wording, self._heartbeat)

    def _release(self) -> None:
        with self._lock:
            self._running -= 1


def _called(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
    found = function(*arguments)
    if inspect.isawaitable(found):
        # Any coroutine is true, so an async `authorize` would let everybody in.
        if inspect.iscoroutine(found):
            found.close()
        raise TypeError(
            f"{name} returned a coroutine, which is never awaited: give a plain function"
        )
    return found


def _stream(body: FrameStream, dialect: Dialect, chat: str) -> WebResponse:
    return WebResponse(200, [*stream_headers(dialect), ("X-Chat-Id", chat)], body)


def _continued(asked: AskedFor) -> str | None:
    """Return the id of the message on the page that the answer continues, ``None`` for a new one.

    It continues after the results of tools, and after a person's decision about them.
    """
    if asked.messages[-1].role == "tool" or asked.decisions:
        return next((m.id for m in reversed(asked.messages) if m.role == "assistant"), None)
    return None


def _wants_json(request: WebRequest) -> bool:
    accept = request.headers.get("accept", "").lower()
    return "application/json" in accept and "text/event-stream" not in accept
