"""`Asker`: what a client offers on top of `ask`: many prompts, and a second backend."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

from chatsdk.keywords import check_map
from chatsdk.messages import Message
from chatsdk.options import Retry

if TYPE_CHECKING:
    from chatsdk.client.client import ChatClient
    from chatsdk.client.fallback import FallbackClient
    from chatsdk.client.outcomes import Outcomes
    from chatsdk.client.stream import AnswerStream
    from chatsdk.errors import ChatError
    from chatsdk.transport import Cancel

__all__ = ["Asker", "Prompt"]

# Seconds for which a backend that failed rests: long enough for a restart.
REST_SECONDS = 30.0

_T = TypeVar("_T")

Prompt = str | Message | Mapping[str, Any] | Iterable[Message | Mapping[str, Any] | str]


class Asker:
    """A client that can `ask`."""

    _retry: Retry

    @abstractmethod
    def ask(self, prompt: Prompt, *, cancel: Cancel | None = None, **options: Any) -> AnswerStream:
        """Ask a prompt or a list of messages."""

    @overload
    def map(
        self,
        prompts: Iterable[Prompt],
        *,
        output: type[_T],
        workers: int = 8,
        progress: bool | str = True,
        ordered: bool = True,
        on_error: str = "keep",
        cancel: Cancel | None = None,
        **options: Any,
    ) -> Outcomes[_T]: ...

    @overload
    def map(
        self,
        prompts: Iterable[Prompt],
        *,
        workers: int = 8,
        output: Any = None,
        progress: bool | str = True,
        ordered: bool = True,
        on_error: str = "keep",
        cancel: Cancel | None = None,
        **options: Any,
    ) -> Outcomes: ...

    def map(
        self,
        prompts: Iterable[Prompt],
        *,
        workers: int = 8,
        output: Any = None,
        progress: bool | str = True,
        ordered: bool = True,
        on_error: str = "keep",
        cancel: Cancel | None = None,
        **options: Any,
    ) -> Outcomes:
        """Ask many prompts at once, and iterate over their outcomes as they arrive.

        If the backend refuses one for now (429, or ``Retry-After``), all workers pause, and it is
        asked again, unless `Retry` forbids that.

        Args:
            prompts: each as in `ask`. They are taken one by one on the thread that iterates, at
                most four for each worker ahead. So a generator of any length is fine. No outcome is
                given while a generator waits for its next prompt.
            workers: how many are asked at once.
            output: as in `ask`; `PromptOutcome.value` is the object.
            progress: draw a bar on stderr if it is a terminal, or in a notebook; ``"always"``
                draws it in any case. Needs tqdm (extra ``batch``); without it there is no bar.
            ordered: give the outcomes in the order of the prompts, else as they arrive.
            on_error: ``"keep"`` gives the outcome of a failed prompt like any other, with its
                ``error`` and the partial answer; ``"raise"`` raises the error and ends.
            cancel: a `Cancel` that ends all of it.
            options: fields of each body, as in `ask`.

        Returns:
            an iterator of `PromptOutcome`, an `Outcome` with ``index`` and ``prompt``. Closing it
            ends the answers under way.

        Raises:
            TypeError, ValueError: an argument is invalid. Iterating raises what `ask` raises for
                a prompt that cannot be sent, and what a function of yours raises. What the iterable
                raises comes after the outcomes of the prompts before.
        """
        from chatsdk.client.outcomes import Outcomes

        if "idempotency_key" in options:
            raise TypeError(
                "each prompt needs a key of its own: give the client "
                "retry=Retry(idempotency_key=function)"
            )
        check_map(options)
        if output is not None:
            options["output"] = output
        return Outcomes(
            partial(self.ask, **options),
            prompts,
            workers=workers,
            ordered=ordered,
            on_error=on_error,
            progress=progress,
            cancel=cancel,
            retry=self._retry,
        )

    @classmethod
    def fallback(
        cls,
        *clients: ChatClient,
        when: Callable[[ChatError], bool] | None = None,
        rest: float = REST_SECONDS,
    ) -> FallbackClient:
        """Return a client that asks the next of `clients` when one is down.

        It is asked like any client, in a session, too. The next client is asked if one cannot be
        reached, refuses for now (429, 5xx, an exhausted quota) or is silent longer than its
        `Timeout.first_event`. After the first word of the answer, no other is asked. No backend is
        asked twice: the clients' own `retry` is not used. ``stream.client`` and ``answer.backend``
        name the one that answered.

        Args:
            clients: in the order in which they are asked. The limits and the defaults of each hold
                for its own requests. `close` closes them all.
            when: called with each `ChatError` before the first word; whether to ask the next
                client, instead of the rule above.
            rest: seconds for which a client that failed is asked only after all others, or longer
                if its backend asks for it in ``Retry-After``.

        Raises:
            TypeError, ValueError: an argument is invalid, or a client is given twice.
        """
        from chatsdk.client.fallback import fallback_client

        # `ChatClient`, which imports this module.
        kind = next(item for item in cls.__mro__ if Asker in item.__bases__)
        return fallback_client(kind, clients, when=when, rest=rest)
