"""`Turn`: one answer of a chat, read by this process."""

from __future__ import annotations

import contextlib
import contextvars
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple
from uuid import uuid4

from chatsdk import ToolRejected
from chatsdk.answer import ToolCall
from chatsdk.client import ChatClient
from chatsdk.dialects.encoder_values import dump
from chatsdk.errors import ChatError
from chatsdk.messages import Message
from chatsdk.parts import Failure, Part, ToolApproval, ToolResult
from chatsdk.session import ChatSession
from chatsdk.session.approvals import Approval
from chatsdk.session.properties import snapshot_of
from chatsdk.session.saved import written
from chatsdk.transport import Cancel
from chatsdk.web.browser_approvals import ApprovalRecord, to_resume
from chatsdk.web.error_responses import failure_of
from chatsdk.web.frames import Wording, parts_of
from chatsdk.web.journal import Following, Journal, JournalError, JournalTurn

__all__ = ["Question", "Turn"]

_log = logging.getLogger("chatsdk.web")


class Question(NamedTuple):
    """The request of a turn.

    Attributes:
        chat: the chat's id.
        messages: the conversation, or only its new part if the backend stores the history.
        options: for the body.
        conversation_id: the backend's, or ``None``.
        tools: functions that the model may call, or ``None``.
        approvals: the calls of the last round about which a person was asked. The turn goes on with
            them.
        decided: those of them with a decision, for the record of approvals.
    """

    chat: str
    messages: tuple[Message, ...]
    options: dict[str, Any]
    conversation_id: str | None = None
    tools: Any = None
    approvals: tuple[Approval, ...] = ()
    decided: Mapping[str, str] = {}


