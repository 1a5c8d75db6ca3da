"""The responses added by a test, and their selection for a request."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import attrs

from chatsdk.answer import ToolCall
from chatsdk.dialects import Dialect
from chatsdk.parts import Citation, Failure, Part, Usage
from chatsdk.testing.answers import AnswerScript, Spoken, answer_parts
from chatsdk.testing.request import RecordedRequest
from chatsdk.testing.response import Reply, Response
from chatsdk.testing.script import Script, Steps
from chatsdk.testing.server_exchange import Framing, Head, HeaderLines

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Expectations", "Which"]

AnyResponse = TypeVar("AnyResponse", bound=Response)


class Which(TypedDict, total=False):
    """The requests that a response is for: by path and method, once or `repeat`edly."""

    path: str | None
    method: str | None
    repeat: bool


@attrs.frozen
class _Expectation:
    response: Response
    method: str | None
    path: str | None
    repeat: bool

    def fits(self, request: RecordedRequest) -> bool:
        return self.method in (None, request.method) and self.path in (None, request.path)


class Expectations:
    """Responses in the order in which they were added. Thread-safe.

    All methods that add one take `path=` and `method=`, which limit it to matching requests, and
    `repeat=True`, which keeps it for every such request.
    """

    def __init__(self) -> None:
        # Guards _expected; held only briefly.
        self._lock = threading.Lock()
        self._expected: list[_Expectation] = []

    def take(self, request: RecordedRequest) -> Response | None:
        """Return the response for a request, None without one; called by the server."""
        with self._lock:
            fitting = [one for one in self._expected if one.fits(request)]
            fitting.sort(key=lambda one: one.repeat)
            if not fitting:
                return None
            if not fitting[0].repeat:
                # By identity, because two equal replies are two responses.
                self._expected = [one for one in self._expected if one is not fitting[0]]
            return fitting[0].response

    def add(
        self,
        response: AnyResponse,
        *,
        path: str | None = None,
        method: str | None = None,
        repeat: bool = False,
    ) -> AnyResponse:
        """Answer the next request with `response`, and return it."""
        if repeat and isinstance(response, Script) and response.driven:
            raise ValueError("a stream that repeats needs its steps: stream([...], repeat=True)")
        expectation = _Expectation(response, method, path, repeat)
        with self._lock:
            self._expected.append(expectation)
        return response

    def reply(
        self,
        status: int = 200,
        *,
        body: bytes | str = b"",
        json: Any = None,
        headers: HeaderLines = (),
        content_type: str | None = None,
        encoding: str | None = None,
        **which: Unpack[Which],
    ) -> Reply:
        """Answer with a complete response; see `Reply` for its arguments."""
        response = Reply(
            status,
            body=body,
            json=json,
            headers=headers,
            content_type=content_type,
            encoding=encoding,
        )
        return self.add(response, **which)

    def stream(
        self,
        steps: Steps | None = None,
        *,
        status: int = 200,
        headers: HeaderLines = (),
        content_type: str | None = "text/event-stream",
        framing: Framing = "chunked",
        content_length: int | None = None,
        encoding: str | None = None,
        hold_head: bool = False,
        **which: Unpack[Which],
    ) -> Script:
        """Answer with a stream; see `Script` for its steps and `Head` for the rest.

        Without `steps`, the test drives the returned script; with them, it runs by itself.
        """
        head = Head(
            status=status,
            headers=headers,
            content_type=content_type,
            framing=framing,
            content_length=content_length,
            encoding=encoding,
        )
        script = Script(head, steps=steps, hold_head=hold_head)
        return self.add(script, **which)

    def answer(
        self,
        dialect: str | Dialect,
        text: Spoken = None,
        *,
        reasoning: Spoken = None,
        tool_calls: Iterable[ToolCall | Mapping[str, Any]] = (),
        citations: Iterable[Citation] = (),
        usage: Usage | None = None,
        finish_reason: str | None = None,
        failure: Failure | None = None,
        parts: Iterable[Part] | None = None,
        pieces: int | None = None,
        pace: float = 0.0,
        id: str = "answer-1",
        conversation_id: str | None = None,
        model: str = "built-in",
        headers: HeaderLines = (),
        framing: Framing = "chunked",
        encoding: str | None = None,
        **which: Unpack[Which],
    ) -> AnswerScript:
        """Answer like a backend of this dialect.

        See `answer_parts` for the contents of the answer; `parts` gives them one by one. `pace` is
        the seconds between two pieces of text. Without any contents, the test drives the returned
        script with `say`, `put`, `finish` and `cut`.
        """
        said = text, reasoning, tool_calls, citations, usage, finish_reason, failure
        if parts is None and any(said):
            parts = answer_parts(
                text,
                reasoning=reasoning,
                tool_calls=tool_calls,
                citations=citations,
                usage=usage,
                finish_reason=finish_reason,
                failure=failure,
                pieces=pieces,
                id=id,
                conversation_id=conversation_id,
                model=model,
            )
        script = AnswerScript(
            dialect,
            parts,
            pace=pace,
            id=id,
            model=model,
            headers=headers,
            framing=framing,
            encoding=encoding,
        )
        return self.add(script, **which)
