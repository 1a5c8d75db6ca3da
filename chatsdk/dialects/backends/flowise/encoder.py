"""Encodes parts as the events of one Flowise prediction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from chatsdk.answer import Answer, ToolCall
from chatsdk.dialects.encoder import Writer, write
from chatsdk.dialects.encoder_values import counts, dump, opening
from chatsdk.parts import Citation, Failure, Finish, Identity, Part

__all__ = ["encode"]


def encode(parts: Iterable[Part], *, id: str, model: str) -> Iterator[bytes]:
    """Encode the events of one prediction."""
    who, rest = opening(parts, id=id, model=model)
    return write(_Prediction(who), rest)


class _Prediction(Writer[bytes]):
    def __init__(self, who: Identity) -> None:
        self._who = who

    def begin(self) -> Iterator[bytes]:
        yield _event("start", "")

    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        yield _event("token", added)

    def calls(self, calls: tuple[ToolCall, ...], first: int) -> Iterator[bytes]:
        used = [
            {"tool": call.name or "", "toolInput": _given(call.arguments), "toolOutput": ""}
            for call in calls
        ]
        yield _event("usedTools", used)

    def citations(self, items: tuple[Citation, ...], step: Answer) -> Iterator[bytes]:
        yield _event("sourceDocuments", [_document(item) for item in items])

    def failure(self, part: Failure, answer: Answer) -> Iterator[bytes]:
        yield _event("error", part.message, closing=True)
        yield _event("end", "[DONE]", closing=True)

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        if finish is not None and finish.reason == "cancelled":
            yield _event("abort", "[DONE]", closing=True)
        into, out, total = counts(answer.usage)
        if total:
            told = {"input_tokens": into, "output_tokens": out, "total_tokens": total}
            yield _event("usageMetadata", told)
        session = self._who.conversation_id or "session-1"
        ids = {"chatId": session, "chatMessageId": self._who.id, "sessionId": session}
        yield _event("metadata", ids)
        yield _event("end", "[DONE]", closing=True)


def _document(item: Citation) -> dict[str, Any]:
    metadata = {"source": item.url or item.document, "title": item.title}
    known = {name: value for name, value in metadata.items() if value is not None}
    return {"pageContent": item.snippet or "", "metadata": known}


def _given(arguments: str) -> Any:
    try:
        return json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return arguments


def _event(kind: str, data: Any, *, closing: bool = False) -> bytes:
    # As the server sends it: the first field has no meaning, but Flowise's clients need it.
    head = "message" if closing else "message:"
    frame = f"{head}\ndata:{dump({'event': kind, 'data': data})}\n\n"
    return frame.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
