"""What the streams of a client and of a session have in common as generators of answers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator
from typing import Any, ClassVar, TypeVar

from chatsdk.answer import Answer

__all__ = ["AnswerGenerator", "error_of", "is_running"]

_Self = TypeVar("_Self", bound="AnswerGenerator")


class AnswerGenerator(Generator[Answer, None, None]):
    """A generator of `Answer` over another, which one reader at a time reads; a context manager.

    A subclass sets ``_steps``, the generator that is read, and has ``throw`` and ``close``.
    """

    _steps: Generator[Answer, Any, None]
    # What a second reader is told.
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
        """As ``next()``; part of what a generator is."""
        return next(self)

    @abstractmethod
    def result(self) -> Answer:
        """Read to the end and return the final `Answer`; after `stop`, what there is of it.

        Raises:
            ChatError: what ended the answer before its end.
        """

    def display(self) -> Answer:
        """Show the answer in a notebook's cell while it streams, and return it as `result` does.

        It is Markdown in one output, updated in place ten times a second at most; what has come
        stays there, however the answer ends. In a terminal the text is printed as it comes.

        Raises:
            ImportError: IPython is missing (extra ``notebook``); nothing was read.
            ChatError: what ended the answer before its end.
        """
        from chatsdk.client.displaying import show

        show(self)
        return self.result()

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def error_of(typ: Any, val: BaseException | object) -> BaseException:
    """Return the exception that the arguments of a generator's ``throw`` mean."""
    error: BaseException = typ if isinstance(typ, BaseException) else typ(val) if val else typ()
    return error


def is_running(error: ValueError) -> bool:
    """Whether it is a generator's own "already executing", and nothing raised within it."""
    traceback = error.__traceback__
    return traceback is not None and traceback.tb_next is None
