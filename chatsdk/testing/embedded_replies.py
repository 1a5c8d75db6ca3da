"""The canned replies of the embedded server; equal requests get equal replies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["conversation_of", "prompt_of", "speak"]

# Characters of a prompt that a reply repeats.
QUOTED_CHARACTERS = 200

# The fields in which backends take a conversation, then those in which they take a prompt.
CONVERSATIONS = ("messages", "contents", "additional_messages", "input", "inputs")
PROMPTS = (
    *("question", "query", "prompt", "message", "input", "text", "chatInput", "input_value"),
)
# The fields that hold the single new message, or a nested request.
MESSAGES = ("new_message", "message", "params")
# The fields of a message that hold its text, or pieces of it.
CONTENTS = ("content", "parts", "text")
CONVERSATION_IDS = (
    *("conversation_id", "session_id", "sessionId", "chatId", "chat_id", "thread_id", "threadId"),
    *("contextId", "thread"),
)

# Maximum depth of nested fields to search; a real request needs four.
DEEP = 8


def speak(body: Any) -> str:
    """Return the answer to a request's JSON body, in any dialect: a few sentences.

    The same body always gets the same answer.
    """
    prompt = prompt_of(body)
    if not prompt:
        begin = "You sent no prompt that I could find."
    else:
        quoted = prompt[:QUOTED_CHARACTERS] + ("…" if len(prompt) > QUOTED_CHARACTERS else "")
        begin = f"You said: “{quoted}”."
    words = len(prompt.split())
    return (
        f"{begin} I am the built-in server of chatsdk. There is no model behind me, so all I "
        f"know is that your prompt has {words} {'word' if words == 1 else 'words'} and "
        f"{len(prompt)} characters. Everything else works as with a real backend: this answer "
        "streams to you word by word."
    )


def prompt_of(body: Any) -> str:
    """Return the latest text of the user in a request's JSON body; "" without one."""
    return _prompt(body, DEEP).strip()


def conversation_of(body: Any) -> str | None:
    """Return the id of the conversation that a request's JSON body continues, if it names one."""
    return _conversation(body, DEEP)


def _conversation(body: Any, deep: int) -> str | None:
    if isinstance(body, Mapping) and deep:
        for name in CONVERSATION_IDS:
            value = body.get(name)
            if value and isinstance(value, str):
                return value
        # Flowise has it inside the flow's overrides, A2A and Mastra inside the message.
        for name in ("overrideConfig", "params", "message", "memory"):
            if (found := _conversation(body.get(name), deep - 1)) is not None:
                return found
    return None


def parse_body(body: bytes) -> Any:
    """Return the JSON value of a request's body; ValueError if it is not JSON."""
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("the body is nested too deeply") from None


def _prompt(body: Any, deep: int) -> str:
    if isinstance(body, str):
        return body
    if not isinstance(body, Mapping) or not deep:
        return ""
    for name in CONVERSATIONS:
        value = body.get(name)
        if isinstance(value, list):
            text = _newest(value)
        elif isinstance(value, Mapping):
            # DashScope and LangGraph wrap the conversation in another object.
            text = _prompt(value, deep - 1)
        else:
            text = ""
        if text:
            return text
    for name in PROMPTS:
        value = body.get(name)
        if isinstance(value, str) and value:
            return value
    for name in MESSAGES:
        value = body.get(name)
        if isinstance(value, Mapping) and (
            text := _text(value, deep - 1) or _prompt(value, deep - 1)
        ):
            return text
    return ""


def _newest(messages: list[Any]) -> str:
    for message in reversed(messages):
        if not isinstance(message, Mapping):
            continue
        if message.get("role", message.get("type", "user")) in ("user", "human"):
            text = _text(message, DEEP)
            if text:
                return text
    return ""


def _text(value: Any, deep: int) -> str:
    if isinstance(value, str):
        return value
    if not deep:
        return ""
    if isinstance(value, list):
        return " ".join(filter(None, (_text(piece, deep - 1) for piece in value)))
    if isinstance(value, Mapping):
        for name in CONTENTS:
            if name in value:
                return _text(value[name], deep - 1)
    return ""
