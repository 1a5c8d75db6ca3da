"""`TurnPlan`: the changes to the conversation for a request, and the messages to send."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from chatsdk.dialects.dialect import Dialect
from chatsdk.messages import Message
from chatsdk.session.approvals import Approval
from chatsdk.session.history import (
    Conversation,
    History,
    before_answer,
    edited,
    is_answer,
    waiting_round,
    with_ids,
)
from chatsdk.session.incomplete_turns import (
    cancelled_results,
    unanswered_calls,
    without_failed_questions,
    without_unanswered_calls,
)
from chatsdk.session.request import Ask, Edit, Post, Regenerate, Request, Resume
from chatsdk.session.snapshot import Snapshot

if TYPE_CHECKING:
    from chatsdk.client import AnswerStream, ChatClient
    from chatsdk.session.tools import Toolbox
    from chatsdk.transport import Cancel

__all__ = ["TurnPlan"]

# Default maximum of tool rounds in a turn. A model that still calls tools after this many is
# usually looping, and each round sends the complete conversation again.
MAX_ROUNDS = 8

NOTHING_WAITS = "no turn waits for a person, so there is nothing to resume: ask() instead"


@attrs.frozen
class TurnPlan:
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
    ) -> TurnPlan:
        """Plan `request` for a session in the state `snapshot`; `dialect` is used with `url`.

        Raises:
            ValueError: the message does not exist, or the backend's own history forbids it.
            TypeError: options for a request that takes none.
        """
        last = None if snapshot.turn is None else snapshot.turn.plan.request
        if isinstance(request, Regenerate) and request.message_id is None:
            if isinstance(last, Post):
                request = last
        if isinstance(request, Post):
            return cls.for_body(request, options, snapshot.conversation)
        history = History.of(snapshot.conversation, dialect, url)
        if isinstance(request, Ask):
            return cls.for_messages(request, options, history, new_id)
        if isinstance(last, Ask):
            options = {**last.options, **options}
        if isinstance(request, Resume):
            return cls.for_waiting_calls(options, history)
        if isinstance(request, Regenerate):
            return cls.for_regenerate(request, options, history)
        return cls.for_edit(request, options, history)

    @classmethod
    def for_body(
        cls, request: Post, options: Mapping[str, Any], conversation: Conversation
    ) -> TurnPlan:
        """Plan to send a body, which leaves the conversation as it is."""
        if options:
            raise TypeError(
                f"{', '.join(options)}: options are for asking; a body is sent as it is, so "
                "put them into the body"
            )
        return cls(request, conversation.messages)

    @classmethod
    def for_messages(
        cls,
        request: Ask,
        options: Mapping[str, Any],
        history: History,
        new_id: Callable[[], str],
    ) -> TurnPlan:
        """Plan to ask new messages."""
        messages = history.conversation.messages
        new = with_ids(request.messages, new_id, taken=messages)
        asked = tuple(message.id for message in new)
        return cls._asking((*messages, *new), asked, {**request.options, **options}, history)

    @classmethod
    def for_regenerate(
        cls, request: Regenerate, options: Mapping[str, Any], history: History
    ) -> TurnPlan:
        """Plan to have a question answered again."""
        messages = history.conversation.messages
        kept = before_answer(messages, request.message_id)
        removed = messages[len(kept) :]
        # Without a question among them, a backend takes the last one again.
        if any(not is_answer(message) for message in removed):
            history.check_removal(removed)
        return cls._asking(kept, (kept[-1].id,), options, history)

    @classmethod
    def for_edit(cls, request: Edit, options: Mapping[str, Any], history: History) -> TurnPlan:
        """Plan to change a question and have it answered."""
        messages = history.conversation.messages
        kept = edited(messages, request.message_id, request.text)
        history.check_removal(messages[len(kept) :])
        return cls._asking(kept, (kept[-1].id,), options, history)

    @classmethod
    def for_waiting_calls(cls, options: Mapping[str, Any], history: History) -> TurnPlan:
        """Plan to continue the waiting round; `after_round` sends it with its results."""
        messages, failed = history.conversation.messages, history.conversation.failed
        approvals = history.conversation.approvals
        _check_resumed(approvals, options.get("tools"))
        sent = without_unanswered_calls(messages[: waiting_round(messages)])
        _, id = history.continued(messages, options)
        return cls(
            Ask((), options),
            messages,
            without_failed_questions(sent, failed),
            id,
            named=None if history.by_server else id,
            branches=history.branches,
            approvals=approvals,
        )

    @classmethod
    def _asking(
        cls,
        kept: tuple[Message, ...],
        asked: tuple[str | None, ...],
        options: Mapping[str, Any],
        history: History,
    ) -> TurnPlan:
        """Plan to have `kept` answered, of which the messages with the ids `asked` are new."""
        known, id = history.continued(kept, options)
        sent = without_unanswered_calls(kept)
        if history.by_server and id is not None:
            sent = sent[known:]
            if known:
                # The backend has the calls, and accepts nothing before their results.
                sent = (*cancelled_results(unanswered_calls(kept[known - 1], sent)), *sent)
        return cls(
            Ask((), options),
            kept,
            without_failed_questions(sent, history.conversation.failed),
            id,
            named=None if history.by_server else id,
            branches=history.branches,
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
    ) -> TurnPlan:
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
