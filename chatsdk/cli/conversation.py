"""`Conversation`: sends prompts, shows the answers, and stops one on Esc or Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any

from chatsdk.answer import Answer
from chatsdk.cli.keyboard import Keys, keys_during_answer
from chatsdk.cli.prompt_history import History
from chatsdk.cli.remedies import in_one_line
from chatsdk.cli.screen import Screen
from chatsdk.cli.slash_commands import SlashCommands, is_command
from chatsdk.client import ChatClient
from chatsdk.errors import ChatError
from chatsdk.messages import Message
from chatsdk.outcome import Outcome
from chatsdk.session import ChatSession, Regenerate

__all__ = ["Conversation"]

# Seconds between two checks of the keyboard, and two frames of the spinner.
TICK_SECONDS = 0.1


class Conversation:
    """A `ChatSession` driven by a user or by a file of prompts. A context manager.

    A background thread reads the answer. This thread waits for it so that Ctrl-C can interrupt the
    wait on every platform.

    Args:
        client: sends the requests; closing it remains the caller's task.
        screen: shows the answers.
        system: a system message at the start of every conversation.
        model: the model to use; ``None`` leaves it to the client's defaults.
    """

    def __init__(
        self,
        client: ChatClient,
        screen: Screen,
        *,
        system: str | None = None,
        model: str | None = None,
    ) -> None:
        self._client = client
        self._screen = screen
        self._beginning = [] if system is None else [Message("system", system)]
        self._updates: SimpleQueue[Answer | Outcome] = SimpleQueue()
        self._typed = ""
        self.model = model
        self.session = ChatSession(
            client,
            on_answer=self._updates.put,
            on_finish=self._updates.put,
            throttle=screen.throttle,
            messages=self._beginning,
        )

    def talk(
        self, prompt: Callable[[str], str], *, history: History, first: str | None = None
    ) -> int:
        """Ask the prompts that the user types until the input ends; return the exit code.

        Args:
            prompt: reads a prompt; its argument is the text typed before.
            history: gets every prompt.
            first: an initial prompt, treated as if it had been typed.

        Raises:
            KeyboardInterrupt: Ctrl-C while nothing streams.
        """
        commands = SlashCommands(self, self._screen)
        if first is not None:
            self._screen.ask(first)
            history.add(first)
            self._turn(first)
        while True:
            typed, self._typed = self._typed, ""
            try:
                text = prompt(typed).strip()
            except EOFError:
                return 0
            if not text:
                continue
            history.add(text)
            if is_command(text):
                if not commands.run(text):
                    return 0
            else:
                # A second slash escapes the first.
                self._turn(text[1:] if text.startswith("//") else text)

    def read_all(self, lines: Iterable[str]) -> int:
        """Ask each line that is not blank; return the exit code.

        Raises:
            ChatError: an answer failed; the remaining lines are not asked, because they may depend
                on it.
            KeyboardInterrupt: Ctrl-C.
        """
        try:
            for line in lines:
                if line.strip():
                    self.ask_once(line.strip())
        except UnicodeDecodeError as error:
            raise ChatError(f"the input is not {error.encoding}: {error.reason}") from None
        return 0

    def ask_once(self, text: str) -> int:
        """Ask one prompt; return the exit code.

        Raises:
            ChatError: the answer failed.
            KeyboardInterrupt: Ctrl-C.
        """
        outcome = self.ask(text)
        if outcome.error is not None:
            raise outcome.error
        if outcome.reason == "stopped":
            raise KeyboardInterrupt
        return 0

    def ask(self, what: str | Regenerate) -> Outcome:
        """Ask one prompt, and show the answer until it ends or is stopped."""
        with _interrupts_stop(self.session), keys_during_answer() as keys:
            try:
                options: dict[str, Any] = {} if self.model is None else {"model": self.model}
                self.session.start(what, **options)
                self._screen.begin()
                return self._show(keys)
            finally:
                self._screen.close()
                self._typed += keys.typed()

    def retry(self) -> None:
        """Ask the last question again and replace its answer."""
        if any(message.role == "user" for message in self.session.messages):
            self._turn(Regenerate())
        else:
            self._screen.note("there is no question to ask again yet")
            self._screen.space()

    def clear(self) -> None:
        """Begin a new conversation."""
        self.session.reset()
        self.session.set_messages(self._beginning)

    def _turn(self, what: str | Regenerate) -> None:
        outcome = self.ask(what)
        if outcome.error is not None:
            self._screen.error(in_one_line(outcome.error))
        self._screen.space()

    def _show(self, keys: Keys) -> Outcome:
        began = time.monotonic()
        shown: Answer | None = None
        while True:
            if keys.escape():
                self.session.stop()
            try:
                update = self._updates.get(timeout=TICK_SECONDS)
            except Empty:
                self._screen.wait(time.monotonic() - began)
                continue
            # A terminal that is slower than the backend skips steps to keep up.
            while isinstance(update, Answer) and not self._updates.empty():
                later = self._updates.get()
                if isinstance(later, Outcome):
                    self._screen.step(update.since(shown))
                update = later
            if isinstance(update, Outcome):
                self._screen.end(update)
                return update
            self._screen.step(update.since(shown))
            shown = update

    def close(self) -> None:
        """End the answer in flight, if there is one. Calling it twice is harmless."""
        self.session.close()

    def __enter__(self) -> Conversation:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


@contextlib.contextmanager
def _interrupts_stop(session: ChatSession) -> Iterator[None]:
    """Make the first Ctrl-C stop the answer; a second one before that took effect exits."""
    before = signal.getsignal(signal.SIGINT)
    here = threading.current_thread() is threading.main_thread()
    if not here or before is signal.SIG_IGN:
        # Only the main thread receives signals, and a shell ignores this one for background jobs.
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
