"""`ChatSession`: a conversation whose latest state any thread can read."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from chatsdk.answer import Answer, ToolCall
from chatsdk.client import ChatClient
from chatsdk.errors import ChatError
from chatsdk.keywords import checked_keywords, missing_attribute
from chatsdk.outcome import Outcome
from chatsdk.session.approvals import ANSWERED, APPROVED, REJECTED, Decision
from chatsdk.session.callbacks import Callbacks
from chatsdk.session.delivery_options import Dispatch
from chatsdk.session.history import Conversation
from chatsdk.session.lock import DeferringLock
from chatsdk.session.notifier import Notifier
from chatsdk.session.request import Prompt, messages_of
from chatsdk.session.saved import read, written
from chatsdk.session.store import Store
from chatsdk.session.turns import Turns

__all__ = ["ChatSession"]

# Seconds that `close` waits in total for its threads; a stuck one is a daemon.
CLOSE_SECONDS = 1.0

_numbers = itertools.count(1)


class ChatSession(Turns):
    """A conversation with one backend, one turn at a time. A context manager.

    Any thread may read its state. `send` and `ask` return a stream, and reading it updates the
    session; `run` reads it here, `start` on a background thread.

    Args:
        client: the `ChatClient` to send with; closing it remains the caller's task.
        on_answer: called with the `Answer` after each step. Its ``delta`` is all text added since
            the previous call.
        on_finish: called with the `Outcome`, exactly once for each turn, however it ended.
        on_error: called with the `ChatError` of a turn that failed, before `on_finish`.
        on_tool: called with the `ToolCall` and its result, or the exception, of each tool that was
            run for the model.
        dispatch: where callbacks run. Called from any thread as ``dispatch(function, delay)``, it
            runs `function` on the user interface's thread after `delay` seconds. ``None`` calls
            them on the thread that reads.
        throttle: minimum seconds between two updates; 1/30 with `dispatch`, else 0. A suppressed
            update is shown at most that much later, by a helper thread if there is no `dispatch`.
            The end of a turn is always delivered.
        latest: a new turn ends the one in flight, instead of raising `BusyError`.
        messages: the initial conversation, such as a system message.
        conversation_id: the conversation to continue, if the backend stores the history.
        saved: the return value of `to_dict`, instead of those two.

    Callbacks never overlap. If one raises, the exception is logged and the others still run.
    Callbacks may call the session.

    Raises:
        TypeError, ValueError: an argument is invalid.
    """

    @checked_keywords
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
        if not callable(getattr(client, "send", None)):
            raise TypeError(
                f"client is a ChatClient, not {type(client).__name__}: use_chat takes an address"
            )
        self._owns_client = False
        name = f"chatsdk-session-{next(_numbers)}"
        guard = DeferringLock()
        self._notifier = Notifier(
            guard,
            Callbacks(on_answer, on_finish, on_error, on_tool),
            dispatch=dispatch,
            throttle=throttle,
            name=name,
        )
        super().__init__(Store(guard, self._notifier), client, latest=latest, name=name)
        if saved is None:
            self._store.load(
                Conversation(messages_of(messages), conversation_id, resumed_from=conversation_id)
            )
        elif messages or conversation_id is not None:
            raise TypeError("saved holds the messages and the conversation_id: leave those out")
        else:
            self._store.load(*read(saved))

    @property
    def client(self) -> ChatClient:
        """The client that sends the requests."""
        return self._client

    def subscribe(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Call `listener`, without arguments, after each change; return an unsubscribe function.

        The listener reads the session itself. Several changes may cause a single call.
        """
        return self._notifier.subscribe(listener)

    def approve(self, id: str | None) -> bool:
        """Allow a call of `pending` to run. From any thread, and from a callback.

        Returns:
            Whether the call was waiting; false if it was decided already, or the turn has ended.

        Raises:
            ValueError: calls wait, but none has this id; or the call has no function to run, and
                needs `answer_call`.
            TypeError: the id is not a string; `ToolCall.id` may be ``None``, but not in `pending`.
        """
        return self._store.decide(_checked_id(id), Decision(APPROVED))

    def reject(self, id: str | None, reason: str = "") -> bool:
        """Refuse a call of `pending`; the model receives this, with the reason.

        Returns, and raises: as `approve`.
        """
        if not isinstance(reason, str):
            raise TypeError(f"the reason is a string, not {type(reason).__name__}")
        return self._store.decide(_checked_id(id), Decision(REJECTED, reason))

    def answer_call(self, id: str | None, result: Any) -> bool:
        """Give the result of a call of `pending`, instead of running its tool.

        Args:
            id: the id of the call.
            result: text, or any JSON value.

        Returns, and raises: as `approve`; TypeError if the result is not JSON.
        """
        from chatsdk.session.tools import result_of

        result_of(result)
        return self._store.decide(_checked_id(id), Decision(ANSWERED, result))

    def set_messages(self, messages: Prompt) -> None:
        """Replace the conversation. Messages without an id get one.

        Raises:
            BusyError: a turn is in flight.
            TypeError, ValueError: not messages, or two with the same id.
        """
        self._store.set_messages(messages_of(messages))

    def reset(self) -> None:
        """Stop, and forget everything: messages, answer, error, the backend's conversation."""
        self._store.reset()

    def clear_error(self) -> None:
        """Go from ``error`` back to ``idle``. Does nothing in any other state."""
        self._store.clear_error()

    def to_dict(self) -> dict[str, Any]:
        """Return the conversation as JSON values, for a file or a web session.

        While the status is ``waiting``, it includes the unfinished turn: ``Resume()``
        continues it, in another process too.
        """
        return written(*self._store.save())

    def load(self, saved: Mapping[str, Any]) -> None:
        """Replace the conversation by one that `to_dict` returned.

        Raises:
            BusyError: a turn is in flight.
            TypeError, ValueError: as `from_dict`; nothing has changed.
        """
        self._store.replace(*read(saved))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], client: ChatClient, **options: Any) -> ChatSession:
        """Return a session that continues from the return value of `to_dict`.

        Args:
            data: that dict; other keys are ignored.
            client, options: as in the constructor.

        Raises:
            TypeError, ValueError: not such a dict, or of a version that this chatsdk cannot read.
        """
        return cls(client, saved=data, **options)

    def close(self) -> None:
        """Stop, and end the threads, within a second. Calling it twice is harmless."""
        store = self._store
        store.closed = True
        turn = store.seen.turn
        store.stop()
        deadline = time.monotonic() + CLOSE_SECONDS
        for thread in self._threads.copy():
            # A thread that has not started yet will find its turn stopped.
            if thread is not threading.current_thread() and thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))
        if turn is not None:
            store.end_when_free(turn, Outcome("stopped"))
        self._notifier.close(max(0.0, deadline - time.monotonic()))
        if self._owns_client:
            self._client.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a session cannot be copied or pickled: to_dict() gives what it holds")

    if not TYPE_CHECKING:
        # Type checkers would accept any name.
        __getattr__ = missing_attribute

    def __enter__(self) -> ChatSession:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        snapshot = self._store.seen
        return f"<ChatSession {snapshot.status}, {len(snapshot.conversation.messages)} messages>"


def _checked_id(id: object) -> str:
    if not isinstance(id, str):
        raise TypeError(f"give the id of a call of session.pending, not {type(id).__name__}")
    return id
