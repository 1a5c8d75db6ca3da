"""`Conversation`: prompts in, answers on the screen, and Ctrl-C that stops only the answer."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from types import FrameType

from chatsdk.answer import Answer
from chatsdk.cli.keyboard import keyboard_silent
from chatsdk.cli.remedies import in_one_line
from chatsdk.cli.screen import Screen
from chatsdk.client import ChatClient
from chatsdk.errors import ChatError
from chatsdk.outcome import Outcome
from chatsdk.session import ChatSession

__all__ = ["Conversation"]

# Seconds. On Windows a wait without end is deaf to Ctrl-C.
AWAKE_SECONDS = 0.25


class Conversation:
    """A `ChatSession` with a person, or a file of prompts, in front of it. A context manager.

    The answer is read on a thread of its own, and this one waits for it in a way that Ctrl-C can
    interrupt on every platform.
    """

    def __init__(self, client: ChatClient, screen: Screen) -> None:
        self._screen = screen
        self._updates: SimpleQueue[Answer | Outcome] = SimpleQueue()
        self._session = ChatSession(
            client,
            on_answer=self._updates.put,
            on_finish=self._updates.put,
            throttle=screen.throttle,
        )

    def talk(self, prompt: Callable[[], str]) -> int:
        """Ask what `prompt` returns, until it raises EOFError; return the exit code.

        Raises:
            KeyboardInterrupt: Ctrl-C while nothing streams.
        """
        while True:
            try:
                text = prompt().strip()
            except EOFError:
                return 0
            if text:
                outcome = self.ask(text)
                if outcome.error is not None:
                    self._screen.error(in_one_line(outcome.error))

    def read_all(self, lines: Iterable[str]) -> int:
        """Ask each line that is not blank; return the exit code.

        Raises:
            ChatError: the answer to one failed; the rest is not asked, as it may build on that.
            KeyboardInterrupt: Ctrl-C.
        """
        try:
            for line in lines:
                if not line.strip():
                    continue
                outcome = self.ask(line.strip())
                if outcome.error is not None:
                    raise outcome.error
                if outcome.reason == "stopped":
                    raise KeyboardInterrupt
        except UnicodeDecodeError as error:
            raise ChatError(f"the input is not {error.encoding}: {error.reason}") from None
        return 0

    def ask(self, text: str) -> Outcome:
        """Ask one prompt, and show the answer until it ends or Ctrl-C stops it."""
        before = self._session.messages
        with _interrupts_stop(self._session), keyboard_silent():
            try:
                self._session.start(text)
                outcome = self._show()
            finally:
                self._screen.close()
        if outcome.reason == "error" and not outcome.answer.text:
            # As if it had not been asked, so that it may be asked again.
            self._session.set_messages(before)
        return outcome

    def _show(self) -> Outcome:
        while True:
            try:
                update = self._updates.get(timeout=AWAKE_SECONDS)
            except Empty:
                continue
            if isinstance(update, Outcome):
                self._screen.end(update)
                return update
            self._screen.step(update)

    def close(self) -> None:
        """End the answer that is under way. Twice is harmless."""
        self._session.close()

    def __enter__(self) -> Conversation:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


@contextlib.contextmanager
def _interrupts_stop(session: ChatSession) -> Iterator[None]:
    """Let the first Ctrl-C stop the answer; one more, before that has come through, leaves."""
    before = signal.getsignal(signal.SIGINT)
    here = threading.current_thread() is threading.main_thread()
    if not here or before is signal.SIG_IGN:
        # Only the main thread gets signals, and a shell lets its background jobs ignore this one.
        yield
        return
    presses = 0

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal presses
        presses += 1
        if presses > 1:
            raise KeyboardInterrupt
        session.stop()

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
