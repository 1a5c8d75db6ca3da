"""Keeps opaque state that compatible servers need back with the conversation."""

from __future__ import annotations

from typing import Any

from chatsdk.dialects.payload import as_name, extra_objects
from chatsdk.dialects.request import Room

__all__ = ["DIALECT", "Kept"]

# The name in `chatsdk.parts.Native`.
DIALECT = "openai"

# Fields of OpenRouter's `reasoning_details` that arrive as deltas.
GROWING = ("text", "summary", "data", "signature")


class Kept:
    """Collects the fields with opaque state.

    - A message's ``reasoning_details`` from OpenRouter
      (https://openrouter.ai/docs/use-cases/reasoning-tokens).
    - A call's ``extra_content`` from Google's compatible API: its signature, without which Gemini
      refuses the result (https://ai.google.dev/gemini-api/docs/thought-signatures).
    - LiteLLM's ``thinking_blocks`` and the reasoning in Databricks' content, both signed by
      Anthropic.
    - Whether the reasoning arrived as ``reasoning_content``, which Moonshot and others need back
      with calls.

    Attributes:
        reasoned: whether the reasoning arrived under that name.
    """

    def __init__(self) -> None:
        self._details: list[dict[str, Any]] = []
        self._pieces: dict[tuple[int, str], list[str]] = {}
        self._calls: dict[str, dict[str, Any]] = {}
        self._thinking: list[dict[str, Any]] = []
        self._blocks: list[dict[str, Any]] = []
        self._room = Room()
        self.reasoned = False

    def add_details(self, value: object) -> None:
        """Store a chunk's reasoning details; a delta continues the previous one."""
        for detail in extra_objects(value):
            if not self._room.take(detail):
                return
            last = self._details[-1] if self._details else None
            names = ("type", "index")
            if last is None or any(last.get(name) != detail.get(name) for name in names):
                last = {}
                self._details.append(last)
            place = len(self._details) - 1
            for name, held in detail.items():
                if name in GROWING and isinstance(held, str):
                    self._pieces.setdefault((place, name), []).append(held)
                if held is not None:
                    last[name] = held

    def add_call(self, id: str, extra: dict[str, Any]) -> None:
        """Store a call's extra content."""
        if self._room.take(extra):
            self._calls[id] = self._calls.get(id, {}) | extra

    def add_thinking(self, block: dict[str, Any]) -> None:
        """Store a delta of LiteLLM's ``thinking_blocks``; its signature ends a block."""
        if not block.get("type") or not self._room.take(block):
            return
        last = self._thinking[-1] if self._thinking else None
        kind = block.get("type")
        if last is None or last["type"] != kind or last.get("signature") or kind != "thinking":
            last = {"type": kind, "thinking": []} if kind == "thinking" else dict(block)
            self._thinking.append(last)
        if kind == "thinking":
            last["thinking"].append(as_name(block.get("thinking")) or "")
            if block.get("signature"):
                last["signature"] = block["signature"]

    def add_block(self, block: dict[str, Any]) -> None:
        """Store a delta of Databricks' reasoning in the content; its signature ends a block."""
        for item in extra_objects(block.get("summary")):
            if not self._room.take(item):
                return
            last = self._blocks[-1] if self._blocks else None
            if last is None or last.get("signature"):
                last = {"type": item.get("type", "summary_text"), "text": []}
                self._blocks.append(last)
            last["text"].append(as_name(item.get("text")) or "")
            if item.get("signature"):
                last["signature"] = item["signature"]

    def whole(self) -> list[dict[str, Any]] | None:
        """Return the fields, each with the id of its call or ``None`` for the message."""
        if not self._room:
            return None
        for (place, name), pieces in self._pieces.items():
            self._details[place][name] = "".join(pieces)
        found: list[dict[str, Any]] = []
        if self._details:
            found.append({"call": None, "fields": {"reasoning_details": self._details}})
        thinking = [
            block | {"thinking": "".join(block["thinking"])} if "signature" in block else block
            for block in self._thinking
            # The provider refuses a thought without its signature.
            if "signature" in block or block["type"] != "thinking"
        ]
        if thinking:
            found.append({"call": None, "fields": {"thinking_blocks": thinking}})
        signed = [
            block | {"text": "".join(block["text"])}
            for block in self._blocks
            if "signature" in block
        ]
        if signed:
            found.append({"call": None, "content": [{"type": "reasoning", "summary": signed}]})
        if self.reasoned:
            found.append({"call": None, "reasoning": "reasoning_content"})
        found += [{"call": id, "fields": extra} for id, extra in self._calls.items()]
        return found or None
