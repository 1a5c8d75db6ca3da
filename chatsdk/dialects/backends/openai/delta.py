"""Decodes the delta of a chunk in OpenAI's shape as parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chatsdk.dialects.backends.openai.calls import Calls
from chatsdk.dialects.backends.openai.native import DIALECT, Kept
from chatsdk.dialects.citations import documents_cited, passages, url_citation
from chatsdk.dialects.finish_reasons import reason_of
from chatsdk.dialects.payload import as_list, as_name, as_object, as_text, extra_objects
from chatsdk.dialects.think_tags import Flagged, LeadingThinking, split_thinking
from chatsdk.parts import (
    Citations,
    Finish,
    Native,
    Part,
    Reasoning,
    ReasoningSnapshot,
    Text,
    TextSnapshot,
)

__all__ = ["FINISH", "Delta"]

# OpenAI's native values, then those of compatible servers.
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

# Names of reasoning in a delta: DeepSeek's, OpenRouter's, GitHub Copilot's, and that of gateways.
REASONING = ("reasoning_content", "reasoning", "reasoning_text", "thinking")

NUMBERS = (int, float)

# Finish reasons of an intermediate step, after which the answer continues: hayhooks'.
STEPS = frozenset({"tool_call_results"})


class Delta:
    """Decodes the deltas of one answer.

    Attributes:
        calls: the tool calls up to now.
        ended: whether a finish reason arrived.
        tags: removes reasoning tags from the text, if the option is set.
        flagged: removes tags from flagged thoughts, while there are such thoughts.
    """

    def __init__(self, *, snapshot: bool, think_tags: bool = False) -> None:
        self._snapshot = snapshot
        self.tags = LeadingThinking() if think_tags else None
        self._refused = False
        self.calls = Calls()
        self._kept: Kept | None = None
        self.ended = False
        self.flagged: Flagged | None = None

    def read(self, delta: dict[str, Any], parts: list[Part]) -> None:
        """Append the parts of one delta; unknown fields are ignored."""
        for key, value in delta.items():
            if (value or value.__class__ in NUMBERS) and key in _READ:
                _READ[key](self, value, delta, parts)

    def finish(self, native: str) -> Finish:
        """Return the finish reason for a native value."""
        reason = reason_of(native, FINISH)
        if reason == "stop" and self._refused:
            reason = "refusal"
        self.ended = native not in STEPS
        return Finish(reason, native)

    def close(self) -> list[Part]:
        """Return the parts that are known only at the end."""
        parts: list[Part] = []
        if self.flagged is not None:
            parts += self.flagged.flush()
            self.flagged = None
        if self.tags is not None:
            parts += self.tags.flush()
        # Only once: FastGPT continues after its end marker, and may repeat it.
        kept, self._kept = self._kept, None
        value = None if kept is None else kept.whole()
        if value is not None:
            parts.append(Native.of(DIALECT, value))
        return parts

    def _content(self, value: object, delta: dict[str, Any], parts: list[Part]) -> None:
        if value.__class__ is list or value.__class__ is dict:
            # Mistral and Databricks send a list if a model reasons.
            for block in [value] if isinstance(value, dict) else as_list(value, "content"):
                self._block(as_object(block, "content[]"), parts)
            return
        # Cloudflare sends a token that is a number as one.
        text = str(value) if value.__class__ in NUMBERS else as_text(value, "content")
        thought = _is_thought(delta)
        if thought and self.flagged is None:
            self.flagged = Flagged()
        if self.flagged is not None:
            parts += self.flagged.split(text, thought=thought)
            if self.flagged.closed:
                self.flagged = None
        elif self.tags is None:
            parts.append(TextSnapshot(text) if self._snapshot else Text(text))
        elif self._snapshot:
            thoughts, said = split_thinking(text, thinking=LeadingThinking())
            parts += [ReasoningSnapshot(thoughts), TextSnapshot(said)]
        else:
            parts += self.tags.split(text)

    def _block(self, block: dict[str, Any], parts: list[Part]) -> None:
        text = as_text(block.get("text"), "text")
        if text:
            thought = block.get("type") in ("thinking", "reasoning", "reasoning_text")
            parts.append(Reasoning(text) if thought else Text(text))
        given = block.get("thinking")
        if isinstance(given, str):
            given = [{"text": given}]
        for name, held in (("thinking", given), ("summary", block.get("summary"))):
            for item in as_list(held, name):
                inner = as_object(item, f"{name}[]")
                text = as_text(inner.get("text"), "text")
                if text:
                    parts.append(Reasoning(text))
        if block.get("type") == "reasoning":
            self._keep().add_block(block)

    def _refusal(self, value: object, delta: dict[str, Any], parts: list[Part]) -> None:
        self._refused = True
        self._content(value, delta, parts)

    def _reasoning(self, value: object, delta: dict[str, Any], parts: list[Part]) -> None:
        text = as_text(value, "reasoning_content")
        self._keep().reasoned = True
        parts.append(ReasoningSnapshot(text) if self._snapshot else Reasoning(text))

    def _other_reasoning(self, value: object, delta: dict[str, Any], parts: list[Part]) -> None:
        # Some servers send it under several names; some send an object with settings.
        if isinstance(value, str) and value is next(filter(None, map(delta.get, REASONING))):
            parts.append(ReasoningSnapshot(value) if self._snapshot else Reasoning(value))

    def _tool_calls(self, value: object, delta: dict[str, Any], parts: list[Part]) -> None:
        for part, call in self.calls.pieces(value):
            extra = call.get("extra_content")
            if extra and part.id is not None:
                extra = {"extra_content": as_object(extra, "extra_content")}
                self._keep().add_call(part.id, extra)
            if call.get("custom") and part.id is not None:
                self._keep().add_call(part.id, {"type": "custom"})
            parts.append(part)

    def _function_call(self, value: object, delta: dict[str, Any], parts: list[Part]) -> None:
        part = self.calls.older(value)
        if part is not None:
            parts.append(part)

    def _audio(self, value: object, delta: dict[str, Any], parts: list[Part]) -> None:
        # The text of a spoken answer.
        if isinstance(value, dict) and value.get("transcript"):
            self._content(value["transcript"], delta, parts)

    def _reasoning_details(self, value: object, delta: dict[str, Any], parts: list[Part]) -> None:
        self._keep().add_details(value)
        if not any(map(delta.get, REASONING)):
            for detail in extra_objects(value):
                for name in ("text", "summary"):
                    if text := as_name(detail.get(name)):
                        parts.append(Reasoning(text))

    def _thinking_blocks(self, value: object, delta: dict[str, Any], parts: list[Part]) -> None:
        for block in extra_objects(value):
            self._keep().add_thinking(block)
            text = as_name(block.get("thinking"))
            if text and not any(map(delta.get, REASONING)):
                parts.append(Reasoning(text))

    def _keep(self) -> Kept:
        if self._kept is None:
            self._kept = Kept()
        return self._kept

    def _annotations(self, value: object, delta: dict[str, Any], parts: list[Part]) -> None:
        found = [url_citation(item) for item in extra_objects(value)]
        parts.append(Citations(tuple(item for item in found if item is not None)))

    def _context(self, value: object, delta: dict[str, Any], parts: list[Part]) -> None:
        # Azure's citations of the user's own data.
        if isinstance(value, dict) and value.get("citations"):
            parts.append(Citations(tuple(documents_cited(value["citations"]))))

    def _reference(self, value: object, delta: dict[str, Any], parts: list[Part]) -> None:
        if isinstance(value, dict):
            value = value.get("chunks")
        if isinstance(value, (dict, list)):
            parts.append(Citations(tuple(passages(value))))

    def _final_content(self, value: object, delta: dict[str, Any], parts: list[Part]) -> None:
        # RAGFlow sends the complete text at the end. If a delta repeated the text before, this
        # removes the repetition.
        parts.append(TextSnapshot(as_text(value, "final_content")))


def _is_thought(delta: dict[str, Any]) -> bool:
    extra = delta.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    return isinstance(google, dict) and google.get("thought") is True


_Reader = Callable[[Delta, object, dict[str, Any], list[Part]], None]

# The fields of a delta, OpenAI's first; all others are ignored.
_READ: dict[str, _Reader] = {
    "content": Delta._content,
    "refusal": Delta._refusal,
    "audio": Delta._audio,
    "tool_calls": Delta._tool_calls,
    "function_call": Delta._function_call,
    "annotations": Delta._annotations,
    "context": Delta._context,
    "reasoning_content": Delta._reasoning,
    "reasoning": Delta._other_reasoning,
    "reasoning_text": Delta._other_reasoning,
    "thinking": Delta._other_reasoning,
    "reasoning_details": Delta._reasoning_details,
    "thinking_blocks": Delta._thinking_blocks,
    "reference": Delta._reference,
    "final_content": Delta._final_content,
}
