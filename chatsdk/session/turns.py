"""`Turns`: the public methods of a session that begin and stop turns; `Store` decides."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

from chatsdk.answer import Answer
from chatsdk.client import ChatClient
from chatsdk.keywords import NOT_GIVEN, check_body_options, given
from chatsdk.messages import Message
from chatsdk.session.handle import TurnHandle, start_turn
from chatsdk.session.plan import TurnPlan
from chatsdk.session.properties import View
from chatsdk.session.request import (
    Ask,
    Edit,
    Post,
    Prompt,
    Regenerate,
    Request,
    Resume,
    request_of,
)
from chatsdk.session.store import Store
from chatsdk.session.stream import TurnStream, open_turn
from chatsdk.session.turn import Turn

if TYPE_CHECKING:
    from chatsdk.session.tools import Tools

__all__ = ["Turns"]

_T = TypeVar("_T")


class Turns(View):
    """Begins and ends the turns of a session."""

    def __init__(self, store: Store, client: ChatClient, *, latest: bool, name: str) -> None:
        super().__init__(store)
        self._client = client
        self._latest = latest
        self._name = name
        # The threads of start(), until they end. A set: add, discard and copy are atomic.
        self._threads: set[threading.Thread] = set()

    def send(self, body: Any, *, latest: bool | None = None) -> TurnStream:
        """POST exactly this JSON body; reading the returned stream updates the session.

        The conversation does not change: only `ask` adds to `messages`.

        Args:
            body: a dict, or any other JSON value that the backend accepts.
            latest: as in the constructor, for this turn only.

        Raises:
            BusyError: a turn is in flight.
            TypeError, ValueError, ChatError: as `ChatClient.send`; the exception has ended the
                turn.
            RuntimeError: the session is closed.
        """
        return self._open(Post(body), latest, {}, "send")

    @overload
    def ask(
        self,
        prompt: Prompt | Mapping[str, Any],
        *,
        output: type[_T],
        latest: bool | None = None,
        tools: Tools | None = NOT_GIVEN,
        max_rounds: int | None = NOT_GIVEN,
        conversation_id: str | None = NOT_GIVEN,
        idempotency_key: str | None = NOT_GIVEN,
        **options: Any,
    ) -> TurnStream[_T | None, _T]: ...

    @overload
    def ask(
        self,
        prompt: Prompt | Mapping[str, Any],
        *,
        latest: bool | None = None,
        tools: Tools | None = NOT_GIVEN,
        max_rounds: int | None = NOT_GIVEN,
        conversation_id: str | None = NOT_GIVEN,
        idempotency_key: str | None = NOT_GIVEN,
        **options: Any,
    ) -> TurnStream: ...

    def ask(
        self,
        prompt: Prompt | Mapping[str, Any],
        *,
        latest: bool | None = None,
        tools: Tools | None = NOT_GIVEN,
        max_rounds: int | None = NOT_GIVEN,
        conversation_id: str | None = NOT_GIVEN,
        idempotency_key: str | None = NOT_GIVEN,
        **options: Any,
    ) -> TurnStream:
        """Add the user's message to the conversation and have it answered.

        The dialect encodes the body. If the client stores the history, all messages are sent again;
        if the backend does, only the new ones with the conversation's id. When the turn ends, its
        answer joins `messages`, even a partial one, with the status of the turn.

        Args:
            prompt: the text, or messages such as ``{"role": "user", "content": "Hi"}``.
            latest: as in the constructor, for this turn only.
            tools: functions that the model may call: ``[function, ...]`` or ``{name: function}``.
                The session runs them. A `chatsdk.Tool` in place of a function can ask a person
                first, run beside others, and have a time limit. Pass ``None`` or a declaration in
                place of a function to answer that tool's calls yourself.
            max_rounds: maximum number of times that tool results are sent, 8 by default.
            conversation_id: the backend's conversation to continue, if not the session's own.
            idempotency_key: as in `ChatClient.ask`.
            options: for the body: ``model``, ``temperature`` or any other field of the backend; and
                ``output``, ``output_by`` and ``repair`` as in `ChatClient.ask`. `regenerate` and
                `edit` use all these again.

        Raises:
            TypeError: a misspelt option.
            As `send`; ValueError if the dialect is unknown or cannot encode requests.
            LimitExceeded (later): the model still calls tools after ``max_rounds``.
        """
        named = given(
            tools=tools,
            max_rounds=max_rounds,
            conversation_id=conversation_id,
            idempotency_key=idempotency_key,
        )
        return self._open(Ask(Message.all_of(prompt)), latest, named | options, "ask")

    def regenerate(
        self,
        message_id: str | None = None,
        *,
        latest: bool | None = None,
        tools: Tools | None = NOT_GIVEN,
        max_rounds: int | None = NOT_GIVEN,
        conversation_id: str | None = NOT_GIVEN,
        idempotency_key: str | None = NOT_GIVEN,
        **options: Any,
    ) -> TurnStream:
        """Have the last question answered again, and replace its answer.

        After ``send(body)`` that body is posted again.

        Args:
            message_id: an earlier answer to replace, or question to answer again; later messages
                are removed.
            latest, tools, max_rounds, conversation_id, idempotency_key, options: as in `ask`.

        Raises:
            As `ask`; ValueError if there is nothing to answer again, the message does not exist, or
                it is not the last one and the backend stores the history and cannot branch.
        """
        named = given(
            tools=tools,
            max_rounds=max_rounds,
            conversation_id=conversation_id,
            idempotency_key=idempotency_key,
        )
        return self._open(Regenerate(message_id), latest, named | options, "regenerate")

    def edit(
        self,
        message_id: str | None,
        text: str,
        *,
        latest: bool | None = None,
        tools: Tools | None = NOT_GIVEN,
        max_rounds: int | None = NOT_GIVEN,
        conversation_id: str | None = NOT_GIVEN,
        idempotency_key: str | None = NOT_GIVEN,
        **options: Any,
    ) -> TurnStream:
        """Change a message of the user, remove the later ones, and have it answered.

        Args:
            message_id: the user's message to change; ``None``: the last one.
            text: its new text.
            latest, tools, max_rounds, conversation_id, idempotency_key, options: as in `ask`.

        Raises:
            As `ask`; ValueError if the message does not exist, or the backend stores the history
                and cannot branch.
        """
        named = given(
            tools=tools,
            max_rounds=max_rounds,
            conversation_id=conversation_id,
            idempotency_key=idempotency_key,
        )
        return self._open(Edit(message_id, text), latest, named | options, "edit")

    def resume(
        self,
        *,
        latest: bool | None = None,
        tools: Tools | None = NOT_GIVEN,
        max_rounds: int | None = NOT_GIVEN,
        conversation_id: str | None = NOT_GIVEN,
        idempotency_key: str | None = NOT_GIVEN,
        **options: Any,
    ) -> TurnStream:
        """Continue a saved turn that waits for a person, as ``run(Resume())`` does.

        Args:
            latest, tools, max_rounds, conversation_id, idempotency_key, options: as in `ask`; the
                tools must be given again, because functions cannot be saved.

        Raises:
            As `ask`; ValueError if no turn waits, or the tool of a waiting call is missing.
        """
        named = given(
            tools=tools,
            max_rounds=max_rounds,
            conversation_id=conversation_id,
            idempotency_key=idempotency_key,
        )
        return self._open(Resume(), latest, named | options, "resume")

    @overload
    def run(
        self,
        what: Mapping[str, Any] | Prompt | Regenerate | Edit | Resume,
        *,
        output: type[_T],
        latest: bool | None = None,
        tools: Tools | None = NOT_GIVEN,
        max_rounds: int | None = NOT_GIVEN,
        conversation_id: str | None = NOT_GIVEN,
        idempotency_key: str | None = NOT_GIVEN,
        **options: Any,
    ) -> Answer[_T]: ...

    @overload
    def run(
        self,
        what: Mapping[str, Any] | Prompt | Regenerate | Edit | Resume,
        *,
        latest: bool | None = None,
        tools: Tools | None = NOT_GIVEN,
        max_rounds: int | None = NOT_GIVEN,
        conversation_id: str | None = NOT_GIVEN,
        idempotency_key: str | None = NOT_GIVEN,
        **options: Any,
    ) -> Answer: ...

    def run(
        self,
        what: Mapping[str, Any] | Prompt | Regenerate | Edit | Resume,
        *,
        latest: bool | None = None,
        tools: Tools | None = NOT_GIVEN,
        max_rounds: int | None = NOT_GIVEN,
        conversation_id: str | None = NOT_GIVEN,
        idempotency_key: str | None = NOT_GIVEN,
        **options: Any,
    ) -> Answer:
        """Do a complete turn here, callbacks included, and return the final `Answer`.

        Args:
            what: a dict is sent as the body, as by `send`; a text, a `Message` or a list of
                messages is asked; ``Regenerate()`` and ``Edit(message_id, text)`` call those
                methods; ``Resume()`` continues a saved turn that waits for a person.
            latest, tools, max_rounds, conversation_id, idempotency_key, options: as in `ask`.

        Raises:
            As `send` or `ask`, and the `ChatError` that ended the answer early. After `stop` from
                elsewhere it returns the partial answer.
        """
        named = given(
            tools=tools,
            max_rounds=max_rounds,
            conversation_id=conversation_id,
            idempotency_key=idempotency_key,
        )
        with self._open(request_of(what), latest, named | options, "run") as stream:
            return stream.result()

    def start(
        self,
        what: Mapping[str, Any] | Prompt | Regenerate | Edit | Resume,
        *,
        latest: bool | None = None,
        tools: Tools | None = NOT_GIVEN,
        max_rounds: int | None = NOT_GIVEN,
        conversation_id: str | None = NOT_GIVEN,
        idempotency_key: str | None = NOT_GIVEN,
        **options: Any,
    ) -> TurnHandle:
        """Do a complete turn on a daemon thread, and return a handle to wait for it.

        Returns before the connection is made, with the status ``submitted``. Later errors go to
        `on_error` and are raised by ``handle.result()``.

        Args:
            what, latest, tools, max_rounds, conversation_id, idempotency_key, options: as in `run`.

        Raises:
            BusyError, RuntimeError: as `send`.
            TypeError, ValueError: `what` is not a request.
        """
        named = given(
            tools=tools,
            max_rounds=max_rounds,
            conversation_id=conversation_id,
            idempotency_key=idempotency_key,
        )
        read = partial(
            start_turn, self._store, self._client, name=self._name, threads=self._threads
        )
        return self._begin(request_of(what), latest, named | options, "start", read)

    def stop(self) -> None:
        """End the current turn and keep its text. Does nothing when idle.

        Callable from any thread and from a signal handler: it takes no lock and never waits. The
        session is ``stopped`` at once; the thread that reads calls the callbacks within
        milliseconds.
        """
        self._store.stop()

    def _open(
        self, request: Request, latest: bool | None, options: Mapping[str, Any], method: str
    ) -> TurnStream:
        read = partial(open_turn, self._store, self._client)
        return self._begin(request, latest, options, method, read)

    def _begin(
        self,
        request: Request,
        latest: bool | None,
        options: Mapping[str, Any],
        method: str,
        start: Callable[[Turn, TurnPlan], _T],
    ) -> _T:
        if isinstance(request, Edit):
            if not isinstance(request.text, str):
                raise TypeError(f"the new text is a string, not {type(request.text).__name__}")
            if not request.text.strip():
                raise ValueError("the new text is empty: give the question to ask instead")
        if options:
            check_body_options(options, method)
        if "tools" in options or "max_rounds" in options:
            from chatsdk.session.tools import with_toolbox

            # Before taking the lock, because it reads the annotations of functions.
            options = with_toolbox(options)
        return self._store.begin(
            request,
            options,
            latest=self._latest if latest is None else latest,
            dialect=self._client.ask_dialect,
            url=self._client.url,
            start=start,
            method=method,
        )
