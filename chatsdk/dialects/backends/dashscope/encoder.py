"""Encodes parts as the events of one DashScope generation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

from chatsdk.answer import Answer, Usage
from chatsdk.dialects.backends.dashscope.decoder import FINISH
from chatsdk.dialects.encoder import Writer, write
from chatsdk.dialects.encoder_values import CallPieces, counts, dump, native_reason, opening
from chatsdk.parts import Citation, Failure, Finish, Identity, Part, ToolCallDelta

__all__ = ["encode"]

NATIVE = {word: word for word in FINISH}

# The finish reason before the end.
RUNNING = "null"

# The HTTP status that an error inside the stream repeats.
OK, INTERNAL = 200, 500


def encode(parts: Iterable[Part], *, id: str, snapshot: bool) -> Iterator[bytes]:
    """Encode the events of one generation; with `snapshot` each has the complete text up to now."""
    who, rest = opening(parts, id=id, model="")
    return write(_Events(who, snapshot), rest)


class _Events(Writer[bytes]):
    def __init__(self, who: Identity, snapshot: bool) -> None:
        self._id = who.id
        self._snapshot = snapshot
        self._numbers = count(1)
        self._places: dict[int | str, int] = {}
        self._pieces = CallPieces()

    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        yield self._said({"content": step.text if self._snapshot else added}, step)

    def reasoning(self, added: str, step: Answer) -> Iterator[bytes]:
        thought = step.reasoning if self._snapshot else added
        yield self._said({"content": "", "reasoning_content": thought}, step)

    def call(self, part: ToolCallDelta) -> Iterator[bytes]:
        place = self._places.setdefault(part.index, len(self._places))
        piece = self._pieces.added(part)
        arguments = self._pieces.whole(part.index) if self._snapshot else piece
        call = {
            "index": place,
            # Only a call's first delta has them.
            "id": part.id or "",
            "type": "function",
            "function": {"name": part.name or "", "arguments": arguments},
        }
        yield self._said({"content": "", "tool_calls": [call]}, Answer())

    def citations(self, items: tuple[Citation, ...], step: Answer) -> Iterator[bytes]:
        output = _choice({"content": ""}) | _cited(items)
        yield self._event(output, step.usage)

    def failure(self, part: Failure, answer: Answer) -> Iterator[bytes]:
        code = "InternalError" if part.code is None else str(part.code)
        error = {"code": code, "message": part.message, "request_id": self._id}
        yield self._frame("error", INTERNAL, error)

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        default = "tool_calls" if answer.tool_calls else "stop"
        reason = native_reason(finish, FINISH, NATIVE, default)
        whole = {"content": answer.text if self._snapshot else ""}
        yield self._event(_choice(whole, reason), answer.usage)

    def _said(self, message: dict[str, Any], step: Answer) -> bytes:
        return self._event(_choice(message), step.usage)

    def _event(self, output: dict[str, Any], usage: Usage) -> bytes:
        payload: dict[str, Any] = {"output": output}
        if usage:
            payload["usage"] = _usage(usage)
        return self._frame("result", OK, payload | {"request_id": self._id})

    def _frame(self, event: str, status: int, payload: dict[str, Any]) -> bytes:
        head = f"id:{next(self._numbers)}\nevent:{event}\n:HTTP_STATUS/{status}\n"
        return f"{head}data:{dump(payload)}\n\n".encode()


def _choice(message: dict[str, Any], reason: str = RUNNING) -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant"} | message, "finish_reason": reason}]}


def _cited(items: tuple[Citation, ...]) -> dict[str, Any]:
    """Encode citations: pages as search results, all others as retrieved documents."""
    pages, documents = [], []
    for place, item in enumerate(items, 1):
        number = place if item.position is None else item.position
        if item.document is None and item.snippet is None:
            pages.append({"index": number, "title": item.title or "", "url": item.url or ""})
        else:
            document = {
                "index_id": str(number),
                "title": item.title or "",
                "doc_id": item.document or "",
                "text": item.snippet or "",
            }
            documents.append(document | ({} if item.url is None else {"doc_url": item.url}))
    found: dict[str, Any] = {}
    if pages:
        found["search_info"] = {"search_results": pages}
    if documents:
        found["doc_references"] = documents
    return found


def _usage(usage: Usage) -> dict[str, Any]:
    into, out, total = counts(usage)
    written: dict[str, Any] = {
        "input_tokens": into,
        "output_tokens": out,
        "total_tokens": total,
    }
    if usage.reasoning is not None:
        written["output_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    if usage.cached is not None:
        written["prompt_tokens_details"] = {"cached_tokens": usage.cached}
    return written
