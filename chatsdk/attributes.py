"""Suggests names for missing attributes and for misspelt fields of a body."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NoReturn, TypeVar

__all__ = ["misspelt_fields", "names_cures", "refuse"]

_Kind = TypeVar("_Kind", bound=type)

# Fields of many backends' bodies, whose names are worth a question if one is nearly right.
FIELDS = (
    *("model", "temperature", "max_tokens", "max_completion_tokens", "max_output_tokens", "top_p"),
    *("top_k", "reasoning_effort", "response_format", "frequency_penalty", "presence_penalty"),
    *("seed", "tool_choice", "stream_options", "instructions", "thinking", "metadata", "system"),
)

_OF_ANSWER = (
    *("text", "delta", "reasoning", "reasoning_delta", "usage", "finish_reason", "tool_calls"),
    *("citations", "model", "value", "timings", "conversation_id", "rewritten"),
)
_TEXTS = ("choices", "content", "message", "output_text")
_TO_TEXT = "answer.text is the text"
_ASK = "client.ask(prompt) asks, and use_chat(url) keeps a conversation"
_RUN = "chat.run(prompt) waits for the answer, chat.ask(prompt) yields it while it streams"

# By class, the attributes that are missing, and what to use instead.
CURES = {
    "AnswerStream": {
        **{
            name: f"stream.result().{name} waits for the complete answer, and stream.answer.{name} "
            "is that of the part received so far"
            for name in _OF_ANSWER
        },
        **dict.fromkeys(
            _TEXTS,
            "stream.result().text waits for the complete text, and stream.deltas() yields it in "
            "pieces",
        ),
        **dict.fromkeys(
            ("iter_content", "iter_lines", "iter_text", "json", "read", "text_stream"),
            "iterate over the stream for its answers, or over stream.deltas() for the texts alone",
        ),
        **{name: f"use stream.response.{name}" for name in ("content_type", "headers", "status")},
        "status_code": "use stream.response.status",
        **{name: f"use stream.outcome.{name}" for name in ("error", "reason")},
        **dict.fromkeys(("abort", "cancel"), "stream.stop() ends the answer"),
    },
    "ChatClient": {
        **dict.fromkeys(("chat", "completions", "messages", "responses", "chat_completion"), _ASK),
        **dict.fromkeys(
            ("complete", "create", "generate", "invoke", "predict", "query", "run", "stream"), _ASK
        ),
        "post": "client.send(body) posts your JSON",
        **dict.fromkeys(("cancel", "stop"), "stream.stop() ends an answer of client.ask(prompt)"),
        "model": 'give defaults={"model": ...} to the client, or model=... to ask()',
    },
    "ChatSession": {
        **{name: f"use chat.answer.{name}" for name in ("delta", "reasoning", "text", "usage")},
        **dict.fromkeys(("history", "conversation"), "chat.messages has the conversation"),
        **dict.fromkeys(
            ("append", "chat", "invoke", "query", "sendMessage", "send_message", "submit"), _RUN
        ),
        **dict.fromkeys(("reload", "retry"), "chat.regenerate() asks the last question again"),
        **dict.fromkeys(
            ("busy", "isLoading", "is_loading", "loading"),
            "chat.done is false while an answer is under way, and chat.status says more",
        ),
        **dict.fromkeys(("clear", "new"), "chat.reset() begins a new conversation"),
        **dict.fromkeys(("abort", "cancel"), "chat.stop() ends the answer"),
    },
    "Answer": {
        **dict.fromkeys(_TEXTS, _TO_TEXT),
        **dict.fromkeys(("tokens", "token_count"), "answer.usage.output is their number"),
    },
    "Usage": {
        **dict.fromkeys(("input_tokens", "prompt_tokens"), "use usage.input"),
        **dict.fromkeys(("completion_tokens", "output_tokens"), "use usage.output"),
        "total_tokens": "use usage.total",
    },
}


def misspelt_fields(names: Collection[str]) -> str:
    """Return a question about fields of a refused body that look misspelt, else ``""``."""
    from difflib import get_close_matches

    left = [field for field in FIELDS if field not in names]
    meant = {
        name: close[0]
        for name in names
        if name not in FIELDS and (close := get_close_matches(name, left, 1, 0.8))
    }
    return ", and ".join(
        f"did you mean {field}= instead of {name}= ?" for name, field in meant.items()
    )


def refuse(owner: object, name: str) -> None:
    """Raise an `AttributeError` with the cure if one is known for this name.

    Raises:
        AttributeError: as above.
    """
    if hasattr(type(owner), name):
        # A property raised it.
        return
    for kind in type(owner).__mro__:
        if cure := CURES.get(kind.__name__, {}).get(name):
            raise AttributeError(f"{type(owner).__name__} has no attribute {name!r}: {cure}")


class _Foreign:
    """An attribute of another library: reading it raises the cure."""

    def __init__(self, name: str, cure: str) -> None:
        self._name = name
        self._cure = cure

    def __get__(self, owner: object, kind: type) -> NoReturn:
        raise AttributeError(f"{kind.__name__} has no attribute {self._name!r}: {self._cure}")


def names_cures(name: str) -> Callable[[_Kind], _Kind]:
    """Decorate a base of the class of this name, so that its foreign attributes raise their cure.

    For classes that each event reads: with a ``__getattr__``, Python reads each attribute several
    times as slowly, which took a tenth of a relay's time.
    """

    def decorate(kind: _Kind) -> _Kind:
        for foreign, cure in CURES[name].items():
            setattr(kind, foreign, _Foreign(foreign, cure))
        kind.__dir__ = native_names  # type: ignore[method-assign, assignment]
        return kind

    def native_names(owner: object) -> list[str]:
        return [each for each in object.__dir__(owner) if each not in CURES[name]]

    return decorate
