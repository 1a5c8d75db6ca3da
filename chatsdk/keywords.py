"""Validates keyword arguments, and suggests the right name for a wrong one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

__all__ = [
    "NOT_GIVEN",
    "check_ask",
    "check_body_options",
    "check_map",
    "check_plain",
    "checked_keywords",
    "given",
    "missing_attribute",
]

_Function = TypeVar("_Function", bound=Callable[..., Any])

# Names in other libraries, with the corresponding parameter here.
ELSEWHERE = {
    **dict.fromkeys(("api_key", "apikey", "auth_token", "bearer_token", "key"), "token"),
    **dict.fromkeys(("api", "api_base", "api_url", "azure_endpoint", "base_url"), "url"),
    **dict.fromkeys(("address", "endpoint", "host", "uri"), "url"),
    **dict.fromkeys(("default_headers", "extra_headers"), "headers"),
    **dict.fromkeys(("http_client", "session"), "http"),
    **dict.fromkeys(("http_proxy", "proxy"), "proxies"),
    "max_retries": "retry",
    **dict.fromkeys(("extra_body", "max_tokens", "model", "temperature", "top_p"), "defaults"),
    **dict.fromkeys(("history", "initial_messages"), "messages"),
    **dict.fromkeys(("callback", "on_chunk", "on_delta", "on_message", "on_text"), "on_answer"),
    "on_token": "on_answer",
    **dict.fromkeys(("on_complete", "on_done", "on_end"), "on_finish"),
}

# The same for `Timeout`, `Limits` and `Retry`.
OF_OPTIONS = {
    **dict.fromkeys(("read", "silence", "sock_read"), "idle"),
    **dict.fromkeys(("first_byte", "first_token", "ttfb"), "first_event"),
    **dict.fromkeys(("deadline", "overall", "timeout"), "total"),
    **dict.fromkeys(("max_attempts", "max_retries", "retries", "total", "tries"), "attempts"),
    **dict.fromkeys(("backoff_factor", "delay", "wait"), "backoff"),
    **dict.fromkeys(("status_codes", "status_forcelist"), "statuses"),
}

# How to write a parameter, if its name alone does not show it.
WRITTEN = {
    "url": "the first argument for the address",
    "http": "http=requests.Session()",
    "proxies": 'proxies={"https": ...}',
    "retry": "retry=Retry(attempts=...)",
    "messages": "messages=[...]",
}

# Names that do not correspond to a parameter here.
ELSEWHERE_THAN_HERE = {
    **dict.fromkeys(
        ("instructions", "system", "system_prompt"),
        'a message, {"role": "system", "content": ...}, as the first in messages= or in ask()',
    ),
    **dict.fromkeys(("functions", "tools"), "tools= of a session's ask(), run() or start()"),
}

# Dialects whose bodies have no field "system": their backends ignore it, or reject the request.
SYSTEM_IS_A_MESSAGE = frozenset(
    ("openai", "openai_responses", "deepseek", "gemini", "ollama", "dashscope", "fastgpt")
)

# Dialects that take images only inside messages.
IMAGES_ARE_IN_MESSAGES = SYSTEM_IS_A_MESSAGE | {"anthropic"}

# Options passed to `ask` by mistake, with the call that takes them. No known backend has fields of
# these names.
NOT_FOR_ASK = {
    **dict.fromkeys(("api_key", "extra_headers", "max_retries", "timeout"), "ChatClient"),
    **dict.fromkeys(("dispatch", "throttle"), "use_chat"),
    **dict.fromkeys(("on_answer", "on_error", "on_finish", "on_tool"), "use_chat"),
}

# The same for the options of `map`.
OF_MAP = {
    **dict.fromkeys(("concurrency", "max_concurrency", "max_workers"), "workers"),
    **dict.fromkeys(("n_jobs", "n_workers", "num_workers"), "workers"),
}

# Parameters of `map` that are not fields of the body, in addition to those of `ask`.
MAP = ("workers", "progress", "ordered", "on_error")

# Parameters of `ask` and its variants that are not fields of the body.
ASK = (
    *("tools", "max_rounds", "latest", "conversation_id", "idempotency_key", "cancel"),
    *("output", "output_by", "repair"),
)


class _NotGiven:
    def __repr__(self) -> str:
        return "..."


# The default of a parameter for which None has a meaning.
NOT_GIVEN: Any = _NotGiven()


def given(**values: Any) -> dict[str, Any]:
    """Return the values that are not `NOT_GIVEN`."""
    return {name: value for name, value in values.items() if value is not NOT_GIVEN}


def checked_keywords(function: _Function) -> _Function:
    """Make a function reject an unknown keyword with a suggestion.

    Exceptions lose the function's frames, because tokens are among its arguments.
    """
    code = function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    known = frozenset(names)
    owner = function.__qualname__.removesuffix(".__init__")

    @functools.wraps(function)
    def checked(*args: Any, **options: Any) -> Any:
        try:
            for name in options:
                if name not in known:
                    others = [item for item in names if item not in ("self", "cls")]
                    raise TypeError(_unknown(owner, name, others))
            if code.co_argcount < min(len(args), len(names)):
                raise TypeError(_too_many(owner, names[: code.co_argcount], names))
            return function(*args, **options)
        except BaseException as error:
            failure = error.with_traceback(None)
        args, options = (), {}
        try:
            raise failure
        finally:
            # Break the cycle error -> traceback -> frame -> error.
            del failure

    return checked  # type: ignore[return-value]


def missing_attribute(owner: object, name: str) -> NoReturn:
    """The ``__getattr__`` of a class whose users may try an attribute of another library.

    Raises:
        AttributeError: with the attribute to use instead, if `name` is a known one; else the
            ordinary one, which may be that of a property.
    """
    if not name.startswith("_"):
        from chatsdk.attributes import refuse

        refuse(owner, name)
    object.__getattribute__(owner, name)
    raise AttributeError(name)


def check_plain(name: str, function: object) -> None:
    """Check that a callback is not an ``async`` function, whose coroutine would never run.

    Raises:
        TypeError: it is one.
    """
    if function is None or isinstance(function, str):
        return
    from inspect import iscoroutinefunction

    if iscoroutinefunction(function) or iscoroutinefunction(type(function).__call__):
        raise TypeError(
            f"{name} is an async function, which chatsdk does not await: give a plain one"
        )


def _unknown(owner: str, name: str, known: Collection[str]) -> str:
    text = f"{owner}() has no option {name!r}"
    if name in ELSEWHERE_THAN_HERE:
        return f"{text}: use {ELSEWHERE_THAN_HERE[name]}"
    ours = ELSEWHERE.get(name, "")
    if ours == "defaults":
        field = "..." if name == "extra_body" else f'"{name}": ...'
        return f"{text}: use defaults={{{field}}}, or give it to ask()"
    if ours not in known:
        ours = OF_OPTIONS.get(name, "")
    if ours in known:
        return f"{text}: use {WRITTEN.get(ours, f'{ours}=...')}"
    # Imported late, because only errors need it.
    from difflib import get_close_matches

    if close := get_close_matches(name, known, 1):
        return f"{text}: did you mean {close[0]!r}?"
    foreign = (*ELSEWHERE, *ELSEWHERE_THAN_HERE)
    if close := get_close_matches(name.lower(), foreign, 1, 0.8):
        cure = _unknown(owner, close[0], known).partition(": ")[2]
        return f"{text}: {cure}" if cure else text
    return f"{text}; there are: {', '.join(known)}"


def _too_many(owner: str, first: Collection[str], names: Sequence[str]) -> str:
    alone = " and ".join(item for item in first if item != "self")
    other = "token" if "token" in names else names[len(first)]
    return f"{owner}() takes only {alone} by position: give the rest by name, such as {other}=..."


def check_body_options(options: Iterable[str], method: str = "ask") -> None:
    """Find a misspelt or misplaced option among the fields of a request's body.

    Any name may be a field of some backend, so only two kinds of names are rejected. One is a
    letter away from an option of `ask`; the other is a well-known option of a client or a session,
    or a letter away from it.

    Args:
        options: the names.
        method: the method that was called.

    Raises:
        TypeError: there is one.
    """
    for name in options:
        for given_as, owner in NOT_FOR_ASK.items():
            if name == given_as or (given_as != "api_key" and _is_one_off(name, given_as)):
                ours = ELSEWHERE.get(given_as, given_as)
                raise TypeError(
                    f"{method}() has no option {name!r}: use {owner}(..., {ours}=...), or "
                    "send(body) if your backend has a field of that name"
                )
        for meant in ASK:
            if _is_one_off(name, meant):
                raise TypeError(f"{method}() has no option {name!r}: did you mean {meant!r}?")


def check_map(options: Iterable[str]) -> None:
    """Find a misspelt or misplaced option of `map` among the fields of its requests' bodies.

    Raises:
        TypeError: there is one.
    """
    for name in options:
        for meant in MAP:
            if OF_MAP.get(name) == meant or _is_one_off(name, meant):
                raise TypeError(f"map() has no option {name!r}: use {meant}=...")
    check_body_options(options, "map")


def check_ask(options: Mapping[str, Any], dialect: str, *, takes_tools: bool) -> None:
    """Check that the options of `ChatClient.ask` can be fields of a body.

    Args:
        options: the fields by name.
        dialect: the name of the dialect that encodes the body.
        takes_tools: the dialect takes a list of tools.

    Raises:
        TypeError: an option belongs elsewhere; the message shows where.
    """
    check_body_options(options)
    if "max_rounds" in options:
        raise TypeError(
            "max_rounds is an option of a session, which runs tools: use_chat(...).run(prompt, ...)"
        )
    if "messages" in options:
        raise TypeError("the messages are the first argument: ask(messages)")
    for name in ("image", "images"):
        if name in options and dialect in IMAGES_ARE_IN_MESSAGES:
            raise TypeError(
                f"{dialect} has no field {name!r}: an image is part of a message, "
                'ask({"role": "user", "content": ["What is this?", Image.from_file(path)]})'
            )
    if "system" in options and dialect in SYSTEM_IS_A_MESSAGE:
        raise TypeError(
            f"{dialect} has no field 'system': a system prompt is a message, "
            'ask([{"role": "system", "content": ...}, {"role": "user", "content": ...}])'
        )
    tools = options.get("tools")
    items = tools.values() if isinstance(tools, Mapping) else tools
    if callable(items) or (isinstance(items, Iterable) and any(map(callable, items))):
        raise TypeError(
            "a client sends one request, and a session runs functions: "
            "use_chat(...).run(prompt, tools=[function]). Declarations of tools are dicts"
        )
    if isinstance(tools, Mapping) and takes_tools:
        raise TypeError(
            'tools are a list of declarations, [{"name": ..., "description": ..., "parameters": '
            "...}]; a session takes functions too: use_chat(...).run(prompt, tools=[function])"
        )


def _is_one_off(name: str, meant: str) -> bool:
    """Whether one letter was added, removed or changed, or two were swapped."""
    if name == meant or abs(len(name) - len(meant)) > 1:
        return False
    start = 0
    while start < min(len(name), len(meant)) and name[start] == meant[start]:
        start += 1
    one, other = name[start:], meant[start:]
    if one[1:] == other[1:] or one[1:] == other or one == other[1:]:
        return True
    return one[:2] == other[1::-1] and one[2:] == other[2:]
