"""`ChatSession`: a conversation whose newest answer, status and error can be looked at any time."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from chatsdk.answer import Answer, ToolCall
from chatsdk.client import ChatClient
from chatsdk.errors import ChatError
from chatsdk.messages import Message
from chatsdk.outcome import Outcome
from chatsdk.session.callbacks import Callbacks
from chatsdk.session.conversation import Conversation
from chatsdk.session.guard import Guard
from chatsdk.session.handle import TurnHandle, start_turn
from chatsdk.session.machine import Machine
from chatsdk.session.notify import Dispatch, Notifier
from chatsdk.session.plan import Plan
from chatsdk.session.request import (
    Ask,
    Edit,
    Post,
    Prompt,
    Regenerate,
    Request,
    messages_of,
    request_of,
)
from chatsdk.session.saved import read, written
from chatsdk.session.stream import TurnStream, open_turn
from chatsdk.session.turn import Turn
from chatsdk.session.view import View

__all__ = ["ChatSession"]

# `close` waits so many seconds in all for its threads; one that is stuck is a daemon.
CLOSE_SECONDS = 1.0

_numbers = itertools.count(1)


class ChatSession(View):
    """A conversation with one backend, one turn at a time. A context manager.

    Everything it shows may be read from any thread. `send` and `ask` give a stream that moves the
    session on as it is read; `run` reads it here, `start` on a thread of its own.

    Args:
        client: the `ChatClient` to send with; it stays the caller's to close.
        on_answer: called with the `Answer` after each step. Its ``delta`` is all that was added
            since the one that it got last.
        on_finish: called with the `Outcome`, exactly once for each turn, however it ended.
        on_error: called with the `ChatError` of a turn that failed, before `on_finish`.
        on_tool: called with the `ToolCall` and its result, or the exception, of each tool that was
            run for the model.
        dispatch: where callbacks run: called as ``dispatch(function, delay)``, from any thread,
            it runs `function` on the user interface's thread `delay` seconds later. ``None``
            calls them on the thread that reads.
        throttle: seconds between two updates at least; 1/30 with `dispatch`, else 0. What is
            suppressed is shown that much later at most, by a helper thread if there is no
            `dispatch`. The end of a turn is always told.
        latest: a new turn ends the one in flight, instead of raising `BusyError`.
        messages: how the conversation begins, such as a system message.
        conversation_id: where the backend keeps the history, which conversation goes on.
        saved: what `to_dict` returned, in place of those two.

    Callbacks never overlap. One that raises is logged, and the others still run. They may call the
    session.

    Raises:
        TypeError, ValueError: an argument that cannot work.
    """

    def __init__(
        self,
        client: ChatClient,
        *,
        on_answer: Callable[[Answer], object] | None = None,
        on_finish: Callable[[Outcome], object] | None = None,
        on_error: Callable[[ChatError], object] | None = None,
        on_tool: Callable[[ToolCall, Any], object] | None = None,
        dispatch: Dispatch | None = None,
        throttle: float | None = None,
        latest: bool = False,
        messages: Prompt = (),
        conversation_id: str | None = None,
        saved: Mapping[str, Any] | None = None,
    ) -> None:
        self._client = client
        self._owns_client = False
        self._latest = latest
        self._name = f"chatsdk-session-{next(_numbers)}"
        # The threads of start(), until they end. A list: append, remove and copy are atomic.
        self._threads: list[threading.Thread] = []
        guard = Guard()
        self._notifier = Notifier(
            guard,
            Callbacks(on_answer, on_finish, on_error, on_tool),
            dispatch=dispatch,
            throttle=throttle,
            name=self._name,
        )
        super().__init__(Machine(guard, self._notifier))
        if saved is None:
            self._machine.load(
                Conversation(messages_of(messages), conversation_id, origin=conversation_id)
            )
        elif messages or conversation_id is not None:
            raise TypeError("saved holds the messages and the conversation_id: leave those out")
        else:
            self._machine.load(*read(saved))

    @property
    def client(self) -> ChatClient:
        """The client that it sends with."""
        return self._client

    # Turns ----------------------------------------------------------------------------------

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
        **options: Any,
    ) -> TurnStream:
        """Add the user's message to the conversation and have it answered.

        The dialect writes the body. Where the client keeps the history, all messages are sent
        again; where the backend does, the new ones with the conversation's id. When the turn ends
        its answer joins `messages`, also a partial one, with the status of the turn.

        Args:
            prompt: the text, or messages such as ``{"role": "user", "content": "Hi"}``.
            latest: as in the constructor, for this once.
            options: for the body, as in `ChatClient.ask`; `regenerate` and `edit` use them again.
                ``tools={name: function}`` runs them for the model, at most ``max_rounds`` times
                (8); ``None`` or a declaration in place of a function leaves its calls to you.

        Raises:
            As `send`; ValueError if the dialect is not known or cannot write bodies.
            LimitExceeded (later): the model asks for tools once more after ``max_rounds``.
        """
        return self._open(Ask(Message.all_of(prompt)), latest, options)

    def regenerate(
        self, message_id: str | None = None, *, latest: bool | None = None, **options: Any
    ) -> TurnStream:
        """Have the last question answered again, in place of its answer.

        After ``send(body)`` that body is posted again.

        Args:
            message_id: an answer to replace, or a question to answer again, further up; what
                comes after is cut.
            latest, options: as in `ask`.

        Raises:
            As `ask`; ValueError if there is nothing to answer again, no such message, or the
            backend keeps the history, cannot go back in it, and it is not the last one.
        """
        return self._open(Regenerate(message_id), latest, options)

    def edit(
        self, message_id: str, text: str, *, latest: bool | None = None, **options: Any
    ) -> TurnStream:
        """Change what the user said, cut what came after, and have it answered.

        Raises:
            As `ask`; ValueError if there is no such message, or the backend keeps the history and
            cannot go back in it.
        """
        return self._open(Edit(message_id, text), latest, options)

    def run(
        self,
        what: Mapping[str, Any] | Prompt | Regenerate | Edit,
        *,
        latest: bool | None = None,
        **options: Any,
    ) -> Answer:
        """Do a whole turn here, callbacks included, and return the final `Answer`.

        Args:
            what: a dict is the body of a `send`; a text, a `Message` or a list of messages is
                asked; ``Regenerate()`` and ``Edit(message_id, text)`` are what they say.
            latest, options: as in `ask`.

        Raises:
            As `send` or `ask`, and the `ChatError` that ended the answer before its end. After
            `stop` from elsewhere it returns what there is.
        """
        with self._open(request_of(what), latest, options) as stream:
            return stream.result()

    def start(
        self,
        what: Mapping[str, Any] | Prompt | Regenerate | Edit,
        *,
        latest: bool | None = None,
        **options: Any,
    ) -> TurnHandle:
        """Do a whole turn on a daemon thread of its own, and return a handle to wait on.

        It returns before the connection is made; the status is ``submitted`` by then. What goes
        wrong later is given to `on_error` and raised by ``handle.result()``.

        Args:
            what, latest, options: as in `run`.

        Raises:
            BusyError, RuntimeError: as `send`.
            TypeError, ValueError: there is nothing to do that way.
        """
        turn, plan = self._begin(request_of(what), latest, options)
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

    def subscribe(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Call `listener`, without arguments, after each change; return what ends that.

        It looks at the session itself, and may be told once of several changes.
        """
        return self._notifier.subscribe(listener)

    # The conversation -----------------------------------------------------------------------

    def set_messages(self, messages: Prompt) -> None:
        """Replace the conversation. Messages without an id get one.

        Raises:
            BusyError: a turn is in flight.
            TypeError, ValueError: no messages, or two with the same id.
        """
        self._machine.set_messages(messages_of(messages))

    def reset(self) -> None:
        """Stop, and forget everything: messages, answer, error, the backend's conversation."""
        self._machine.reset()

    def clear_error(self) -> None:
        """Go from ``error`` back to ``idle``. Does nothing in any other state."""
        self._machine.clear_error()

    def to_dict(self) -> dict[str, Any]:
        """Return the conversation as JSON values, for a file or a web session."""
        return written(*self._machine.save())

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], client: ChatClient, **options: Any) -> ChatSession:
        """Return a session that goes on with what `to_dict` returned.

        Args:
            data: that dict; other keys in it are left alone.
            client, options: as in the constructor.

        Raises:
            TypeError, ValueError: it is no such dict, or of a version this chatsdk cannot read.
        """
        return cls(client, saved=data, **options)

    def close(self) -> None:
        """Stop, and end the threads, within a second. Twice is harmless."""
        machine = self._machine
        machine.closed = True
        turn = machine.seen.turn
        machine.stop()
        deadline = time.monotonic() + CLOSE_SECONDS
        for thread in self._threads.copy():
            # One that has not been started yet finds its turn stopped.
            if thread is not threading.current_thread() and thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))
        if turn is not None:
            machine.end_when_free(turn, Outcome("stopped"))
        self._notifier.close(max(0.0, deadline - time.monotonic()))
        if self._owns_client:
            self._client.close()

    def __enter__(self) -> ChatSession:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        snapshot = self._machine.seen
        return f"<ChatSession {snapshot.status}, {len(snapshot.conversation.messages)} messages>"

    def _open(
        self, request: Request, latest: bool | None, options: Mapping[str, Any]
    ) -> TurnStream:
        return open_turn(self._machine, self._client, *self._begin(request, latest, options))

    def _begin(
        self, request: Request, latest: bool | None, options: Mapping[str, Any]
    ) -> tuple[Turn, Plan]:
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