class Turn:
    """Sends the request and writes the frames of the answer into the journal.

    Attributes:
        wording: encodes the answer.
    """

    def __init__(
        self,
        client: ChatClient,
        question: Question,
        wording: Wording,
        release: Callable[[], object],
        record: ApprovalRecord,
    ) -> None:
        self._client = client
        self._question = question
        self._release = release
        self._record = record
        self._cancel = Cancel()
        self._opened = threading.Event()
        self._error: BaseException | None = None
        self._session: ChatSession | None = None
        self._results: deque[ToolResult] = deque()
        # The calls that wait for a person: the turn ends with them.
        self._asked: tuple[ToolCall, ...] | None = None
        # Whether tools have run, so that the decisions of the request have been used.
        self._ran = False
        self._memory: Journal | None = None
        # The stream of `own_parts`.
        self._stream: Any = None
        self.wording = wording

    def open(self) -> Any:
        """Send the request, and return the stream.

        Raises:
            ChatError: the backend refused or cannot be reached.
        """
        question = self._question
        try:
            if question.tools is None:
                stream: Any = self._client.ask(
                    question.messages,
                    cancel=self._cancel,
                    conversation_id=question.conversation_id,
                    **question.options,
                )
            else:
                stream = self._ask_with_tools()
        except BaseException:
            self._release()
            raise
        return _Released(stream, self._release)

    def parts(self, stream: Any) -> Iterator[Part]:
        """Yield the parts of the answer, including the results of tools."""
        return parts_of(stream, self._results, partial(self._approvals, stream))

    def stop(self) -> None:
        """End the turn, from any thread, even before the backend has answered."""
        self._cancel.set()
        session = self._session
        if session is not None:
            session.stop()

    def _ask_with_tools(self) -> Any:
        question = self._question
        messages = _with_ids(question.messages)
        new = () if question.approvals else messages[-1:]
        conversation = to_resume(
            messages[: len(messages) - len(new)], question.conversation_id, question.approvals
        )
        session = ChatSession(self._client, saved=written(conversation, 0), on_tool=self._note)
        self._session = session
        session.subscribe(self._look)
        if self._cancel.is_set():
            session.stop()
        if question.approvals:
            return session.resume(tools=question.tools, **question.options)
        return session.ask(new, tools=question.tools, **question.options)

    def _look(self) -> None:
        """End the turn if it waits for a person: the answer comes with another request."""
        session = self._session
        if session is not None and session.status == "waiting":
            approvals = snapshot_of(session).conversation.approvals
            self._asked = tuple(
                item.call for item in approvals if item.decision is None and not item.by_hand
            )
            session.stop()

    def _approvals(self, stream: Any) -> list[ToolApproval] | None:
        """Return the requests with which the turn ends, ``None`` if it does not wait."""
        if self._asked is None:
            return None
        # Before the browser can answer.
        if self._memory is not None:
            self._remember(self._memory, stream.answer.conversation_id)
        # The calls with a decision run together with those that are asked about again.
        decided = {} if self._ran else self._question.decided
        return self._record.request(self._question.chat, self._asked, decided)

    def _note(self, call: ToolCall, result: Any) -> None:
        self._ran = True
        failed = isinstance(result, Exception)
        text = str(result) if failed or isinstance(result, str) else dump(result)
        rejected = isinstance(result, ToolRejected)
        self._results.append(ToolResult(call.id, text, failed, rejected))

    def close(self) -> None:
        """Close the stream of `own_parts`. Calling it twice is harmless."""
        if self._stream is not None:
            self._stream.close()

    def own_parts(self) -> Iterator[Part]:
        """Send the request, and yield the parts of the answer; an error is yielded last."""
        try:
            self._stream = self.open()
        except BaseException as error:
            yield self._refused(error)
            return
        finally:
            self._opened.set()
        yield from self.parts(self._stream)

    def start(self, journal: Journal, heartbeat: float) -> Following:
        """Begin the turn in the journal and read it on a background thread.

        Returns:
            Its entries, for the browser that began it. They are complete even if the turn ends or
            is replaced at once.
        """
        self._memory = journal
        entries = journal.begin(self._question.chat)
        try:
            following = journal.follow(self._question.chat, heartbeat=heartbeat, turn=entries.id)
            if following is None:
                raise JournalError("the journal has lost a turn that has just begun")
            entries.on_stop(self.stop)
            threading.Thread(
                # With the context variables of the request, such as the span of a tracer.
                target=contextvars.copy_context().run,
                args=(self._run, journal, entries),
                name="chatsdk-turn",
                daemon=True,
            ).start()
        except BaseException:
            with contextlib.suppress(JournalError):
                entries.end()
            raise
        return following

    def wait(self, timeout: float) -> BaseException | None:
        """Wait until the backend has accepted or refused; return the error of a refusal."""
        return self._error if self._opened.wait(timeout) else None

    def _run(self, journal: Journal, entries: JournalTurn) -> None:
        try:
            try:
                stream = self.open()
            except BaseException as error:
                for frame in self.wording.failure(self._refused(error)):
                    entries.append(frame)
                return
            finally:
                self._opened.set()
            with stream:
                for frame in self.wording.frames(self.parts(stream)):
                    entries.append(frame)
                self._remember(journal, stream.answer.conversation_id)
        except JournalError:
            _log.warning("a turn ended because the journal is out of reach")
        except Exception:
            _log.exception("a turn ended with an unexpected error")
        finally:
            try:
                entries.end()
            except JournalError:
                _log.warning("the end of a turn could not be written down")

    def _refused(self, error: BaseException) -> Failure:
        self._error = error
        if not isinstance(error, ChatError):
            _log.error("a turn could not begin", exc_info=error)
        return failure_of(error)

    def _remember(self, journal: Journal, conversation_id: str | None) -> None:
        if conversation_id is not None:
            journal.remember(self._question.chat, conversation_id)


def _with_ids(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Give each message a unique id, because the steps of the browser's messages share theirs."""
    known: set[str] = set()
    found = []
    for message in messages:
        if message.id is None or message.id in known:
            message = message._replace(id=f"msg_{uuid4().hex}")
        known.add(message.id or "")
        found.append(message)
    return tuple(found)


class _Released:
    """A stream whose closing frees its place among the running turns."""

    def __init__(self, stream: Any, release: Callable[[], object]) -> None:
        self._stream = stream
        self._release: Callable[[], object] | None = release

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> Any:
        return iter(self._stream)

    def close(self) -> None:
        release, self._release = self._release, None
        try:
            self._stream.close()
        finally:
            if release is not None:
                release()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
