"""`Transcript`: everything a chat window shows of a session, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from chatsdk.answer import Answer, ToolCall
from chatsdk.messages import Image, Message
from chatsdk.session.approvals import Approval
from chatsdk.session.snapshot import Snapshot
from chatsdk.session.status import Status
from chatsdk.values import distinct
from chatsdk.windows import words
from chatsdk.windows.links import safe_url

__all__ = [
    "CallPart",
    "Notice",
    "Part",
    "Question",
    "ReasoningPart",
    "ShownTurn",
    "Source",
    "TextPart",
    "Transcript",
    "notice_of",
]


class Question(NamedTuple):
    """A message of the user.

    Attributes:
        text: its text.
        images: its images.
        files: the names of its files.
        id: its id within the session, for `ChatSession.edit`.
    """

    text: str = ""
    images: tuple[Image, ...] = ()
    files: tuple[str, ...] = ()
    id: str | None = None


@distinct
class TextPart(NamedTuple):
    """A piece of an answer: Markdown."""

    text: str


@distinct
class ReasoningPart(NamedTuple):
    """A piece of the model's reasoning: plain text."""

    text: str


@distinct
class CallPart(NamedTuple):
    """A tool call.

    Attributes:
        name: the tool's name.
        arguments: their JSON text, as far as it has been received.
        state: ``"writing"`` (the arguments are being received), ``"running"``, ``"waiting"`` (a
            person must allow it), ``"finished"``, ``"error"``, or ``"called"`` if nothing more is
            known.
        result: the text of its result, ``None`` before.
        id: the id of the call, for `ChatSession.approve` while it is waiting.
        by_hand: it is waiting, and there is no function to run: it can only be denied here.
    """

    name: str
    arguments: str = ""
    state: str = "called"
    result: str | None = None
    id: str | None = None
    by_hand: bool = False


Part = TextPart | ReasoningPart | CallPart


class Source(NamedTuple):
    """A citation.

    Attributes:
        number: its number in the answer.
        title: its name: a title, a document or a URL.
        url: a URL that is safe to open, or ``None``.
        snippet: the cited passage.
    """

    number: int
    title: str
    url: str | None = None
    snippet: str | None = None


class Notice(NamedTuple):
    """A line below an answer about the state of its turn.

    Attributes:
        kind: ``"waiting"``, ``"stopped"``, ``"empty"``, ``"incomplete"`` or ``"error"``.
        text: the sentence to show.
        retry: whether to offer to ask again.
    """

    kind: str
    text: str
    retry: bool = False


class ShownTurn(NamedTuple):
    """A question and its answer.

    Attributes:
        question: ``None`` if the session posted a body, or begins with an answer.
        parts: the pieces of the answer, in order.
        sources: its citations.
        notice: its state, if there is something to say.
        live: it is in flight.
        reply_id: the id of the answer's last message, for `ChatSession.regenerate`; ``None`` while
            it is in flight.
    """

    question: Question | None = None
    parts: tuple[Part, ...] = ()
    sources: tuple[Source, ...] = ()
    notice: Notice | None = None
    live: bool = False
    reply_id: str | None = None

    @property
    def text(self) -> str:
        """The text of the answer, to be copied."""
        return "\n\n".join(part.text for part in self.parts if isinstance(part, TextPart))


