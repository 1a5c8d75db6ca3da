"""`AnswerGenerator`: the generator methods of a client's and a session's stream."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator
from typing import Any, ClassVar, TypeVar

from chatsdk.answer import Answer

__all__ = ["AnswerGenerator", "error_of", "is_running"]

_Self = TypeVar("_Self", bound="AnswerGenerator")


class AnswerGenerator(Generator[Answer, None, None]):
    """A generator of `Answer` over another one, for one reader at a time; a context manager.

    A subclass sets ``_steps``, the inner generator, and defines ``throw`` and ``close``.
    """

    _steps: Generator[Answer, Any, None]
    # The error message for a second reader.
    _two_readers: ClassVar[str]

    def __iter__(self: _Self) -> _Self:
        return self

    def __next__(self) -> Answer:
        try:
            return next(self._steps)
        except ValueError as error:
            if not is_running(error):
                raise
        raise RuntimeError(self._two_readers)

    def send(self, value: None) -> Answer:
        """As ``next()``; part of the generator interface."""
        return next(self)

    @abstractmethod
    def result(self) -> Answer:
        """Read to the end and return the final `Answer`; after `stop`, the part received.

        Raises:
            ChatError: the answer failed.
        """

    def display(self) -> Answer:
        """Show the answer in a notebook's cell while it streams, and return it as `result` does.

        It is Markdown in one output, updated in place at most ten times a second: folded reasoning,
        tool calls, the text, citations, and how it ended if it was stopped, failed or is empty.
        The text stays visible however the answer ends. In a terminal it is printed as it arrives.

        Raises:
            ImportError: IPython is missing (extra ``notebook``); nothing was read.
            ChatError: the answer failed.
        """
        from chatsdk.client.notebook import show

        show(self)
        return self.result()

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def error_of(typ: Any, val: BaseException | object) -> BaseException:
    """Return the exception that the arguments of a generator's ``throw`` describe."""
    error: BaseException = typ if isinstance(typ, BaseException) else typ(val) if val else typ()
    return error


def is_running(error: ValueError) -> bool:
    """Whether this is a generator's "already executing" error, not one raised inside it."""
    traceback = error.__traceback__
    return traceback is not None and traceback.tb_next is None
