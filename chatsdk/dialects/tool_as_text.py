"""Decodes the call of a tool whose arguments are the answer as the answer's text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.parts import Finish, Native, Part, Text, TextSnapshot, ToolCallDelta
from chatsdk.sse import ServerSentEvent

__all__ = ["ToolAsText"]


class ToolAsText(Decoder):
    """Decodes like another decoder, but the arguments of one tool become the text.

    Args:
        inner: the decoder of the stream.
        tool: the name of the tool.
    """

    def __init__(self, inner: Decoder, tool: str) -> None:
        self._inner = inner
        self._tool = tool
        # The arguments of each call of the tool.
        self._said: dict[int | str, str] = {}
        self._others = False

    @property
    def dialect(self) -> Dialect | None:  # type: ignore[override]
        return self._inner.dialect

    @property
    def finished(self) -> bool:  # type: ignore[override]
        return self._inner.finished

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        return tuple(self.parts(self._inner.decode(event)))

    def close(self) -> Sequence[Part]:
        return tuple(self.parts(self._inner.close()))

    def parts(self, parts: Sequence[Part]) -> Iterator[Part]:
        """Yield the parts with the tool's arguments as text."""
        for part in parts:
            if isinstance(part, ToolCallDelta):
                if part.name != self._tool and part.index not in self._said:
                    self._others = True
                    yield part
                    continue
                before = self._said.get(part.index, "")
                now = part.arguments if part.replace else before + part.arguments
                self._said[part.index] = now
                if now.startswith(before):
                    if len(now) > len(before):
                        yield Text(now[len(before) :])
                else:
                    yield TextSnapshot(now)
            elif isinstance(part, Finish) and self._said and not self._others:
                called = part.reason == "tool_calls"
                yield Finish("stop", part.native) if called else part
            elif isinstance(part, Native) and self._said:
                # It repeats the call, which is text here.
                pass
            else:
                yield part