class Transcript(NamedTuple):
    """The turns of a session, oldest first, and its state.

    Attributes:
        turns: a tuple of `ShownTurn`.
        status: the session's status.
        messages: the messages that the turns were read from.
        past: the turns of those messages, without the one in flight and without an offer to retry.
        ended: the number of notices that were known.
        approvals: the calls that a person has to decide about, with the decisions.
    """

    turns: tuple[ShownTurn, ...] = ()
    status: Status = Status.IDLE
    messages: tuple[Message, ...] = ()
    past: tuple[ShownTurn, ...] = ()
    ended: int = 0
    approvals: tuple[Approval, ...] = ()

    @property
    def in_flight(self) -> bool:
        """Whether an answer is being received."""
        return self.status.in_flight

    def same_as(self, earlier: Transcript) -> int:
        """Count the turns at the beginning that are the same in an earlier transcript."""
        count = 0
        for turn, old in zip(self.turns, earlier.turns, strict=False):
            # Unchanged turns are mostly the same objects, which is a fast comparison.
            if turn is not old and turn != old:
                break
            count += 1
        return count

    @classmethod
    def read(
        cls,
        snapshot: Snapshot,
        earlier: Transcript | None = None,
        *,
        notices: Mapping[str, Notice] | None = None,
        seconds: int = 0,
    ) -> Transcript:
        """Return what to show of a session.

        Args:
            snapshot: the state of the session.
            earlier: the previous transcript of the same session, which saves reading its messages
                again.
            notices: how earlier turns ended, by the id of their answer.
            seconds: time since the turn in flight was submitted.
        """
        messages = snapshot.conversation.messages
        approvals = snapshot.conversation.approvals
        notices = notices or {}
        if (
            earlier is not None
            and messages is earlier.messages
            and len(notices) == earlier.ended
            and approvals == earlier.approvals
        ):
            past = earlier.past
        else:
            past = _turns(messages, notices, approvals)
        status = snapshot.status
        turns = past
        turn = snapshot.turn
        if turn is not None and status.in_flight:
            turns = _with_live(past, snapshot, seconds)
        elif turn is not None and turn.reply_id is None and snapshot.outcome is not None:
            # A body was posted: its answer is not among the messages.
            notice = notice_of(snapshot)
            turns = (*past, _turn(None, (_part_message(snapshot.answer),), notice))
        if not status.in_flight and turns:
            turns = (*turns[:-1], _with_retry(turns[-1]))
        return cls(turns, status, messages, past, len(notices), approvals)


def notice_of(snapshot: Snapshot) -> Notice | None:
    """Return the notice for the last turn, if it has ended in a way that needs one."""
    outcome = snapshot.outcome
    if outcome is None:
        return None
    answer = outcome.answer
    if outcome.reason == "error":
        return Notice("error", str(outcome.error) or words.FAILED)
    if outcome.reason == "stopped":
        return Notice("stopped", words.STOPPED)
    if answer.finish_reason in words.INCOMPLETE:
        return Notice("incomplete", words.INCOMPLETE[answer.finish_reason])
    if outcome.end == "unproven":
        return Notice("incomplete", words.UNPROVEN)
    if not answer.text.strip() and not answer.tool_calls:
        return Notice("empty", words.EMPTY)
    return None


def _with_retry(turn: ShownTurn) -> ShownTurn:
    """Offer to ask again in the last turn, if it has failed or was never answered."""
    notice = turn.notice
    if notice is not None and notice.kind == "error":
        return turn._replace(notice=notice._replace(retry=True))
    if notice is None and not turn.parts:
        return turn._replace(notice=Notice("stopped", words.UNANSWERED, retry=True))
    return turn


def _turns(
    messages: tuple[Message, ...], notices: Mapping[str, Notice], approvals: tuple[Approval, ...]
) -> tuple[ShownTurn, ...]:
    """Group messages into turns; system messages are not shown."""
    turns: list[ShownTurn] = []
    question: Question | None = None
    reply: list[Message] = []

    def end() -> None:
        if question is not None or reply:
            turns.append(_turn(question, tuple(reply), _notice(reply, notices), approvals=waiting))

    # Only calls of the last turn can be waiting.
    waiting: tuple[Approval, ...] = ()
    for message in messages:
        if message.role == "system":
            continue
        if message.role == "user":
            end()
            question, reply = _question(message), []
        else:
            reply.append(message)
    waiting = approvals
    end()
    return tuple(turns)


def _notice(reply: list[Message], notices: Mapping[str, Notice]) -> Notice | None:
    last = next((message for message in reversed(reply) if message.role == "assistant"), None)
    if last is None:
        return None
    if last.id is not None and (known := notices.get(last.id)) is not None:
        return known
    if last.status == Status.ERROR:
        return Notice("error", words.FAILED)
    if last.status == Status.STOPPED:
        return Notice("stopped", words.STOPPED)
    if any(message.content.strip() or message.tool_calls for message in reply):
        return None
    return Notice("empty", words.EMPTY)


