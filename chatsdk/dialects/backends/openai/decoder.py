"""Decodes ``chat.completion.chunk`` frames of OpenAI and compatible servers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from chatsdk.dialects.backends.openai.delta import FINISH, Delta
from chatsdk.dialects.citations import looked_up, web_results
from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.dialects.frame_template import Alike
from chatsdk.dialects.payload import (
    UNSCANNABLE,
    as_list,
    as_name,
    as_object,
    as_text,
    envelope,
    failure_in,
    load_object,
    scan,
    unwrapped,
)
from chatsdk.dialects.usage import counted
from chatsdk.errors import ProtocolError
from chatsdk.parts import Citations, End, Failure, Identity, Part, Text, TextSnapshot
from chatsdk.sse import ServerSentEvent

__all__ = ["FINISH", "OpenAIDecoder"]

# Fields of a chunk with content outside the choices.
_RARE = frozenset(
    {"error", "usage", "search_results", "citations", "sources", "x_groq", "base_resp"}
)

# Most chunks of other choices to hold until the first choice arrives.
MOST_HELD = 10_000

# transformers puts its error between quotes without escaping the quotes in it.
BROKEN_ERROR = re.compile(r'\s*\{"error":\s*"(.*)"\}\s*', re.DOTALL)


class OpenAIDecoder(Decoder):
    """Decodes ``chat.completion.chunk`` frames."""

    def __init__(
        self, dialect: Dialect, *, snapshot: bool = False, think_tags: bool = False
    ) -> None:
        self.dialect = dialect
        self._snapshot = snapshot
        self._id: object = None
        self._model: object = None
        self._alike = Alike("content")
        self._delta = Delta(snapshot=snapshot, think_tags=think_tags)
        # Whether text arrived in a `delta`; a `message` next to it then repeats the text.
        self._deltas = False
        # The other choices, until the first one arrives; some servers count their only one from 1.
        self._others: list[dict[str, Any]] | None = []
        # Choices with output since their last finish reason, except the first choice.
        self._speaking: set[int] = set()
        # The failure to report if no error with details follows.
        self._failed: Failure | None = None

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        name, data, _, _ = event
        # Nearly every chunk is a text delta: two shortcuts with the same result as `read`.
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
            self._deltas = True
            self._alike.learn(data, self._piece)
            return (TextSnapshot(text) if self._snapshot else Text(text),)
        if name == "error" and "error" not in chunk:
            return (failure_in(chunk),)
        return self.read(chunk)

    def close(self) -> Sequence[Part]:
        parts: list[Part] = []
        others, self._others = self._others or [], None
        for choice in others:
            if choice["index"] == others[0]["index"]:
                self._choice(choice, parts)
        parts += self._delta.close()
        if self._failed is not None:
            # No details followed the finish reason.
            parts.append(self._failed)
            self._failed = None
        return parts

    def _unusual(self, event: ServerSentEvent) -> Sequence[Part]:
        """Decode data that is not just a JSON object without white space around it."""
        data = event.data
        if data[:1] != "{":
            data = unwrapped(data)
            # better-sse sends the marker as a JSON string, with the quotes.
            if data.strip('[]"').upper() == "DONE":
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
        """Return the text of a chunk with nothing else in it, ``None`` for any other chunk.

        A dialect that searches text for more returns ``None`` for all, so that `read` gets them.
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
        if self._delta.flagged is not None or self._delta.tags is not None:
            # The text may contain a closing tag.
            return None
        # Some servers send every possible field, as null.
        if len(delta) != 1 and sum(map(bool, delta.values())) != 1:
            return None
        if not _RARE.isdisjoint(chunk) and any(map(chunk.get, _RARE)):
            return None
        return text

    def read(self, chunk: dict[str, Any]) -> Sequence[Part]:
        """Return the parts of one parsed chunk."""
        parts: list[Part] = []
        id, model = chunk.get("id"), chunk.get("model")
        choices = chunk.get("choices")
        if (id != self._id or model != self._model) and (choices is not None or "usage" in chunk):
            self._id, self._model = id, model
            self._alike.forget()
            parts.append(Identity(id=as_name(id), model=as_name(model)))
        if choices:
            for choice in as_list(choices, "choices"):
                if choice.__class__ is not dict:
                    as_object(choice, "choices[]")
                elif not (index := choice.get("index")) or index == "0":
                    # The first of several choices is the answer; the others are in `raw`.
                    self._others = None
                    self._choice(choice, parts)
                elif isinstance(index, int):
                    if self._others is not None:
                        self._others.append(choice)
                        if len(self._others) > MOST_HELD:
                            self._others = None
                    if choice.get("finish_reason"):
                        self._speaking.discard(index)
                    elif choice.get("delta"):
                        self._speaking.add(index)
            self.finished = self._delta.ended and not self._speaking
        elif choices is None and isinstance(chunk.get("message"), str):
            # An error without its envelope: {"object": "error", "message": ...}.
            return (*parts, failure_in(chunk))
        if not _RARE.isdisjoint(chunk):
            self._beside(chunk, parts)
        return parts

    def _beside(self, chunk: dict[str, Any], parts: list[Part]) -> None:
        """Decode a chunk's content outside its choices."""
        groq = chunk.get("x_groq")
        groq = groq if isinstance(groq, dict) else {}
        usage = chunk.get("usage") or groq.get("usage")
        if isinstance(usage, dict) and usage:
            parts.append(counted(usage))
        # Perplexity's citations are next to the choices, in every chunk.
        found = chunk.get("search_results") or chunk.get("citations")
        if found:
            parts.append(Citations(tuple(web_results(found))))
        if chunk.get("sources"):
            parts.append(Citations(tuple(looked_up(chunk["sources"]))))
        if chunk.get("error"):
            parts.append(failure_in(chunk))
        elif groq.get("error"):
            parts.append(failure_in(groq))
        elif chunk.get("base_resp"):
            failure = envelope(chunk)
            if failure is not None:
                parts.append(failure)

    def _choice(self, choice: dict[str, Any], parts: list[Part]) -> None:
        delta = choice.get("delta")
        if delta:
            if delta.__class__ is not dict:
                as_object(delta, "delta")
            self._deltas = self._deltas or bool(delta.get("content"))
            self._delta.read(delta, parts)
        elif choice.get("text"):
            # The older endpoint, /v1/completions.
            self._delta.read({"content": choice["text"]}, parts)
        elif choice.get("message") and not self._deltas:
            # Some servers send complete messages instead of deltas.
            message = as_object(choice["message"], "message")
            if self._delta.calls.begun:
                message = {**message, "tool_calls": None}
            self._delta.read(message, parts)
        reason = choice.get("finish_reason")
        if reason:
            self._finish(reason, choice, parts)
            if isinstance(usage := choice.get("usage"), dict):
                # Moonshot puts it here.
                parts.append(counted(usage))
        for place in (choice, delta):
            if isinstance(place, dict) and place.get("error"):
                parts.append(failure_in(place))

    def _finish(self, reason: object, choice: dict[str, Any], parts: list[Part]) -> None:
        message = None
        if isinstance(reason, dict):
            # From older releases of SGLang: {"type": "abort", "message": ...}.
            message, reason = as_name(reason.get("message")), reason.get("type")
        native = as_text(reason, "finish_reason")
        # Some servers send the string "null" until there is a reason.
        if native in ("", "null"):
            return
        parts.append(self._delta.finish(native))
        if message is not None:
            parts.append(Failure(message, native))
        elif "error" in (native.lower(), choice.get("native_finish_reason")):
            # Servers that give details send them in an error next to it or after it.
            self._failed = Failure("the backend gave no reason", native)
