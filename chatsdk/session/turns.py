"""`Turns`: the ways to have a turn."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chatsdk.answer import Answer
from chatsdk.client import ChatClient
from chatsdk.keywords import NOT_GIVEN, check_body_options, given
from chatsdk.messages import Message
from chatsdk.session.handle import TurnHandle, start_turn
from chatsdk.session.machine import Machine
from chatsdk.session.plan import Plan
from chatsdk.session.request import Ask, Edit, Post, Prompt, Regenerate, Request, request_of
from chatsdk.session.stream import TurnStream, open_turn
from chatsdk.session.turn import Turn
from chatsdk.session.view import View

if TYPE_CHECKING:
    from chatsdk.session.tools import Tools

__all__ = ["Turns"]


class Turns(View):
    """What begins and ends the turns of a session, and what it shows of them."""

    def __init__(self, machine: Machine, client: ChatClient, *, latest: bool, name: str) -> None:
        super().__init__(machine)
        self._client = client
        self._latest = latest
        self._name = name
        # The threads of start(), until they end. A list: append, remove and copy are atomic.
        self._threads: list[threading.Thread] = []

    def send(self, body: Any, *, latest: bool | None = None) -> TurnStream:
        """POST exactly this JSON body; the session mirrors the stream as that is read.

        The conversation is left alone: `messages` are what `ask` said.

        Args:
            body: a dict, or whatever else the backend takes as JSON.
            latest: as in the constructor, for this once.

        Raises:
            BusyError: a turn is in flight.
            TypeError, ValueError, ChatError: what `ChatClient.send` raises; the turn has ended
                with it.
            RuntimeError: the session is closed.
        """
        return self._open(Post(body), latest, {})

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

        The dialect writes the body. Where the client keeps the history, all messages are sent
        again; where the backend does, the new ones with the conversation's id. When the turn ends
        its answer joins `messages`, also a partial one, with the status of the turn.

        Args:
            prompt: the text, or messages such as ``{"role": "user", "content": "Hi"}``.
            latest: as in the constructor, for this once.
            tools: functions that the model may call: ``[function, ...]`` or ``{name: function}``.
                The session runs them. ``None`` or a declaration in place of a function leaves
                its calls to you.
            max_rounds: how often the results of tools are sent at most, 8 by default.
            conversation_id: which conversation of the backend goes on, if not the session's own.
            idempotency_key: as in `ChatClient.ask`.
            options: for the body: ``model``, ``temperature``, whatever the backend takes.
                `regenerate` and `edit` use all these again.

        Raises:
            TypeError: a misspelt option.
            As `send`; ValueError if the dialect is not known or cannot write bodies.
            LimitExceeded (later): the model asks for tools once more after ``max_rounds``.
        """
        named = given(
            tools=tools,
            max_rounds=max_rounds,
            conversation_id=conversation_id,
            idempotency_key=idempotency_key,
        )
        return self._open(Ask(Message.all_of(prompt)), latest, named | options)

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
        """Have the last question answered again, in place of its answer.

        After ``send(body)`` that body is posted again.

        Args:
            message_id: an answer to replace, or a question to answer again, further up; what
                comes after is cut.
            latest, tools, max_rounds, conversation_id, idempotency_key, options: as in `ask`.

        Raises:
            As `ask`; ValueError if there is nothing to answer again, no such message, or the
            backend keeps the history, cannot go back in it, and it is not the last one.
        """
        named = given(
            tools=tools,
            max_rounds=max_rounds,
            conversation_id=conversation_id,
            idempotency_key=idempotency_key,
        )
        return self._open(Regenerate(message_id), latest, named | options)

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
        """Change what the user said, cut what came after, and have it answered.

        Args:
            message_id: which message of the user; ``None``: the last one.
            text: what it says from now on.
            latest, tools, max_rounds, conversation_id, idempotency_key, options: as in `ask`.

        Raises:
            As `ask`; ValueError if there is no such message, or the backend keeps the history and
            cannot go back in it.
        """
        named = given(
            tools=tools,
            max_rounds=max_rounds,
            conversation_id=conversation_id,
            idempotency_key=idempotency_key,
        )
        return self._open(Edit(message_id, text), latest, named | options)

    def run(
        self,
        what: Mapping[str, Any] | Prompt | Regenerate | Edit,
        *,
        latest: bool | None = None,
        tools: Tools | None = NOT_GIVEN,
        max_rounds: int | None = NOT_GIVEN,
        conversation_id: str | None = NOT_GIVEN,
        idempotency_key: str | None = NOT_GIVEN,
        **options: Any,
    ) -> Answer:
        """Do a whole turn here, callbacks included, and return the final `Answer`.

        Args:
            what: a dict is the body of a `send`; a text, a `Message` or a list of messages is
                asked; ``Regenerate()`` and ``Edit(message_id, text)`` are what they say.
            latest, tools, max_rounds, conversation_id, idempotency_key, options: as in `ask`.

        Raises:
            As `send` or `ask`, and the `ChatError` that ended the answer before its end. After
            `stop` from elsewhere it returns what there is.
        """
        named = given(
            tools=tools,
            max_rounds=max_rounds,
            conversation_id=conversation_id,
            idempotency_key=idempotency_key,
        )
        with self._open(request_of(what), latest, named | options) as stream:
            return stream.result()

    def start(
        self,
        what: Mapping[str, Any] | Prompt | Regenerate | Edit,
        *,
        latest: bool | None = None,
        tools: Tools | None = NOT_GIVEN,
        max_rounds: int | None = NOT_GIVEN,
        conversation_id: str | None = NOT_GIVEN,
        idempotency_key: str | None = NOT_GIVEN,
        **options: Any,
    ) -> TurnHandle:
        """Do a whole turn on a daemon thread of its own, and return a handle to wait on.

        It returns before the connection is made; the status is ``submitted`` by then. What goes
        wrong later is given to `on_error` and raised by ``handle.result()``.

        Args:
            what, latest, tools, max_rounds, conversation_id, idempotency_key, options: as in
                `run`.

        Raises:
            BusyError, RuntimeError: as `send`.
            TypeError, ValueError: there is nothing to do that way.
        """
        named = given(
            tools=tools,
            max_rounds=max_rounds,
            conversation_id=conversation_id,
            idempotency_key=idempotency_key,
        )
        turn, plan = self._begin(request_of(what), latest, named | options)
        return start_turn(
            self._machine,
            self._client,
            turn,
            plan,
            name=f"{self._name}-turn-{turn.number}",
            threads=self._threads,
        )

    def stop(self) -> None:
        """End the current turn and keep its text. Does nothing when idle.

        From any thread, also in a signal handler: it takes no lock and never waits. The session
        shows ``stopped`` at once; whoever reads tells the callbacks, within milliseconds.
        """
        self._machine.stop()

    def _open(
        self, request: Request, latest: bool | None, options: Mapping[str, Any]
    ) -> TurnStream:
        return open_turn(self._machine, self._client, *self._begin(request, latest, options))

    def _begin(
        self, request: Request, latest: bool | None, options: Mapping[str, Any]
    ) -> tuple[Turn, Plan]:
        if isinstance(request, Edit) and not isinstance(request.text, str):
            raise TypeError(f"the new text is a string, not {type(request.text).__name__}")
        check_body_options(options)
        if "tools" in options or "max_rounds" in options:
            from chatsdk.session.tools import with_toolbox

            # Before the lock: it reads the annotations of functions.
            options = with_toolbox(options)
        return self._machine.begin(
            request,
            options,
            latest=self._latest if latest is None else latest,
            dialect=self._client.ask_dialect,
            url=self._client.url,
        )
