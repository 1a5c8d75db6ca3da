"""Approvals of tool calls by the person at the browser, between two requests of a chat."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from uuid import uuid4

from chatsdk.answer import ToolCall
from chatsdk.dialects import AskedFor, CallDecision
from chatsdk.messages import Message
from chatsdk.parts import ToolApproval
from chatsdk.session.approvals import APPROVED, REJECTED, Approval, Decision
from chatsdk.session.history import Conversation, waiting_round
from chatsdk.web.journal import Journal
from chatsdk.web.request_checks import Refused

__all__ = ["ApprovalRecord", "approvals_of", "last_round", "to_resume"]


class ApprovalRecord:
    """The calls that a chat's last turn requested approval for.

    The browser keeps the conversation, so it could send back other arguments than those that the
    model wrote, or approve a call twice. A call runs only if this record has it, and only once.

    Args:
        journal: stores the record with the chat's conversation id, for all workers.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def request(
        self, chat: str, calls: Sequence[ToolCall], decided: Mapping[str, str]
    ) -> list[ToolApproval]:
        """Record these calls, and return the requests to send.

        Args:
            chat: the chat's id.
            calls: the calls that still wait for a decision.
            decided: what `check` returned for other calls of their round, which have not run.
        """
        requests = [ToolApproval(f"approval-{uuid4().hex}", call.id) for call in calls]
        record = {item.id: _digest(call) for item, call in zip(requests, calls, strict=True)}
        self._journal.remember(_key(chat), json.dumps({**decided, **record}))
        return requests

    def check(
        self, chat: str, decisions: Sequence[tuple[CallDecision, ToolCall]]
    ) -> dict[str, str]:
        """Check that approval of these calls was requested, and return those with a decision.

        Raises:
            Refused: it was not, or the person has already decided.
        """
        record = self._read(chat)
        found = {}
        for item, call in decisions:
            digest = _digest(call)
            if record.get(item.approval_id) != digest:
                raise _unknown()
            if item.approved is not None:
                found[item.approval_id] = digest
        return found

    def take(self, chat: str, decided: Mapping[str, str]) -> None:
        """Forget the requests, because a turn continues with these decisions.

        Raises:
            Refused: another request has been faster.
        """
        # Guards the time between reading the record and writing it. It is made here, because one
        # from before gevent's patches would block all greenlets.
        with vars(self).setdefault("_lock", threading.Lock()):
            record = self._read(chat)
            if not decided.keys() <= record.keys():
                raise _unknown()
            self._journal.remember(_key(chat), "{}")

    def _read(self, chat: str) -> dict[str, str]:
        found: dict[str, str] = json.loads(self._journal.conversation(_key(chat)) or "{}")
        return found


def approvals_of(asked: AskedFor) -> tuple[list[Approval], list[tuple[CallDecision, ToolCall]]]:
    """Return the approvals of a request's last round, and the decisions with their calls."""
    approvals: list[Approval] = []
    found = []
    decisions = {item.call_id: item for item in asked.decisions}
    calls = asked.messages[waiting_round(asked.messages)].tool_calls
    for place, call in enumerate(calls):
        item = decisions.get(call.id or "")
        if item is None:
            continue
        found.append((item, call))
        decision = None
        if item.approved is not None:
            decision = Decision(APPROVED) if item.approved else Decision(REJECTED, item.reason)
        approvals.append(Approval(place, call, decision))
    return approvals, found


def last_round(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return the last message with calls, and what follows it."""
    return tuple(messages[waiting_round(messages) :])


def to_resume(
    messages: Sequence[Message], conversation_id: str | None, approvals: Sequence[Approval]
) -> Conversation:
    """Return the conversation of a session that waits for these approvals."""
    return Conversation(
        tuple(messages), conversation_id, resumed_from=conversation_id, approvals=tuple(approvals)
    )


def _unknown() -> Refused:
    message = "There is no such question, or it has been answered already."
    return Refused.of(400, "unknown_approval", message)


def _key(chat: str) -> str:
    # No chat has such an id.
    return f"{chat}#approvals"


def _digest(call: ToolCall) -> str:
    # All numbers as floats, because a browser has no others and writes 1.0 as 1.
    try:
        given = json.loads(call.arguments or "{}", parse_int=float)
    except (ValueError, RecursionError):
        given = call.arguments
    text = json.dumps([call.name, given], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
