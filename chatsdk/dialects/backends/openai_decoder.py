"""OpenAI's ``chat.completion.chunk`` frames, read, and what look-alikes put into them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from chatsdk.dialects.alike import Alike
from chatsdk.dialects.backends.openai_calls import Calls
from chatsdk.dialects.backends.openai_keeping import DIALECT, Kept
from chatsdk.dialects.citing import passages, url_citation, web_results
from chatsdk.dialects.contract import Decoder, Dialect
from chatsdk.dialects.counting import counted
from chatsdk.dialects.payload import (
    UNSCANNABLE,
    as_list,
    as_name,
    as_object,
    as_text,
    failure_in,
    load_object,
    scan,
)
from chatsdk.dialects.wrapping import unwrapped
from chatsdk.errors import ProtocolError
from chatsdk.parts import (
    Citations,
    End,
    Failure,
    Finish,
    Identity,
    Native,
    Part,
    Reasoning,
    ReasoningSnapshot,
    Text,
    TextSnapshot,
)
from chatsdk.sse import ServerSentEvent

__all__ = ["FINISH", "OpenAIDecoder"]

# OpenAI's own words, then those of look-alikes.
FINISH = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "end_turn": "stop",
    "eos": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_length": "length",
    "tool_use": "tool_calls",
    "sensitive": "content_filter",
    "error": "error",
    "insufficient_system_resource": "error",
}

# What makes a chunk say more than its choices do.
_RARE = frozenset({"error", "usage", "search_results", "citations"})

# transformers writes its error between quotes as it is, quotes inside and all.
BROKEN_ERROR = re.compile(r'\s*\{"error":\s*"(.*)"\}\s*', re.DOTALL)


class OpenAIDecoder(Decoder):
    """Reads ``chat.completion.chunk`` frames."""

    def __init__(self, dialect: Dialect, *, snapshot: bool = False) -> None:
        self.dialect = dialect
        self._snapshot = snapshot
        self._id: object = None
        self._model: object = None
        self._refused = False
        self._calls = Calls()
        self._kept: Kept | None = None
        self._alike = Alike("content")

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        name, data, _, _ = event
        # Nearly every chunk is a piece of text: two shorter ways to what `read` gives.
        text: str | None = self._alike.text(data)
        if text and name != "error":
            return (TextSnapshot(text) if self._snapshot else Text(text),)
        try:
            chunk, end = scan(data, 0)
        except UNSCANNABLE:
            end = -1
        if end != len(data) or chunk.__class__ is not dict:
            return self._unusual(event)
        text = self._piece(chunk)
        if text is not None and name != "error":
            self._alike.learn(data, self._piece)
            return (TextSnapshot(text) if self._snapshot else Text(text),)
        if name == "error" and "error" not in chunk:
            return (failure_in(chunk),)
        return self.read(chunk)

    def close(self) -> Sequence[Part]:
        # Once: FastGPT goes on after its end marker, and may repeat it.
        kept, self._kept = self._kept, None
        value = None if kept is None else kept.whole()
        return () if value is None else (Native.of(DIALECT, value),)

    def _unusual(self, event: ServerSentEvent) -> Sequence[Part]:
        """What is not just a JSON object, without white space around it."""
        data = event.data
        if data[:1] != "{":
            data = unwrapped(data)
            # better-sse writes the marker as a JSON string, with the quotes.
            if data in ("[DONE]", '"[DONE]"'):
                return (*self.close(), End())
            if not data:
                return ()
        try:
            chunk = load_object(data)
        except ProtocolError:
            broken = BROKEN_ERROR.fullmatch(data)
            if broken is None:
                raise
            return (Failure(broken[1]),)
        if event.event == "error" and "error" not in chunk:
            return (failure_in(chunk),)
        return self.read(chunk)

    def _piece(self, chunk: dict[str, Any]) -> str | None:
        """The text of a chunk that says nothing else, ``None`` of any other.

        A dialect that looks for more in text gives ``None`` of all, so that `read` sees them.
        """
        try:
            (choice,) = chunk["choices"]
            delta = choice["delta"]
            text = delta["content"]
            if (
                text.__class__ is not str
                or chunk["id"] != self._id
                or chunk["model"] != self._model
                or not text
                or choice["finish_reason"]
                or choice["index"]
            ):
                return None
        except (LookupError, TypeError, ValueError):
            return None
        # Some fill in all that there might be, with null.
        if len(delta) != 1 and sum(map(bool, delta.values())) != 1:
            return None
        if not _RARE.isdisjoint(chunk) and any(map(chunk.get, _RARE)):
            return None
        return text

    def read(self, chunk: dict[str, Any]) -> Sequence[Part]:
        """Return the parts of one parsed chunk."""
        if chunk.get("error"):
            return (failure_in(chunk),)
        parts: list[Part] = []
        id, model = chunk.get("id"), chunk.get("model")
        if id != self._id or model != self._model:
            self._id, self._model = id, model
            self._alike.forget()
            parts.append(Identity(id=as_name(id), model=as_name(model)))
        choices = chunk.get("choices")
        if choices:
            for choice in as_list(choices, "choices"):
                if choice.__class__ is not dict:
                    as_object(choice, "choices[]")
                elif not choice.get("index"):
                    # With several choices the first is the answer; the rest stand in `raw`.
                    self._choice(choice, parts)
        elif choices is None and isinstance(chunk.get("message"), str):
            # An error without its envelope: {"object": "error", "message": ...}.
            return (failure_in(chunk),)
        usage = chunk.get("usage")
        if usage:
            parts.append(counted(as_object(usage, "usage")))
        # Perplexity's sources stand beside the choices, in every chunk.
        found = chunk.get("search_results") or chunk.get("citations")
        if found:
            parts.append(Citations(tuple(web_results(found))))
        return parts

    def _choice(self, choice: dict[str, Any], parts: list[Part]) -> None:
        delta = choice.get("delta")
        if delta:
            if delta.__class__ is not dict:
                as_object(delta, "delta")
            for key, value in delta.items():
                if value and key in _READ:
                    _READ[key](self, value, delta, parts)
        elif choice.get("text"):
            # The older endpoint, /v1/completions.
            self._content(choice["text"], choice, parts)
        reason = choice.get("finish_reason")
        if reason:
            self._finish(as_text(reason, "finish_reason"), parts)
            if choice.get("usage"):
                # Where Moonshot puts it.
                parts.append(counted(as_object(choice["usage"], "usage")))

    def _content(self, value: object, delta: dict[str, Any], parts: list[Part]) -> None:
        if value.__class__ is list:
            # Mistral sends a list where a model thinks.
            for block in as_list(value, "content"):
                self._block(as_object(block, "content[]"), parts)
            return
        text = as_text(value, "content")
        parts.append(TextSnapshot(text) if self._snapshot else Text(text))

    def _block(self, block: dict[str, Any], parts: list[Part]) -> None:
        text = as_text(block.get("text"), "text")
        if text:
            parts.append(Text(text))
        for inner in as_list(block.get("thinking"), "thinking"):
            text = as_text(as_object(inner, "thinking[]").get("text"), "text")
            if text:
                parts.append(Reasoning(text))

    def _refusal(self, value: object, delta: dict[str, Any], parts: list[Part]) -> None:
        self._refused = True
        self._content(value, delta, parts)

    def _reasoning(self, value: object, delta: dict[str, Any], parts: list[Part]) -> None:
        text = as_text(value, "reasoning_content")
        parts.append(ReasoningSnapshot(text) if self._snapshot else Reasoning(text))

    def _other_reasoning(self, value: object, delta: dict[str, Any], parts: list[Part]) -> None:
        # Some servers send it under both names; some an object with settings.
        if isinstance(value, str) and not delta.get("reasoning_content"):
            self._reasoning(value, delta, parts)

    def _tool_calls(self, value: object, delta: dict[str, Any], parts: list[Part]) -> None:
        for part, call in self._calls.pieces(value):
            extra = call.get("extra_content")
            if extra and part.id is not None:
                self._keep().add_call(part.id, as_object(extra, "extra_content"))
            parts.append(part)

    def _function_call(self, value: object, delta: dict[str, Any], parts: list[Part]) -> None:
        parts.append(self._calls.older(value))

    def _reasoning_details(self, value: object, delta: dict[str, Any], parts: list[Part]) -> None:
        self._keep().add_details(value)

    def _keep(self) -> Kept:
        if self._kept is None:
            self._kept = Kept()
        return self._kept

    def _annotations(self, value: object, delta: dict[str, Any], parts: list[Part]) -> None:
        found = [url_citation(item) for item in as_list(value, "annotations")]
        parts.append(Citations(tuple(item for item in found if item is not None)))

    def _reference(self, value: object, delta: dict[str, Any], parts: list[Part]) -> None:
        parts.append(Citations(tuple(passages(value))))

    def _final_content(self, value: object, delta: dict[str, Any], parts: list[Part]) -> None:
        # RAGFlow says at the end what the whole text is; where it repeated it as a delta before,
        # this takes the repetition back.
        parts.append(TextSnapshot(as_text(value, "final_content")))

    def _finish(self, native: str, parts: list[Part]) -> None:
        reason = FINISH.get(native, "other")
        if reason == "stop" and self._refused:
            reason = "refusal"
        # The word "null" is how some say that there is no reason yet.
        if native != "null":
            parts.append(Finish(reason, native))


_Reader = Callable[[OpenAIDecoder, object, dict[str, Any], list[Part]], None]

# What may stand in a delta, OpenAI's first; all else is ignored.
_READ: dict[str, _Reader] = {
    "content": OpenAIDecoder._content,
    "refusal": OpenAIDecoder._refusal,
    "tool_calls": OpenAIDecoder._tool_calls,
    "function_call": OpenAIDecoder._function_call,
    "annotations": OpenAIDecoder._annotations,
    "reasoning_content": OpenAIDecoder._reasoning,
    "reasoning": OpenAIDecoder._other_reasoning,
    "reasoning_details": OpenAIDecoder._reasoning_details,
    "reference": OpenAIDecoder._reference,
    "final_content": OpenAIDecoder._final_content,
}