def _with_live(
    past: tuple[ShownTurn, ...], snapshot: Snapshot, seconds: int
) -> tuple[ShownTurn, ...]:
    turn = snapshot.turn
    assert turn is not None
    answer = snapshot.answer
    message = _part_message(turn.rounds.rest(answer))
    state = "writing" if answer.finish_reason is None else "running"
    reply = (*turn.rounds.messages, message)
    live = _turn(None, reply, None, state=state, approvals=snapshot.conversation.approvals)
    last = live.parts[-1] if live.parts else None
    notice = None
    if isinstance(last, CallPart) and last.state == "running":
        notice = Notice("waiting", words.running(seconds))
    elif not isinstance(last, TextPart) and not _is_waiting(last):
        notice = Notice("waiting", words.waiting(seconds))
    live = live._replace(notice=notice, live=True, reply_id=None)
    if turn.reply_id is None or not past:
        return (*past, live)
    # The messages end with the question, or with the results of tools that the program has run.
    old = past[-1]
    continued = live._replace(
        question=old.question,
        parts=(*old.parts, *live.parts),
        sources=(*old.sources, *live.sources),
    )
    return (*past[:-1], continued)


def _is_waiting(part: Part | None) -> bool:
    return isinstance(part, CallPart) and part.state == "waiting"


def _part_message(answer: Answer) -> Message:
    return Message(
        "assistant",
        answer.text,
        tool_calls=answer.tool_calls,
        reasoning=answer.reasoning,
        citations=answer.citations,
    )


def _question(message: Message) -> Question:
    return Question(
        message.content,
        message.images,
        tuple(file.name or file.media_type for file in message.files),
        message.id,
    )


def _turn(
    question: Question | None,
    reply: tuple[Message, ...],
    notice: Notice | None,
    *,
    state: str = "called",
    approvals: tuple[Approval, ...] = (),
) -> ShownTurn:
    """Return the turn of a question and the messages that answer it.

    `state` is that of calls without a result; those of `approvals` are waiting, in the last message
    that calls tools.
    """
    asking = [place for place, message in enumerate(reply) if message.tool_calls][-1:]
    parts: list[Part] = []
    sources: list[Source] = []
    reply_id = None
    for place, message in enumerate(reply):
        if message.role != "assistant":
            continue
        reply_id = message.id
        if message.reasoning:
            parts.append(ReasoningPart(message.reasoning))
        if message.content.strip():
            parts.append(TextPart(message.content))
        results = _results(message.tool_calls, reply[place + 1 :])
        waiting = {item.place: item for item in approvals if place in asking}
        for index, (call, result) in enumerate(zip(message.tool_calls, results, strict=True)):
            approval = waiting.get(index)
            if result is None and approval is not None and approval.decision is None:
                by_hand = approval.by_hand
                part = CallPart(
                    call.name or "", call.arguments, "waiting", None, approval.call.id, by_hand
                )
                parts.append(part)
            else:
                parts.append(_call(call, result, state))
        for citation in message.citations:
            number = len(sources) + 1 if citation.position is None else citation.position
            url = safe_url(citation.url)
            title = citation.title or citation.document or citation.url or words.SOURCE
            sources.append(Source(number, " ".join(title.split()), url, citation.snippet))
    return ShownTurn(question, tuple(parts), tuple(sources), notice, reply_id=reply_id)


def _results(calls: tuple[ToolCall, ...], following: tuple[Message, ...]) -> list[Message | None]:
    """Find the result of each call among the messages that follow; those without ids in order."""
    results = []
    for message in following:
        if message.role != "tool":
            break
        results.append(message)
    found: list[Message | None] = [None] * len(calls)
    # By their ids, then those without one in order, first for calls without one.
    for matches in (
        lambda call, item: call.id is not None and item.tool_call_id == call.id,
        lambda call, item: call.id is None and item.tool_call_id is None,
        lambda call, item: item.tool_call_id is None,
    ):
        for place, call in enumerate(calls):
            match = next((item for item in results if matches(call, item)), None)
            if found[place] is None and match is not None:
                results.remove(match)
                found[place] = match
    return found


def _call(call: ToolCall, result: Message | None, state: str) -> CallPart:
    if result is None:
        return CallPart(call.name or "", call.arguments, state, None, call.id)
    state = "error" if result.status == Status.ERROR else "finished"
    return CallPart(call.name or "", call.arguments, state, result.content, call.id)
