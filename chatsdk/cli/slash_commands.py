"""The commands of `chatsdk chat` that begin with a slash, such as ``/retry``."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from chatsdk.cli.screen import Screen
from chatsdk.messages import Message

if TYPE_CHECKING:
    from chatsdk.cli.conversation import Conversation

__all__ = ["COMMANDS", "SlashCommands", "is_command"]

# Each command as the user types it, and its help text.
COMMANDS = {
    "/help": "list the commands and keys",
    "/retry": "ask the last question again and replace its answer",
    "/clear": "begin a new conversation",
    "/save [FILE]": "save the conversation: Markdown, or JSON if FILE ends in .json",
    "/model [NAME]": "show the model, or ask for another one from now on",
    "/exit": "leave; so does Ctrl-D",
}
ALIASES = {"/quit": "/exit", "/new": "/clear", "/?": "/help"}

KEYS = {
    "Enter": "send the prompt",
    "Alt+Enter, Ctrl+J": "begin a new line (needs the extra `cli`)",
    "Esc, Ctrl-C": "stop the answer; its text is kept",
    "Up, Down": "earlier prompts",
    "Ctrl-C, Ctrl-D": "at an empty prompt: leave",
    "//text": "ask /text instead of running a command",
}


def is_command(text: str) -> bool:
    """Return whether a prompt is a command: ``/word``, but neither ``//word`` nor ``/a/path``."""
    return text.startswith("/") and "/" not in text.split()[0][1:]


class SlashCommands:
    """Runs the commands of one conversation."""

    def __init__(self, conversation: Conversation, screen: Screen) -> None:
        self._conversation = conversation
        self._screen = screen
        self._actions: dict[str, Callable[[str], None]] = {
            "/help": self._help,
            "/retry": self._retry,
            "/clear": self._clear,
            "/save": self._save,
            "/model": self._model,
        }

    def run(self, text: str) -> bool:
        """Run a command; return whether the conversation continues."""
        name, _, argument = text.partition(" ")
        name = ALIASES.get(name, name)
        if name == "/exit":
            return False
        action = self._actions.get(name)
        if action is None:
            self._note(f"there is no command {name}: /help lists them, and /{text} asks {text!r}")
        else:
            action(argument.strip())
        return True

    def _note(self, text: str) -> None:
        self._screen.note(text)
        self._screen.space()

    def _error(self, text: str) -> None:
        self._screen.error(text)
        self._screen.space()

    def _help(self, _argument: str) -> None:
        self._screen.space()
        self._screen.table(COMMANDS)
        self._screen.space()
        self._screen.table(KEYS)
        self._screen.space()

    def _retry(self, _argument: str) -> None:
        self._conversation.retry()

    def _clear(self, _argument: str) -> None:
        self._conversation.clear()
        self._note("a new conversation")

    def _model(self, name: str) -> None:
        conversation = self._conversation
        if name:
            conversation.model = name
        elif conversation.model is None:
            used = conversation.session.answer.model
            said = f"the backend chose {used}" if used else "the backend chooses the model"
            self._note(f"{said}; /model NAME asks for another")
            return
        self._note(f"the model is {conversation.model}")

    def _save(self, name: str) -> None:
        session = self._conversation.session
        messages = session.messages
        if not messages:
            self._note("there is nothing to save yet")
            return
        path = Path(name or time.strftime("chat-%Y%m%d-%H%M%S.md")).expanduser()
        if path.suffix == ".json":
            text = json.dumps(session.to_dict(), ensure_ascii=False, indent=2) + "\n"
        else:
            text = _as_markdown(messages)
        try:
            # Never overwrite an existing file.
            with open(path, "x", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except FileExistsError:
            self._error(f"{path} exists already; give another name: /save FILE")
        except OSError as error:
            self._error(f"cannot write {path}: {error.strerror or error}")
        else:
            self._note(f"saved as {path}")


def _as_markdown(messages: tuple[Message, ...]) -> str:
    parts = [
        f"## {message.role.capitalize()}\n\n{message.content.strip()}\n" for message in messages
    ]
    return "\n".join(parts)
