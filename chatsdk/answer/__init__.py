"""The growing answer: `AnswerBuilder` makes a frozen `Answer` for each step.

Steps share their content. The deltas are stored once in an append-only list, and a step records
only how many of them it includes. So keeping every step is cheap. The text is joined on access.
"""

from __future__ import annotations

from chatsdk.answer.builder import AnswerBuilder
from chatsdk.answer.step import Answer
from chatsdk.answer.values import Timings, ToolCall
from chatsdk.parts import Citation, Usage

__all__ = ["Answer", "AnswerBuilder", "Citation", "Timings", "ToolCall", "Usage"]
