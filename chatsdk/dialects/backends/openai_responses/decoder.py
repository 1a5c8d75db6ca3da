"""Decodes the events of an OpenAI response."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from chatsdk.dialects.backends.openai_responses.native import (
    CALLS,
    DIALECT,
    Items,
    citation_of,
    conversation_of,
    identity_of,
    usage_of,
)
from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.dialects.finish_reasons import reason_of
from chatsdk.dialects.payload import (
    as_list,
    as_name,
    as_object,
    as_text,
    extra_object,
    extra_objects,
    failure_in,
    load_object,
)
from chatsdk.parts import (
    Citations,
    End,
    Failure,
    Finish,
    Identity,
    Native,
    Part,
    Reasoning,
    Text,
    ToolCallDelta,
    UsageUpdate,
)
from chatsdk.sse import ServerSentEvent

__all__ = ["INCOMPLETE", "ResponsesDecoder"]

# The kinds of an item's content that arrive as deltas.
KINDS = ("text", "summary", "thought")
# The key of a delta without its item.
BARE = "?"

# Why a response is incomplete.
INCOMPLETE = {
    "max_output_tokens": "length",
    "max_messages": "length",
    "content_filter": "content_filter",
}


class ResponsesDecoder(Decoder):
    """Decodes the events of one response, by their ``type``: some servers omit their names.

    Text arrives two or three times: as deltas, complete in a ``.done``, and complete at the end.
    The first one counts, so a server may omit any of them.

    A server-side agent sends a response for each turn of the model, all in one stream: after one
    with tool calls the next may follow. Some agents send only the events of items, and ``[DONE]``
    at the end.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        # The received content: its kind and its position (item, part).
        self._said: set[tuple[str, int | str | None, int | str | None]] = set()
        # The items with text or reasoning, by kind.
        self._spoken: set[tuple[str, int | str | None]] = set()
        # The calls by their item, the number of calls, and their ids.
        self._calls: dict[int | str | None, int] = {}
        self._called = 0
        self._call_ids: set[str | None] = set()
        self._refused = False
        self._items = Items()
        # Whether a response has begun and not ended.
        self._running = False
        # The finish reason of the last response, if it called tools; another response may follow.
        self._called_tools: tuple[Finish, ...] = ()
        # Counts of the responses that ended.
        self._usage = UsageUpdate()

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        data = event.data
        # Some gateways add OpenAI's other end marker after the real one.
        if data[:1] != "{" and (marker := data.strip()) in ("", "[DONE]"):
            return (*self._called_tools, End()) if marker and not self._running else ()
        payload = load_object(data)
        kind = payload.get("type")
        kind = kind if isinstance(kind, str) else event.event
        if kind == "raw_response_event":
            # The Agents SDK's wrapper.
            payload = as_object(payload.get("data"), "data")
            kind = payload.get("type")
            kind = kind if isinstance(kind, str) else ""
        read = _READ.get(kind)
        if read is not None:
            return read(self, payload)
        failed = kind in ("error", "response.error") or (
            payload.get("error") and not kind.startswith("response.")
        )
        return (failure_in(payload),) if failed else ()

    def close(self) -> Sequence[Part]:
        """Return the end, if the last response called tools and none followed."""
        if not self._called_tools or self._running:
            return ()
        return (*self._called_tools, End())

    def _begun(self, payload: dict[str, Any]) -> Sequence[Part]:
        if not self._running:
            self._running = True
            self._called_tools, self.finished = (), False
            # A new response starts counting its items again.
            self._said.clear()
            self._spoken.clear()
            self._calls.clear()
            self._call_ids.clear()
        response = as_object(payload.get("response"), "response")
        return (identity_of(response),)

    def _note(self, kind: str, payload: dict[str, Any], part: str) -> None:
        self._said.add(_place(kind, payload, part))
        keys = {_key(payload.get("output_index")), _key(payload.get("item_id"))} - {None}
        self._spoken.update((kind, key) for key in keys or (BARE,))

    def _text(self, payload: dict[str, Any]) -> Sequence[Part]:
        self._note("text", payload, "content_index")
        return (Text(as_text(payload.get("delta"), "delta")),)

    def _text_done(self, payload: dict[str, Any]) -> Sequence[Part]:
        return self._whole("text", payload, "content_index", "text")

    def _refusal(self, payload: dict[str, Any]) -> Sequence[Part]:
        self._refused = True
        return self._text(payload)

    def _refusal_done(self, payload: dict[str, Any]) -> Sequence[Part]:
        self._refused = True
        return self._whole("text", payload, "content_index", "refusal")

    def _summary(self, payload: dict[str, Any]) -> Sequence[Part]:
        place = _place("summary", payload, "summary_index")
        thought = as_text(payload.get("delta"), "delta")
        if place not in self._said:
            self._note("summary", payload, "summary_index")
            if payload.get("summary_index"):
                # Each part of a summary is a paragraph with its own title.
                thought = f"\n\n{thought}"
        return (Reasoning(thought),)

    def _summary_done(self, payload: dict[str, Any]) -> Sequence[Part]:
        if _place("summary", payload, "summary_index") in self._said:
            return ()
        return self._summary({**payload, "delta": payload.get("text")})

    def _thought(self, payload: dict[str, Any]) -> Sequence[Part]:
        self._note("thought", payload, "content_index")
        return (Reasoning(as_text(payload.get("delta"), "delta")),)

    def _thought_done(self, payload: dict[str, Any]) -> Sequence[Part]:
        return self._whole("thought", payload, "content_index", "text")

    def _whole(self, kind: str, payload: dict[str, Any], part: str, name: str) -> Sequence[Part]:
        place = _place(kind, payload, part)
        text = as_text(payload.get(name), name)
        if place in self._said or not text:
            return ()
        self._note(kind, payload, part)
        return (Text(text) if kind == "text" else Reasoning(text),)

    def _item(self, payload: dict[str, Any]) -> Sequence[Part]:
        item = as_object(payload.get("item"), "item")
        if payload.get("type") == "response.output_item.done":
            self._items.add(item)
            if item.get("type") in ("message", "reasoning"):
                return self._item_done(payload, item)
        if item.get("type") not in CALLS:
            return ()
        return (self._call(_item_key(payload, item), item),)

    def _item_done(self, payload: dict[str, Any], item: dict[str, Any]) -> Sequence[Part]:
        """Return an item's content, except what its deltas already contained."""
        # Servers omit one or the other; some omit both from the deltas.
        keys = {_key(payload.get("output_index")), _key(item.get("id"))} - {None}
        said = {kind for kind in KINDS if any((kind, key) in self._spoken for key in keys)}
        said |= {kind for kind in KINDS if (kind, BARE) in self._spoken}
        parts: list[Part] = []
        self._left_out(0, item, said, parts)
        for part in parts:
            if isinstance(part, (Text, Reasoning)):
                for kind in KINDS[:1] if isinstance(part, Text) else KINDS[1:]:
                    self._said.add((kind, _key(payload.get("output_index")), None))
                    self._spoken.update((kind, key) for key in keys)
        return [part for part in parts if part != Citations(())]

    def _call(self, key: int | str | None, item: dict[str, Any]) -> Part:
        if key not in self._calls:
            self._calls[key] = self._called
            self._called += 1
        index = self._calls[key]
        name = "input" if item["type"] == "custom_tool_call" else "arguments"
        arguments = as_text(item.get(name), name)
        # The result refers to the call's id, not to the item's.
        id = as_name(item.get("call_id")) or as_name(item.get("id"))
        self._call_ids.add(id)
        return ToolCallDelta(
            index,
            id=id,
            name=as_name(item.get("name")),
            arguments=arguments,
            # An item is sent when it begins, and again, complete, when it is done.
            replace=bool(arguments),
        )

    def _arguments(self, payload: dict[str, Any]) -> Sequence[Part]:
        index = self._calls.get(_item_key(payload))
        piece = as_text(payload.get("delta"), "delta")
        return () if index is None else (ToolCallDelta(index, arguments=piece),)

    def _arguments_done(self, payload: dict[str, Any]) -> Sequence[Part]:
        index = self._calls.get(_item_key(payload))
        whole = as_text(payload.get("arguments"), "arguments")
        if index is None or not whole:
            return ()
        return (ToolCallDelta(index, arguments=whole, replace=True),)

    def _annotation(self, payload: dict[str, Any]) -> Sequence[Part]:
        citation = citation_of(payload.get("annotation"))
        return () if citation is None else (Citations((citation,)),)

    def _end(self, payload: dict[str, Any]) -> Sequence[Part]:
        kind = str(payload["type"]) if isinstance(payload.get("type"), str) else "."
        response = as_object(payload.get("response"), "response")
        return self.ended(response, kind.rpartition(".")[2])

    def ended(self, response: dict[str, Any], status: str) -> Sequence[Part]:
        """Return the parts at the end of the response, including content without deltas."""
        status = as_name(response.get("status")) or status
        parts: list[Part] = [identity_of(response)]
        said = {kind for kind, _, _ in self._said}
        output = [as_object(item, "output[]") for item in as_list(response.get("output"), "output")]
        for place, item in enumerate(output):
            self._left_out(place, item, said, parts)
        # Some servers omit the items from the end, others omit their events.
        self._items.replace(output)
        if (kept := self._items.whole()) is not None:
            parts.append(Native.of(DIALECT, kept))
        usage = extra_object(response.get("usage"))
        if usage:
            parts.append(self._counted(usage_of(usage)))
        self._running = False
        if status == "failed":
            error = as_object(response.get("error"), "error")
            code = as_name(error.get("code")) or as_name(error.get("type"))
            message = as_text(error.get("message"), "message")
            return [*parts, Failure(message or "the response failed", code)]
        if status in ("completed", "incomplete"):
            # The next request can continue from this response, but not from an interrupted one.
            parts.append(Identity(conversation_id=conversation_of(response)))
        finish = self._finish(response, status)
        if finish.reason == "tool_calls":
            # After the results of tools, an agent continues in another response.
            self._called_tools, self.finished = (finish,), True
            return parts
        return [*parts, finish, End()]

    def _counted(self, usage: UsageUpdate) -> UsageUpdate:
        sums = [
            count if before is None else before if count is None else before + count
            for before, count in zip(self._usage, usage, strict=True)
        ]
        self._usage = UsageUpdate(*sums)
        return self._usage

    def _finish(self, response: dict[str, Any], status: str) -> Finish:
        if status == "incomplete":
            details = as_object(response.get("incomplete_details"), "incomplete_details")
            reason = as_text(details.get("reason"), "reason")
            return Finish(reason_of(reason, INCOMPLETE), reason or status)
        if status == "cancelled":
            return Finish("cancelled", status)
        if status != "completed":
            return Finish("other", status)
        if self._refused:
            return Finish("refusal", status)
        return Finish("tool_calls" if self._calls else "stop", status)

    def _left_out(
        self, place: int, item: dict[str, Any], said: set[str], parts: list[Part]
    ) -> None:
        kind = item.get("type")
        if kind in CALLS:
            id = as_name(item.get("call_id")) or as_name(item.get("id"))
            if id not in self._call_ids:
                parts.append(self._call(f"output[{place}]", item))
        elif kind == "reasoning":
            shown = as_list(item.get("summary"), "summary")
            if shown and "summary" not in said:
                texts = [
                    as_text(as_object(part, "summary[]").get("text"), "text") for part in shown
                ]
                parts.append(Reasoning("\n\n".join(texts)))
            if "thought" not in said:
                for value in as_list(item.get("content"), "content"):
                    part = as_object(value, "content[]")
                    parts.append(Reasoning(as_text(part.get("text"), "text")))
        elif kind == "message":
            for value in as_list(item.get("content"), "content"):
                part = as_object(value, "content[]")
                name = "refusal" if part.get("type") == "refusal" else "text"
                self._refused = self._refused or name == "refusal"
                if "text" not in said:
                    parts.append(Text(as_text(part.get(name), name)))
                found = map(citation_of, extra_objects(part.get("annotations")))
                parts.append(Citations(tuple(item for item in found if item is not None)))


