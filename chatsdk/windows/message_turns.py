"""Groups the messages of a session into turns to draw."""

from __future__ import annotations

from collections.abc import Mapping

from chatsdk.answer import Answer, ToolCall
from chatsdk.messages import Message
from chatsdk.session.approvals import Approval
from chatsdk.session.snapshot import Snapshot
from chatsdk.session.status import Status
from chatsdk.windows import words
from chatsdk.windows.links import safe_url
from chatsdk.windows.shown_turn import (
    CallPart,
    Notice,
    Part,
    Question,
    ReasoningPart,
    ShownTurn,
    Source,
    TextPart,
)

__all__ = ["message_of", "turn_of", "turns_of", "with_live"]


def turns_of(
    messages: tuple[Message, ...], notices: Mapping[str, Notice], approvals: tuple[Approval, ...]
) -> tuple[ShownTurn, ...]:
    """Group messages into turns; system messages are not shown."""
    turns: list[ShownTurn] = []
    question: Question | None = None
    reply: list[Message] = []

    def end() -> None:
        if question is not None or reply:
            turns.append(
                turn_of(question, tuple(reply), _notice(reply, notices), approvals=waiting)
            )

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


def with_live(
    past: tuple[ShownTurn, ...], snapshot: Snapshot, seconds: int
) -> tuple[ShownTurn, ...]:
    turn = snapshot.turn
    assert turn is not None
    answer = snapshot.answer
    message = message_of(turn.rounds.rest(answer))
    state = "writing" if answer.finish_reason is None else "running"
    reply = (*turn.rounds.messages, message)
    live = turn_of(None, reply, None, state=state, approvals=snapshot.conversation.approvals)
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


def message_of(answer: Answer) -> Message:
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


def turn_of(
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
