"""`FallbackClient`: asks the next backend when one is down."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

from chatsdk.answer import Answer
from chatsdk.client.availability import is_unavailable
from chatsdk.client.fallback_stream import FallbackSource, FallbackStream
from chatsdk.dialects.dialect import Dialect
from chatsdk.errors import ChatError
from chatsdk.messages import Message
from chatsdk.options import LONGEST_SECONDS
from chatsdk.transport import Cancel
from chatsdk.transport.clock import now

if TYPE_CHECKING:
    from chatsdk.client.asker import Prompt
    from chatsdk.client.client import ChatClient
    from chatsdk.client.observation import Observer

    Base = ChatClient
else:
    # A client makes this one, so its module cannot be imported here: see `fallback_client`.
    Base = object

__all__ = ["FallbackClient", "fallback_client"]

_T = TypeVar("_T")

# Largest number of backends' conversations to remember; the oldest are forgotten first.
MOST_CONVERSATIONS = 10_000


class FallbackClient(Base):
    """Asks several clients in turn: see `ChatClient.fallback`.

    `url`, `dialect`, `defaults` and `ask_dialect` are those of the first client whose messages the
    caller keeps. A conversation that only one backend keeps cannot continue at another.
    """

    def __init__(
        self,
        clients: Sequence[ChatClient],
        *,
        when: Callable[[ChatError], bool] | None,
        rest: float,
    ) -> None:
        if not clients:
            raise TypeError("fallback() needs clients: ChatClient.fallback(first, second)")
        if len({id(client) for client in clients}) < len(clients):
            raise ValueError("the same client is given twice: no backend is asked twice")
        if when is not None and not callable(when):
            raise TypeError(f"when is a function of the error, not {type(when).__name__}")
        if isinstance(rest, bool) or not isinstance(rest, (int, float)):
            raise TypeError(f"rest is a number of seconds, not {rest!r}")
        if not 0 <= rest <= LONGEST_SECONDS:
            raise ValueError(f"rest must be from 0 to {LONGEST_SECONDS:,.0f} seconds")
        self._clients = tuple(clients)
        self._when = is_unavailable if when is None else when
        self._rest = rest
        self._lead = next((item for item in clients if not _keeps_history(item)), clients[0])
        self._retry = self._lead._retry
        # Guards all below. Never held while calling out. Reentrant, because a signal handler may
        # ask, too.
        self._lock = threading.RLock()
        # By the id of a client, until when it rests, in seconds of the monotonic clock.
        self._resting: dict[int, float] = {}
        # Which client's backend keeps a conversation.
        self._homes: dict[str, ChatClient] = {}

    @property
    def clients(self) -> tuple[ChatClient, ...]:
        """The clients, in the order in which they were given."""
        return self._clients

    @property
    def url(self) -> str:
        """The URL of the leading client."""
        return self._lead.url

    @property
    def dialect(self) -> Dialect:
        """The dialect of the leading client."""
        return self._lead.dialect

    @property
    def defaults(self) -> dict[str, Any]:
        """The defaults of the leading client; a copy. Each client uses its own."""
        return self._lead.defaults

    @property
    def ask_dialect(self) -> Dialect:
        """The dialect with which the leading client encodes."""
        return self._lead.ask_dialect

    def send(
        self, body: Any, *, cancel: Cancel | None = None, idempotency_key: str | None = None
    ) -> FallbackStream:
        """POST exactly this JSON body to the first client that answers.

        Raises:
            ValueError: the clients speak different dialects.
            TypeError, ChatError: as `ChatClient.send`; the last client's error.
        """
        names = {client.ask_dialect.name for client in self._clients}
        if len(names) > 1:
            raise ValueError(
                f"send() posts one body, and these clients speak {', '.join(sorted(names))}: use "
                "ask(), which encodes it for each"
            )
        return self._open(
            self._in_order(self._clients),
            lambda client, switch: client.send(
                body, cancel=switch, idempotency_key=idempotency_key
            ),
            cancel,
        )

    @overload
    def ask(
        self,
        prompt: Prompt,
        *,
        output: type[_T],
        cancel: Cancel | None = None,
        idempotency_key: str | None = None,
        conversation_id: str | None = None,
        **options: Any,
    ) -> FallbackStream[_T | None, _T]: ...

    @overload
    def ask(
        self,
        prompt: Prompt,
        *,
        cancel: Cancel | None = None,
        idempotency_key: str | None = None,
        conversation_id: str | None = None,
        **options: Any,
    ) -> FallbackStream: ...

    def ask(
        self,
        prompt: Prompt,
        *,
        cancel: Cancel | None = None,
        idempotency_key: str | None = None,
        conversation_id: str | None = None,
        **options: Any,
    ) -> FallbackStream:
        """Ask the first client that answers.

        Args:
            prompt, cancel, idempotency_key: as in `ChatClient.ask`.
            conversation_id: as in `ChatClient.ask`. A conversation that a backend keeps continues
                there alone. An id that this client has not seen goes to a single one of the
                backends that make such ids, the first.
            options: fields of the body, for every client. What differs between them, such as the
                model, belongs in the `defaults` of each.

        Raises:
            TypeError, ValueError: as `ChatClient.ask`.
            ChatError: no client is left; the last one's error.
        """
        messages = Message.all_of(prompt)
        return self._open(
            self._able(messages, conversation_id),
            lambda client, switch: client.ask(
                messages,
                cancel=switch,
                idempotency_key=idempotency_key,
                conversation_id=conversation_id,
                **options,
            ),
            cancel,
        )

    def close(self) -> None:
        """Close all clients. Twice is harmless."""
        for client in self._clients:
            client.close()

    def _open(
        self,
        clients: Sequence[ChatClient],
        ask: Callable[[ChatClient, Cancel], Any],
        cancel: Cancel | None,
    ) -> FallbackStream:
        if cancel is not None and not isinstance(cancel, Cancel):
            raise TypeError(f"cancel is a chatsdk.Cancel, not {type(cancel).__name__}")
        return FallbackStream(FallbackSource(self, clients, ask, cancel))

    def _able(self, messages: Sequence[Message], conversation_id: str | None) -> list[ChatClient]:
        """The clients that can continue this conversation, in the order to ask them."""
        with self._lock:
            home = None if conversation_id is None else self._homes.get(conversation_id)
        if home is not None:
            return [home]
        order = self._in_order(self._clients)
        if conversation_id is not None:
            # Not seen before, for example after a restart: one backend at most knows it.
            makers = [item for item in self._clients if _makes_ids(item)]
            order = [item for item in order if item not in makers[1:]]
        if any(message.role == "assistant" for message in messages):
            # The others would get the last question alone.
            return [item for item in order if not _keeps_history(item)] or order
        return order

    def _in_order(self, clients: Sequence[ChatClient]) -> list[ChatClient]:
        """The clients that rest go last; the one that wakes first before the others."""
        at = now()
        with self._lock:
            until = {id(client): self._resting.get(id(client), 0.0) for client in clients}
        return sorted(clients, key=lambda client: max(0.0, until[id(client)] - at))

    def failed(self, client: ChatClient, error: ChatError) -> bool:
        """Let the client rest if it is unavailable; return whether it is."""
        if not self._when(error):
            return False
        seconds = max(self._rest, getattr(error, "retry_after", None) or 0.0)
        with self._lock:
            self._resting[id(client)] = now() + seconds
        return True

    def answers(self, client: ChatClient, answer: Answer) -> None:
        """End the rest of a client, and remember its conversation."""
        id_ = answer.conversation_id
        with self._lock:
            self._resting.pop(id(client), None)
            if id_ is not None and id_ not in self._homes and _keeps_history(client):
                while len(self._homes) >= MOST_CONVERSATIONS:
                    self._homes.pop(next(iter(self._homes)))
                self._homes[id_] = client

    def _observe(self, observer: Observer) -> None:
        super()._observe(observer)
        for client in self._clients:
            client._observe(observer)

    def _unobserve(self, observer: Observer) -> None:
        super()._unobserve(observer)
        for client in self._clients:
            client._unobserve(observer)

    def __repr__(self) -> str:
        return f"<FallbackClient {', '.join(client.url for client in self._clients)}>"


def fallback_client(
    kind: Any,
    clients: Sequence[ChatClient],
    *,
    when: Callable[[ChatError], bool] | None,
    rest: float,
) -> FallbackClient:
    """Return a `FallbackClient` that is a `ChatClient`, too, which is `kind`."""
    for client in clients:
        if not isinstance(client, kind):
            raise TypeError(
                f"fallback() takes ChatClients, each as an argument of its own, not "
                f"{type(client).__name__}"
            )
    made: FallbackClient = _class_of(kind)(clients, when=when, rest=rest)
    return made


@functools.cache
def _class_of(kind: Any) -> Any:
    return type(
        "FallbackClient",
        (FallbackClient, kind),
        {"__doc__": FallbackClient.__doc__, "__module__": __name__},
    )


def _makes_ids(client: ChatClient) -> bool:
    """Whether the client's backend keeps the conversation under an id that it chose."""
    return _keeps_history(client) and client.ask_dialect.new_conversation() is None


def _keeps_history(client: ChatClient) -> bool:
    """Whether the client's backend keeps the conversation."""
    return client.ask_dialect.history(client.url) == "server"
