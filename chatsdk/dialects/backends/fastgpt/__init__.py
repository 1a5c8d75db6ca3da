"""FastGPT: OpenAI's chunks as named events, with citations after the end marker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chatsdk.answer import Answer
from chatsdk.dialects.backends.openai import OpenAI
from chatsdk.dialects.backends.openai.decoder import FINISH, OpenAIDecoder
from chatsdk.dialects.dialect import About, StopRequest
from chatsdk.dialects.payload import (
    as_list,
    as_name,
    as_number,
    as_object,
    as_text,
    failure_in,
    load,
    load_object,
)
from chatsdk.dialects.usage import sum_of
from chatsdk.messages import Message
from chatsdk.parts import Citation, Citations, Part, ToolCallDelta, UsageUpdate
from chatsdk.sse import ServerSentEvent

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["FastGPT"]


class FastGPT(OpenAI):
    """A FastGPT application.

    With ``"detail": true`` the events have names, and the retrieved passages follow ``[DONE]``.
    """

    about = About(
        name="fastgpt",
        backend="FastGPT",
        version="its OpenAPI documentation, v2 chat completions",
        page="https://doc.fastgpt.io/openapi/reference/chat-controller/v2-chat-completions.md",
        endpoint="POST /api/v2/chat/completions",
        end_marker="data: [DONE]",
        finish_reason=True,
        more_after_end=True,
        stop="POST /api/v2/chat/stop",
        reasoning=True,
        tools=True,
        citations=True,
        usage=True,
    )

    def __init__(self) -> None:
        super().__init__()

    def decoder(self, content_type: str = "") -> FastGPTDecoder:
        return FastGPTDecoder(self)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode a request for a stream with details.

        The client chooses the conversation's id: with a `conversation_id` (``chatId``) FastGPT adds
        the history that it keeps, and uses only the last message.
        """
        if options.get("tools"):
            raise ValueError("FastGPT runs its tools itself: add them to the application there")
        body = super().body(messages, stream_options=None) | {"detail": True}
        if conversation_id is not None:
            body["chatId"] = conversation_id
        options.pop("tools", None)
        return body | options

    def read_request(self, body: Any) -> AskedFor:
        asked = super().read_request(body)
        options = dict(asked.options)
        options.pop("detail", None)
        return asked._replace(conversation_id=as_name(options.pop("chatId", None)), options=options)

    def stop_request(self, answer: Answer, request: Mapping[str, Any]) -> StopRequest | None:
        """Possible only if the request contained both ``appId`` and ``chatId``.

        Source: https://doc.fastgpt.io/openapi/reference/chat-controller/v2-chat-stop.md
        """
        app, chat = as_name(request.get("appId")), as_name(request.get("chatId"))
        if app is None or chat is None:
            return None
        return StopRequest("/api/v2/chat/stop", {"appId": app, "chatId": chat}, relative="/api")

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        """Encode a stream with details; for a stream without them use ``openai``."""
        from chatsdk.dialects.backends.fastgpt.encoder import encode

        return encode(parts, id=id, model=model, finish=FINISH)


class FastGPTDecoder(OpenAIDecoder):
    """Decodes the events by name; those that only show progress are ignored."""

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        name = event.event
        if name in ("answer", "fastAnswer", "message"):
            return super().decode(event)
        if name == "error":
            return (failure_in(load_object(event.data)),)
        if name in ("flowResponses", "appStreamResponse"):
            return _nodes(as_list(load(event.data), name))
        if name == "flowNodeResponse":
            return _nodes([load(event.data)])
        if name in ("toolCall", "toolParams"):
            return _tool(as_object(load_object(event.data).get("tool"), "tool"))
        return ()


def _nodes(nodes: list[Any]) -> Sequence[Part]:
    """Decode the reports of the application's nodes: retrieved passages and cost."""
    found: list[Citation] = []
    into, out = [], []
    for item in nodes:
        node = as_object(item, "node")
        for quote in as_list(node.get("quoteList"), "quoteList"):
            found.append(_citation(as_object(quote, "quoteList[]")))
        into.append(node.get("inputTokens"))
        out.append(node.get("outputTokens"))
    parts: list[Part] = [Citations(tuple(found))] if found else []
    usage = UsageUpdate(input=sum_of(into), output=sum_of(out))
    if usage != UsageUpdate():
        parts.append(usage)
    return parts


def _citation(quote: dict[str, Any]) -> Citation:
    texts = [as_text(quote.get(name), name) for name in ("q", "a")]
    score = quote.get("score")
    if isinstance(score, list):
        # Newer releases have one score for each search method; the first is the best method's.
        first = score[0] if score else None
        score = first.get("value") if isinstance(first, dict) else None
    return Citation(
        title=as_name(quote.get("sourceName")),
        document=as_name(quote.get("id")),
        snippet="\n".join(text for text in texts if text) or None,
        score=as_number(score),
    )


def _tool(tool: dict[str, Any]) -> Sequence[Part]:
    id = as_name(tool.get("id"))
    if id is None:
        return ()
    name = as_name(tool.get("functionName")) or as_name(tool.get("toolName"))
    return (ToolCallDelta(id, id=id, name=name, arguments=as_text(tool.get("params"), "params")),)
