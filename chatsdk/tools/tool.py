"""`Tool`: a function that a model may call, with the conditions of its calls."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from chatsdk.answer import ToolCall

__all__ = ["Tool", "ToolRejected"]


class ToolRejected(Exception):
    """A person rejected the call of a tool, or did not decide in time; `on_tool` gets it.

    Attributes:
        reason: why, ``""`` if no reason was given.
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return "the user rejected this call" + (f": {self.reason}" if self.reason else "")


def _check_function(tool: Tool, field: attrs.Attribute[Any], value: Any) -> None:
    if not callable(value) and not isinstance(value, Mapping):
        raise TypeError(f"a Tool is made of a function, not of {type(value).__name__}")


def _check_approve(tool: Tool, field: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, bool) and not callable(value):
        raise TypeError(
            f"approve is True, False or a function of the call, not {type(value).__name__}"
        )


def _check_seconds(tool: Tool, field: attrs.Attribute[Any], value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{field.name} is a number of seconds, not {type(value).__name__}")
    if not 0 < value < math.inf:
        raise ValueError(f"{field.name} must be more than 0 seconds; None means no limit")


@attrs.frozen
class Tool:
    """A function that a model may call, with the conditions of its calls.

    Pass it wherever a function is accepted: ``tools=[Tool(delete_file, approve=True)]``. It runs on
    a separate thread, so that neither `timeout` nor `ChatSession.stop` has to wait for it.

    Attributes:
        function: the function; or a declaration ``{"name", "description", "parameters", "call"}``.
            Without ``"call"`` a person has to do the work and give the result with
            `ChatSession.answer_call`.
        approve: whether a person must approve a call before it runs. A function
            ``approve(call) -> bool`` decides for each `ToolCall`; if it raises, the person is
            asked.
        approval_timeout: seconds to wait for the person; then the call is rejected. ``None``: no
            limit.
        parallel: may run at the same time as other calls whose tools allow it too.
        timeout: seconds that a call may take. A longer one is left behind and its result dropped;
            the model receives an error. ``None``: no limit.

    Raises:
        TypeError, ValueError: an argument is invalid.
    """

    function: Callable[..., Any] | Mapping[str, Any] = attrs.field(validator=_check_function)
    approve: bool | Callable[[ToolCall], bool] = attrs.field(
        default=False, kw_only=True, validator=_check_approve
    )
    approval_timeout: float | None = attrs.field(
        default=None, kw_only=True, validator=_check_seconds
    )
    parallel: bool = attrs.field(
        default=False, kw_only=True, validator=attrs.validators.instance_of(bool)
    )
    timeout: float | None = attrs.field(default=None, kw_only=True, validator=_check_seconds)
