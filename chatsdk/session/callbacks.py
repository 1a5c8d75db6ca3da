"""`Callbacks`: the user's callback functions of a session, and how they are called."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from chatsdk.answer import Answer, ToolCall
from chatsdk.errors import ChatError
from chatsdk.keywords import check_plain
from chatsdk.outcome import Outcome
from chatsdk.transport.foreign_exceptions import raised_by_handler

__all__ = ["Callbacks", "call"]

logger = logging.getLogger("chatsdk")


class Callbacks:
    """The user's callback functions; each may be ``None``."""

    __slots__ = ("answer", "error", "finish", "tool")

    def __init__(
        self,
        answer: Callable[[Answer], object] | None,
        finish: Callable[[Outcome], object] | None,
        error: Callable[[ChatError], object] | None,
        tool: Callable[[ToolCall, Any], object] | None = None,
    ) -> None:
        self.answer = answer
        self.finish = finish
        self.error = error
        self.tool = tool
        for name in self.__slots__:
            function = getattr(self, name)
            if function is not None and not callable(function):
                raise TypeError(f"on_{name} is a function, not {type(function).__name__}")
            check_plain(f"on_{name}", function)


def call(function: Callable[..., object] | None, what: str, *args: Any) -> None:
    """Call a user's function. Exceptions are logged, but one raised by a signal handler is not."""
    if function is None:
        return
    try:
        function(*args)
    except Exception as error:
        if raised_by_handler(error):
            raise
        logger.exception("%s raised", what)
