"""The answer that grows: a frozen `Answer` for each step, built by `AnswerBuilder`.

Steps share what they are made of. The pieces of the text stand once in an append-only ledger and
a step only knows how many of them are its own, so that keeping every step stays cheap; the text is
joined when somebody asks for it.
"""

from __future__ import annotations

from chatsdk.answer.builder import AnswerBuilder
from chatsdk.answer.step import Answer
from chatsdk.answer.values import Timings, ToolCall
from chatsdk.parts import Citation, Usage

__all__ = ["Answer", "AnswerBuilder", "Citation", "Timings", "ToolCall", "Usage"]
