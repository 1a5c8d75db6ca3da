"""`Toolbox`: the tools of a turn: their declarations, and running their calls."""

from __future__ import annotations

import functools
import inspect
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from chatsdk.answer import ToolCall
from chatsdk.tools import Signature, Tool, signature_of
from chatsdk.transport.foreign_exceptions import raised_by_handler

__all__ = ["Result", "Toolbox", "Tools", "failure", "result_of", "with_toolbox"]

logger = logging.getLogger("chatsdk")

# By name: a function, a `Tool`, a declaration with or without one, or None; or a list of them.
Tools = (
    Mapping[str, Callable[..., Any] | Tool | Mapping[str, Any] | None]
    | Iterable[Callable[..., Any] | Tool | Mapping[str, Any]]
)

NO_ARGUMENTS: dict[str, Any] = {"type": "object", "properties": {}}


class Result(NamedTuple):
    """The result of a call.

    Attributes:
        text: the text for the model.
        value: the tool's return value, or its exception, for `on_tool`.
        failed: whether the tool raised.
    """

    text: str
    value: Any
    failed: bool


class Runnable(NamedTuple):
    """A tool whose calls the session answers.

    Attributes:
        function: ``None`` if a person does the work.
        signature: ``None`` for a declaration.
        terms: the conditions of its calls; ``None`` for a plain function, which runs on the thread
            that reads.
    """

    function: Callable[..., Any] | None
    signature: Signature | None
    terms: Tool | None


class Toolbox:
    """The tools of a turn.

    Attributes:
        declarations: the tools as sent to the model, in the form that `Dialect.body` takes.
    """

    def __init__(self, tools: Tools) -> None:
        self.declarations: list[dict[str, Any]] = []
        self._tools: dict[str, Runnable] = {}
        # Declared without a function: the user answers their calls.
        self._left: set[str | None] = set()
        if isinstance(tools, Mapping):
            for name, tool in tools.items():
                if not isinstance(name, str) or not name:
                    raise TypeError(f"a tool's name is a string, not {name!r}")
                self._add(name, tool)
        elif isinstance(tools, Iterable) and not isinstance(tools, (str, bytes)):
            for item in tools:
                inner, terms = _unwrapped(item)
                if isinstance(inner, Mapping):
                    self._declare(_name(inner), inner, terms)
                elif callable(inner):
                    self._add(_name_of(inner), item)
                else:
                    raise TypeError(
                        "a list of tools holds functions and declarations (dicts), not "
                        f"{type(item).__name__}"
                    )
        else:
            raise TypeError(
                f"tools are [function, ...] or {{name: function}}, not {type(tools).__name__}"
            )

    def _add(self, name: str, tool: object) -> None:
        if name in self._tools:
            raise ValueError(f"two tools have the name {name!r}: give them as {{name: function}}")
        inner, terms = _unwrapped(tool)
        if inner is None:
            inner = {}
        if isinstance(inner, Mapping):
            filled = {"name": name, "description": "", "parameters": NO_ARGUMENTS, **inner}
            self._declare(name, filled | {"name": name}, terms)
        elif callable(inner):
            signature = signature_of(inner, name)
            self._tools[name] = Runnable(inner, signature, terms)
            self.declarations.append(
                {
                    "name": name,
                    "description": signature.description,
                    "parameters": signature.parameters,
                }
            )
        else:
            raise TypeError(
                f"the tool {name!r} is a function, a declaration (a dict) or None, not "
                f"{type(inner).__name__}"
            )

    def _declare(self, name: str | None, given: Mapping[str, Any], terms: Tool | None) -> None:
        declaration = dict(given)
        function = declaration.pop("call", None)
        if terms is None:
            function, terms = _unwrapped(function)
        if function is None and terms is None:
            self._left.add(name)
        elif name is None or (function is not None and not _is_plain(function)):
            raise TypeError(
                f"the tool {name!r} has a 'call' that cannot be run: it is a plain function, and "
                "its declaration has a name"
            )
        else:
            self._tools[name] = Runnable(function, None, terms)
        self.declarations.append(declaration)

    def runs(self, calls: Iterable[ToolCall]) -> bool:
        """Whether the session answers all these calls, leaving none to the user."""
        return bool(self._tools) and not any(call.name in self._left for call in calls)

    def known(self, calls: Iterable[ToolCall]) -> tuple[ToolCall, ...]:
        """Return the calls whose tools were declared here."""
        return tuple(call for call in calls if call.name in self._tools or call.name in self._left)

    def terms(self, call: ToolCall) -> Tool | None:
        """Return the conditions of a call; ``None`` if it runs on the thread that reads."""
        tool = self._tools.get(call.name or "")
        return None if tool is None else tool.terms

    def has(self, call: ToolCall) -> bool:
        """Whether the session has the tool of a call."""
        return call.name in self._tools

    def by_hand(self, call: ToolCall) -> bool:
        """Whether a person has to do the work of a call."""
        tool = self._tools.get(call.name or "")
        return tool is not None and tool.function is None

    def must_ask(self, call: ToolCall) -> bool:
        """Whether a person must be asked about a call. One that would fail anyway is not asked."""
        tool = self._tools.get(call.name or "")
        if tool is None or tool.terms is None:
            return False
        approve = tool.terms.approve
        if approve is False and tool.function is not None:
            return False
        try:
            _arguments(call, tool)
        except ValueError:
            return False
        if isinstance(approve, bool) or tool.function is None:
            return True
        try:
            return bool(approve(call))
        except Exception as error:
            if raised_by_handler(error):
                raise
            logger.exception("approve of the tool %r raised, so the user is asked", call.name)
            return True

    def run(self, call: ToolCall) -> Result:
        """Run one call; a failure is returned as a result too, for the model to correct."""
        tool = self._tools.get(call.name or "")
        if tool is None:
            names = ", ".join(self._tools)
            return failure(ValueError(f"there is no tool {call.name!r}; there are: {names}"))
        try:
            arguments = _arguments(call, tool)
        except ValueError as error:
            return failure(error)
        try:
            assert tool.function is not None
            return result_of(tool.function(**arguments))
        except Exception as error:
            if raised_by_handler(error):
                raise
            return failure(error)