_READ: dict[str, Callable[[ResponsesDecoder, dict[str, Any]], Sequence[Part]]] = {
    "response.created": ResponsesDecoder._begun,
    "response.queued": ResponsesDecoder._begun,
    "response.in_progress": ResponsesDecoder._begun,
    "response.output_text.delta": ResponsesDecoder._text,
    "response.output_text.done": ResponsesDecoder._text_done,
    "response.refusal.delta": ResponsesDecoder._refusal,
    "response.refusal.done": ResponsesDecoder._refusal_done,
    "response.reasoning_summary_text.delta": ResponsesDecoder._summary,
    "response.reasoning_summary_text.done": ResponsesDecoder._summary_done,
    "response.reasoning_text.delta": ResponsesDecoder._thought,
    "response.reasoning_text.done": ResponsesDecoder._thought_done,
    "response.output_item.added": ResponsesDecoder._item,
    "response.output_item.done": ResponsesDecoder._item,
    "response.function_call_arguments.delta": ResponsesDecoder._arguments,
    "response.function_call_arguments.done": ResponsesDecoder._arguments_done,
    "response.custom_tool_call_input.delta": ResponsesDecoder._arguments,
    "response.output_text.annotation.added": ResponsesDecoder._annotation,
    "response.completed": ResponsesDecoder._end,
    "response.incomplete": ResponsesDecoder._end,
    "response.failed": ResponsesDecoder._end,
    "response.cancelled": ResponsesDecoder._end,
}


def _key(value: object) -> int | str | None:
    return value if isinstance(value, (int, str)) else None


def _place(
    kind: str, payload: dict[str, Any], part: str
) -> tuple[str, int | str | None, int | str | None]:
    return kind, _key(payload.get("output_index")), _key(payload.get(part))


def _item_key(payload: dict[str, Any], item: dict[str, Any] | None = None) -> int | str | None:
    """Return the key shared by an item's events: its index, or its id if there is no index."""
    index = _key(payload.get("output_index"))
    if index is not None:
        return index
    return _key(payload.get("item_id") if item is None else item.get("id"))
