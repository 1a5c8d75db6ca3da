"""`Plan`: the changes to the conversation for a request, and the messages to send."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from chatsdk.dialects.dialect import Dialect
from chatsdk.messages import Message
from chatsdk.session.approvals import Approval
from chatsdk.session.history import (
    before_answer,
    branch,
    count_on_server,
    edited,
    may_go_back,
    waiting_round,
)
from chatsdk.session.request import Ask, Edit, Post, Regenerate, Request, Resume
from chatsdk.session.rounds import by_session
from chatsdk.session.sendable import (
    not_run,
    owed_calls,
    without_failed_questions,
    without_owed_calls,
)
from chatsdk.session.snapshot import Snapshot

if TYPE_CHECKING:
    from chatsdk.client import AnswerStream, ChatClient
    from chatsdk.session.tools import Toolbox
    from chatsdk.transport import Cancel

__all__ = ["Plan", "named", "unused"]

# Default maximum of tool rounds in a turn. A model that still calls tools after this many is
# usually looping, and each round sends the complete conversation again.
MAX_ROUNDS = 8

NOTHING_WAITS = "no turn waits for a person, so there is nothing to resume: ask() instead"

EDIT_ON_SERVER = (
    "the backend keeps this conversation, so what was said earlier cannot be changed: ask() "
    "again, or reset() and begin a new conversation"
)


@attrs.frozen
class Plan:
    """The plan of a turn.

    Attributes:
        request: what to repeat on `regenerate`.
        messages: the conversation from now on.
        sent: the messages of it that are sent; ``None`` if a body is posted.
        conversation_id: the backend's conversation to continue.
        named: the id of the conversation, if it is chosen here.
        branches: the conversation can continue from any of its answers.
        asked: the ids of the messages that form the question.
        approvals: the calls that wait for a person, if the turn begins with those.
    """

    request: Post | Ask
    messages: tuple[Message, ...]
    sent: tuple[Message, ...] | None = None
    conversation_id: str | None = None
    named: str | None = None
    branches: bool = False
    asked: tuple[str | None, ...] = ()
    approvals: tuple[Approval, ...] = ()

    @classmethod
    def of(
        cls,
        request: Request,
        options: Mapping[str, Any],
        snapshot: Snapshot,
        *,
        dialect: Dialect,
        url: str,
        new_id: Callable[[], str],
    ) -> Plan:
        """Plan `request` for a session in the state `snapshot`; `dialect` is used with `url`.

        Raises:
            ValueError: the message does not exist, or the backend's own history forbids it.
            TypeError: options for a request that takes none.
        """
        last = None if snapshot.turn is None else snapshot.turn.request
        messages, id, server_has, origin, failed, approvals = snapshot.conversation
        kept_by_server = dialect.history(url) == "server"
        branches = kept_by_server and dialect.branches(id)
        removed: tuple[Message, ...] = ()
        if isinstance(request, Regenerate) and request.message_id is None:
            if isinstance(last, Post):
                request = last
        if isinstance(request, Post):
            if options:
                raise TypeError(
                    f"{', '.join(options)}: options are for asking; a body is sent as it is, so "
                    "put them into the body"
                )
            return cls(request, messages)
        if isinstance(request, Ask):
            new = named(request.messages, new_id, taken=messages)
            kept = (*messages, *new)
            asked = tuple(message.id for message in new)
            options = {**request.options, **options}
        elif isinstance(request, Resume):
            kept, asked = messages, ()
            if isinstance(last, Ask):
                options = {**last.options, **options}
            _check_resumed(approvals, options.get("tools"))
        else:
            if isinstance(last, Ask):
                options = {**last.options, **options}
            if isinstance(request, Regenerate):
                kept = before_answer(messages, request.message_id)
            else:
                kept = edited(messages, request)
            removed = messages[len(kept) :]
            asked = (kept[-1].id,)
            if (
                kept_by_server
                and not (branches and may_go_back(removed, origin))
                and (
                    isinstance(request, Edit)
                    or any(item.role != "assistant" and not by_session(item) for item in removed)
                )
            ):
                raise ValueError(EDIT_ON_SERVER)
        known = 0
        if "conversation_id" in options:
            id = options["conversation_id"]
            known = count_on_server(kept, server_has)
        elif branches:
            known, id = branch(kept, origin)
        elif kept_by_server:
            known = count_on_server(kept, server_has)
        elif id is None:
            id = dialect.new_conversation()
        if isinstance(request, Resume):
            # The round that waits is sent with its results: see `after_round`.
            return cls(
                Ask((), options),
                kept,
                without_failed_questions(without_owed_calls(kept[: waiting_round(kept)]), failed),
                id,
                named=None if kept_by_server else id,
                branches=branches,
                approvals=approvals,
            )
        sent = without_owed_calls(kept)
        if kept_by_server and id is not None:
            sent = sent[known:]
            if known:
                # The backend has the calls, and accepts nothing before their results.
                sent = (*not_run(owed_calls(kept[known - 1], sent)), *sent)
        return cls(
            Ask((), options),
            kept,
            without_failed_questions(sent, failed),
            id,
            named=None if kept_by_server else id,
            branches=branches,
            asked=asked,
        )

    @property
    def toolbox(self) -> Toolbox | None:
        """The tools to run; ``None`` if there are none."""
        options = {} if isinstance(self.request, Post) else self.request.options
        tools: Toolbox | None = options.get("tools")
        return tools if tools is not None and tools.runs(()) else None

    @property
    def max_rounds(self) -> int:
        """The maximum number of times that tool results are sent."""
        options = {} if isinstance(self.request, Post) else self.request.options
        return options.get("max_rounds") or MAX_ROUNDS

    def after_round(
        self,
        client: ChatClient,
        asked: Message,
        results: tuple[Message, ...],
        conversation_id: str | None,
        number: int,
    ) -> Plan:
        """Return the plan that sends the tool results of the round with this number.

        Args:
            client: determines who stores the conversation.
            asked: the model's message with its calls.
            results: what the tools returned.
            conversation_id: as the answer reported it.
        """
        assert isinstance(self.request, Ask)
        options = dict(self.request.options)
        if isinstance(key := options.get("idempotency_key"), str):
            # It is another request, so it needs another key.
            first = key.removesuffix(f"-{number}") if number > 1 else key
            options["idempotency_key"] = f"{first}-{number + 1}"
        if _insists(options.get("tool_choice")):
            # It has been fulfilled; sent again, it would make the model call tools forever.
            del options["tool_choice"]
        if conversation_id is not None:
            options.pop("conversation_id", None)
        id = conversation_id or self.conversation_id
        if id is not None and client.ask_dialect.history(client.url) == "server":
            sent = results
        else:
            sent = (*(self.sent or ()), asked, *results)
        return attrs.evolve(self, request=Ask((), options), sent=sent, conversation_id=id)

    def open(self, client: ChatClient, cancel: Cancel) -> AnswerStream:
        """Send it; raises what `ChatClient.send` and `ChatClient.ask` raise."""
        if isinstance(self.request, Post):
            return client.send(self.request.body, cancel=cancel)
        options = dict(self.request.options)
        options.pop("max_rounds", None)
        if (toolbox := options.get("tools")) is not None:
            options["tools"] = toolbox.declarations
        if self.conversation_id is not None:
            options.setdefault("conversation_id", self.conversation_id)
        return client.ask(list(self.sent or ()), cancel=cancel, **options)


def _check_resumed(approvals: Sequence[Approval], tools: Toolbox | None) -> None:
    if not approvals:
        raise ValueError(NOTHING_WAITS)
    missing = [item.call.name for item in approvals if tools is None or not tools.has(item.call)]
    if missing:
        raise ValueError(
            f"a call of the tool {missing[0]!r} waits: give tools= again, because functions cannot "
            "be saved"
        )


def _insists(choice: object) -> bool:
    """Whether a ``tool_choice`` forces a call, in the formats of OpenAI, Anthropic and others."""
    word = choice.get("type") if isinstance(choice, Mapping) else choice
    return word in ("required", "any", "function", "tool", "custom")


def named(
    messages: Sequence[Message], new_id: Callable[[], str], *, taken: Sequence[Message] = ()
) -> tuple[Message, ...]:
    """Give an id to each message that has none.

    Raises:
        ValueError: two messages have the same id.
        TypeError: an id is not a string.
    """
    ids = {message.id for message in taken}
    result = []
    for message in messages:
        if message.id is None:
            message = message._replace(id=unused(new_id, ids))
        elif not isinstance(message.id, str):
            raise TypeError(f"a message's id is a string, not {type(message.id).__name__}")
        elif message.id in ids:
            raise ValueError(f"two messages have the id {message.id!r}: leave one of them out")
        ids.add(message.id)
        result.append(message)
    return tuple(result)


def unused(new_id: Callable[[], str], ids: Collection[str | None]) -> str:
    """Return a new id that is not among `ids`, which may include ids of the caller."""
    # The loop ends because each new id is different.
    id = new_id()
    while id in ids:
        id = new_id()
    return id