def with_toolbox(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the options of a turn with the tools among them read.

    Raises:
        TypeError, ValueError: invalid tools, or an invalid number of rounds.
    """
    rounds = options.get("max_rounds")
    if rounds is not None:
        if isinstance(rounds, bool) or not isinstance(rounds, int):
            raise TypeError(f"max_rounds is a whole number, not {type(rounds).__name__}")
        if rounds < 1:
            raise ValueError("max_rounds must be 1 or more; without a function no tool is run")
    tools = options.get("tools")
    if tools is None or isinstance(tools, Toolbox):
        return options
    return {**options, "tools": Toolbox(tools)}


def _unwrapped(tool: Any) -> tuple[Any, Tool | None]:
    return (tool.function, tool) if isinstance(tool, Tool) else (tool, None)


def _name_of(function: Any) -> str:
    """The name of a function, for the model."""
    inner = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    name = getattr(inner, "__name__", None)
    if not isinstance(name, str) or not name.isidentifier():
        raise TypeError(f"{function!r} has no name for the model: give it as {{name: function}}")
    return name


def _name(declaration: Mapping[str, Any]) -> str | None:
    function = declaration.get("function")
    name = (function if isinstance(function, Mapping) else declaration).get("name")
    return name if isinstance(name, str) else None


def _is_plain(function: object) -> bool:
    return callable(function) and not inspect.iscoroutinefunction(function)


def _arguments(call: ToolCall, tool: Runnable) -> dict[str, Any]:
    """The keyword arguments of a call; a ValueError explains to the model what is wrong."""
    # Some models send an empty string instead of empty arguments.
    arguments = call.parsed if call.arguments.strip() else {}
    if arguments is None:
        raise ValueError(f"the arguments are not a JSON object: {_why(call.arguments)}")
    if tool.signature is not None:
        return tool.signature.read(arguments)
    if tool.function is None:
        return arguments
    try:
        signature = inspect.signature(tool.function)
    except (TypeError, ValueError):
        # Some functions written in C have no signature; calling them will show.
        return arguments
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise ValueError(str(error)) from None
    return arguments


def _why(text: str) -> str:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        return str(error)
    return f"they are {json.dumps(value)[:40]}"


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"the tool's result cannot be written as JSON: {error}") from None


def result_of(value: Any) -> Result:
    """Return the result of a call, given the value that its tool returned.

    Raises:
        TypeError: the value is neither text nor JSON.
    """
    return Result(_text(value), value, failed=False)


def failure(error: Exception) -> Result:
    """Return the result of a call that failed."""
    return Result(f"error: {str(error) or type(error).__name__}", error, failed=True)
