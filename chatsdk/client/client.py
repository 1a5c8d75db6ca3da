"""`ChatClient`: sends a body or a prompt, and streams the answer."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, overload

from chatsdk import dialects
from chatsdk.answer import Answer
from chatsdk.client.address import checked_url
from chatsdk.client.asker import Asker, Prompt
from chatsdk.client.reader import AnswerReader
from chatsdk.client.response_check import opened
from chatsdk.client.server_stop import ServerStop
from chatsdk.client.stream import AnswerStream, Unanswered
from chatsdk.dialects.dialect import Dialect
from chatsdk.dialects.urls import MODEL, ask_dialect, completed, with_model
from chatsdk.errors import ChatError, HTTPStatusError
from chatsdk.keywords import (
    check_ask,
    check_plain,
    checked_keywords,
    missing_attribute,
)
from chatsdk.messages import Message
from chatsdk.options import Limits, Retry, Timeout
from chatsdk.transport import (
    Cancel,
    Exchange,
    Request,
    Stopped,
    Transport,
    checked_headers,
    checked_key,
    checked_token,
    shown_url,
)
from chatsdk.transport.clock import now
from chatsdk.transport.foreign_exceptions import freed

if TYPE_CHECKING:
    import requests

    from chatsdk.client.objects import Asking
    from chatsdk.client.observation import Observation, Observer
    from chatsdk.output import Wanted

__all__ = ["ChatClient"]

_T = TypeVar("_T")

logger = logging.getLogger("chatsdk")

# Status codes that suggest a wrong URL.
NOT_HERE = (404, 405)

# Statuses of a body that the backend does not accept.
BAD_BODY = (400, 422)


class ChatClient(Asker):
    """Streams answers from one URL of a chat backend. A context manager.

    Args:
        url: the backend's base URL as its provider publishes it, such as
            ``https://api.openai.com/v1`` or ``http://localhost:11434``, or the complete URL that
            takes the POST. A base URL is completed if the dialect is named or the host or port is
            known; see `url`.
        dialect: the backend's protocol: a name (see `chatsdk.dialects.names`), a `Dialect`, or
            ``"auto"``, which derives it from the URL for requests, and from the response.
        token: the API key, without ``Bearer``: a string, or a callable that returns it, called for
            each request and once more after a 401.
        headers: more header fields; they replace those that chatsdk would send.
        defaults: options for every `ask`, such as ``{"model": "..."}``.
        timeout: a `Timeout`, or a number of seconds (see `Timeout.of`).
        retry: a `Retry`; ``Retry(attempts=1)`` never sends a request again.
        limits: a `Limits`.
        http: your ``requests.Session``: its proxies, certificates, adapters, cookies and
            authentication are used.
        verify: as in requests: ``False``, or the path of a CA bundle. It overrides the
            environment's ``REQUESTS_CA_BUNDLE``.
        cert: a client certificate for mutual TLS, as in requests: the path of a PEM file with the
            certificate and its key, or the paths of both, ``("client.crt", "client.key")``.
        proxies: as in requests, such as ``{"https": "http://proxy:3128"}``.
        follow_redirects: follow a 307 or 308 within the same origin. Other redirects are never
            followed, because they would take the token elsewhere, or turn the POST into a GET.
        exact_url: post to `url` as it is, without completing it.
        tap: called with every read, ``tap(data: bytes, at: float)``, `at` in seconds of the
            monotonic clock, before anything is parsed. An object may also have the methods
            ``on_head(head)``, called with each response's `chatsdk.transport.tap.ResponseHead`,
            ``on_wire(data, at)``, with the bytes of each read of the socket as they arrive, and
            ``on_end(end)``, with ``"whole"``, ``"cut"``, ``"timeout"`` or ``"stopped"``.

    A client may be shared by threads, and survives a ``fork()``.

    Raises:
        TypeError, ValueError: an argument is invalid; nothing was sent.
    """

    # For tools that inspect any stream.
    _method = "POST"

    # Observes each request, for telemetry.
    _observer: Observer | None = None

    @checked_keywords
    def __init__(
        self,
        url: str,
        *,
        dialect: str | Dialect = "auto",
        token: str | Callable[[], str] | None = None,
        headers: Mapping[str, str] | None = None,
        defaults: Mapping[str, Any] | None = None,
        timeout: Timeout | float | None = Timeout(),  # noqa: B008, a frozen value
        retry: Retry | None = Retry(),  # noqa: B008, a frozen value
        limits: Limits | None = Limits(),  # noqa: B008, a frozen value
        http: requests.Session | None = None,
        verify: bool | str | None = None,
        cert: str | tuple[str, str] | None = None,
        proxies: Mapping[str, str] | None = None,
        follow_redirects: bool = False,
        exact_url: bool = False,
        tap: Callable[[bytes, float], object] | None = None,
    ) -> None:
        self._url, authorization = checked_url(url, http)
        self._dialect = dialects.get(dialect)
        if not exact_url:
            self._url = completed(self._url, self._dialect)
        if not callable(token):
            checked_token(token)
        check_plain("token", token)
        check_plain("tap", tap)
        given = checked_headers({} if headers is None else headers)
        if authorization is not None and token is None:
            given = {"Authorization": authorization} | given
        if defaults is not None and not isinstance(defaults, Mapping):
            raise TypeError(f"defaults are a dict of options, not {type(defaults).__name__}")
        if tap is not None and not callable(tap):
            raise TypeError(f"tap is a function of the bytes and the time, not {tap!r}")
        self._defaults = dict(defaults or {})
        self._limits = _an(Limits, limits, "limits")
        self._retry = _an(Retry, retry, "retry")
        self._transport = Transport(
            token=token,
            headers=given,
            timeout=Timeout.of(timeout),
            retry=self._retry,
            limits=self._limits,
            http=http,
            verify=verify,
            cert=cert,
            proxies=proxies,
            follow_redirects=follow_redirects,
            tap=tap,
        )

    @property
    def url(self) -> str:
        """The URL that is posted to, without user, password and query.

        If the URL names the model, as Gemini's does, it contains the model of `defaults`, or
        ``{model}``.
        """
        url = self._url
        if MODEL in url and self._defaults.get("model"):
            url, _ = with_model(url, self._defaults)
        return shown_url(url)

    @property
    def dialect(self) -> Dialect:
        """The dialect that was passed to the constructor."""
        return self._dialect

    @property
    def defaults(self) -> dict[str, Any]:
        """The options of every `ask`; a copy."""
        return dict(self._defaults)

    @property
    def ask_dialect(self) -> Dialect:
        """The dialect that `ask` encodes with: `dialect`, or the URL's for ``auto``."""
        return ask_dialect(self._dialect, self._url)

    def send(
        self, body: Any, *, cancel: Cancel | None = None, idempotency_key: str | None = None
    ) -> AnswerStream:
        """POST exactly this JSON body, and return the answer as a stream.

        Returns once the response's status and headers have arrived.

        Args:
            body: a dict, or any other JSON value that the backend takes.
            cancel: a `Cancel` that lets another thread stop this call, too.
            idempotency_key: sent as ``Idempotency-Key``; overrides `Retry.idempotency_key`.

        Raises:
            TypeError, ValueError: the body is not JSON; nothing was sent.
            ConnectError, ChatTimeout, HTTPStatusError, BackendError, NotAStreamError,
            StreamInterrupted, ProtocolError: as described in `chatsdk.errors`.
        """
        dialect = self._dialect.for_request(body)
        request = self._request(body, dialect, cancel, idempotency_key, options=self._defaults)
        return self._send(request, body, dialect, self._defaults, None)

    @overload
    def ask(
        self,
        prompt: Prompt,
        *,
        output: type[_T],
        cancel: Cancel | None = None,
        idempotency_key: str | None = None,
        conversation_id: str | None = None,
        output_by: str | None = None,
        repair: int = 0,
        **options: Any,
    ) -> AnswerStream[_T | None, _T]: ...

    @overload
    def ask(
        self,
        prompt: Prompt,
        *,
        cancel: Cancel | None = None,
        idempotency_key: str | None = None,
        conversation_id: str | None = None,
        output: Any = None,
        output_by: str | None = None,
        repair: int = 0,
        **options: Any,
    ) -> AnswerStream: ...

    def ask(
        self,
        prompt: Prompt,
        *,
        cancel: Cancel | None = None,
        idempotency_key: str | None = None,
        conversation_id: str | None = None,
        output: Any = None,
        output_by: str | None = None,
        repair: int = 0,
        **options: Any,
    ) -> AnswerStream:
        """Ask a prompt or a list of messages; the dialect encodes the body.

        Args:
            prompt: the text, or messages such as ``{"role": "user", "content": "Hi"}``.
            cancel, idempotency_key: as in `send`.
            conversation_id: the conversation to continue, if the backend keeps the history.
            output: the type of the answer, which is then `Answer.value`: an attrs class, a
                dataclass, a ``TypedDict``, a pydantic model, a list or union of them, an ``Enum``,
                or a JSON schema as a dict (extra ``output``).
            output_by: the way to ask for it, if not the dialect's first: ``"schema"``, ``"json"``,
                ``"tool"`` or ``"words"``.
            repair: how often to ask again if the answer does not fit `output`.
            options: fields of the body, such as ``model`` or ``temperature``. They override
                `defaults`. ``tools=[...]`` takes declarations; only a session runs functions.

        Raises:
            TypeError: an option is misspelt, the tools are functions, or `output` is not a type.
            ImportError: `output` needs the extra ``output``.
            OutputError (later): the answer does not fit `output`.
            ValueError: the dialect is ``auto`` and the URL does not identify the backend; the
                message suggests the URL that was probably meant. Otherwise as in `send`.
        """
        messages = Message.all_of(prompt)
        if output is not None:
            from chatsdk.client.objects import ask_object

            return ask_object(
                self,
                messages,
                output,
                by=output_by,
                repair=repair,
                cancel=cancel,
                conversation_id=conversation_id,
                idempotency_key=idempotency_key,
                options=options,
            )
        return self._ask(
            messages,
            options,
            cancel=cancel,
            idempotency_key=idempotency_key,
            conversation_id=conversation_id,
        )

    def _ask(
        self,
        messages: Sequence[Message],
        options: dict[str, Any],
        *,
        cancel: Cancel | None,
        idempotency_key: str | None,
        conversation_id: str | None,
        asking: Asking | None = None,
    ) -> AnswerStream:
        dialect = self.ask_dialect
        options = self._defaults | options
        if dialect.name == "auto":
            from chatsdk.dialects.url_suggestions import unknown_backend

            raise ValueError(
                f"{unknown_backend(shown_url(self._url))} the dialect, such as "
                "dialect='dify' (chatsdk.dialects.names() lists them), or use client.send(body) "
                "with the JSON that your backend expects"
            )
        check_ask(options, dialect.name, takes_tools=dialect.about.tools)
        if any(message.more or message.files or message.name for message in messages):
            from chatsdk.dialects.request import check_messages

            check_messages(messages, dialect)
        fields = with_model(self._url, options)[1]
        if asking is None:
            body = dialect.body(messages, conversation_id=conversation_id, **fields)
        else:
            body = asking.body(dialect, messages, fields, conversation_id)
        dialect = dialect.for_request(body)
        request = self._request(
            body,
            dialect,
            cancel,
            idempotency_key,
            options=options,
            address=partial(dialect.url, conversation_id=conversation_id),
        )
        wanted = None if asking is None else asking.wanted
        return self._send(request, body, dialect, options, messages, wanted)

    def close(self) -> None:
        """Cancel the requests under way and close the idle connections. Twice is harmless."""
        self._transport.close()

    def _request(
        self,
        body: Any,
        dialect: Dialect,
        cancel: Cancel | None,
        key: str | None,
        *,
        options: Mapping[str, Any],
        address: Callable[[str], str] = str,
    ) -> Request:
        if cancel is None:
            cancel = Cancel()
        elif not isinstance(cancel, Cancel):
            raise TypeError(f"cancel is a chatsdk.Cancel, not {type(cancel).__name__}")
        data = b"" if body is None and self._method != "POST" else dialect.request_body(body)
        if data is None:
            data = _json(body)
        given = self._retry.idempotency_key if key is None else key
        try:
            if callable(given):
                given = given()
            # Keep the URL out of the frame's variables, because its query may hold a secret.
            return Request(
                address(with_model(self._url, options)[0]),
                data,
                dialect,
                cancel,
                idempotency_key=checked_key(given),
                method=self._method,
            )
        except BaseException as error:
            failure = freed(error)
        try:
            raise failure
        finally:
            # Break the cycle error -> traceback -> frame -> error.
            del failure

    def _send(
        self,
        request: Request,
        body: Any,
        dialect: Dialect,
        options: Mapping[str, Any],
        messages: Sequence[Message] | None,
        wanted: Wanted | None = None,
    ) -> AnswerStream:
        started = now()
        exchange: Exchange | None = None
        story: Observation | None = None
        if self._observer is not None or logger.isEnabledFor(logging.DEBUG):
            from chatsdk.client.observation import Call
            from chatsdk.client.request_log import observed

            call = Call(request, dialect, self._dialect, body, options, messages)
            story = observed(self._observer, call)
        try:
            exchange = self._transport.open(request)
            if story is not None:
                story.opened(exchange)
            dialect, head, document = opened(exchange, dialect)
        except Stopped:
            if exchange is not None:
                exchange.close()
            if story is not None:
                story.stopped()
            return AnswerStream(Unanswered(body))
        except ChatError as error:
            if exchange is not None:
                error.request_id = error.request_id or exchange.request_id
                exchange.drain()
                exchange.secrets.scrub(error)
            error.answer = Answer()
            if isinstance(error, HTTPStatusError) and error.status in NOT_HERE:
                from chatsdk.dialects.url_suggestions import meant

                likely = meant(error.url, dialect)
                if likely is not None:
                    error.args = (f"{error}; did you mean {likely} ?",)
            elif isinstance(error, HTTPStatusError) and error.status in BAD_BODY:
                from chatsdk.attributes import misspelt_fields

                if question := misspelt_fields(options):
                    error.args = (f"{error}; {question}",)
            if story is not None:
                story.failed(error)
            failure: BaseException = error.with_traceback(None)
        except BaseException as error:
            if exchange is not None:
                exchange.close()
            if story is not None:
                story.broke(error)
            failure = freed(error)
        else:
            reader = AnswerReader(
                exchange,
                dialect,
                self._limits,
                started=started,
                server_stop=ServerStop(self._transport, request.url, body),
                head=head,
                document=document,
                body=body,
                observation=story,
                backend=shown_url(request.url),
                wanted=wanted,
            )
            return AnswerStream(reader)
        try:
            # Without the frames below: their variables hold tokens and the server's bytes.
            raise failure
        finally:
            # Break the cycle error -> traceback -> frame -> error.
            del failure

    def _observe(self, observer: Observer) -> None:
        """Observe each request from now on."""
        self._observer = observer

    def _unobserve(self, observer: Observer) -> None:
        """End that, unless another observer has taken its place."""
        if self._observer is observer:
            self._observer = None

    if not TYPE_CHECKING:
        # Type checkers would accept any name.
        __getattr__ = missing_attribute

    def __enter__(self) -> ChatClient:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a ChatClient holds connections and a token, so it cannot be pickled or copied: make a "
            "new one where it is wanted"
        )

    def __repr__(self) -> str:
        return f"<ChatClient {self.url} {self._dialect.name}>"


def _json(body: Any) -> bytes:
    if isinstance(body, (str, bytes)):
        raise TypeError("send() takes the JSON body as a dict; to ask a prompt, use ask()")
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair can be sent only as an escape.
        return json.dumps(body, allow_nan=False).encode()
    except TypeError as error:
        raise TypeError(
            f"the body cannot be written as JSON: {error}; use dicts, lists, strings and numbers"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"the body cannot be written as JSON: {error}; it may not hold NaN, infinity or cycles"
        ) from None


def _an(kind: type[Any], value: Any, name: str) -> Any:
    if value is None:
        return kind()
    if not isinstance(value, kind):
        example = {"retry": "Retry(attempts=3)", "limits": "Limits(answer_bytes=2**20)"}.get(name)
        such = f", such as {example}," if example else ","
        raise TypeError(f"{name} is a chatsdk.{kind.__name__}{such} not {type(value).__name__}")
    return value
