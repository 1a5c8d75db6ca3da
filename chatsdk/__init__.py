"""Stream a chat answer from a language-model backend with plain, blocking Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# First, because it loads requests. urllib3 compiles large patterns, and the size of the heap then
# decides how often memory is allocated and freed meanwhile: measured, loading it later took as long
# again as all of chatsdk.
from chatsdk.transport import Cancel

# isort: split
from chatsdk.answer import Answer, Citation, Timings, ToolCall, Usage
from chatsdk.client import AnswerStream, ChatClient, ResponseInfo
from chatsdk.errors import (
    BackendError,
    BusyError,
    ChatError,
    ChatTimeout,
    ConnectError,
    HTTPStatusError,
    LimitExceeded,
    NotAStreamError,
    OutputError,
    ProtocolError,
    StreamInterrupted,
)
from chatsdk.messages import Image, Message
from chatsdk.options import Limits, Retry, Timeout
from chatsdk.outcome import Outcome

if TYPE_CHECKING:
    from chatsdk import dialects as dialects
    from chatsdk import doctor as doctor
    from chatsdk import ndjson as ndjson
    from chatsdk import parts as parts
    from chatsdk import recording as recording
    from chatsdk import sse as sse
    from chatsdk import telemetry as telemetry
    from chatsdk import testing as testing
    from chatsdk import ui as ui
    from chatsdk import web as web
    from chatsdk import windows as windows
    from chatsdk.client.prompt_outcome import PromptOutcome
    from chatsdk.messages.files import File
    from chatsdk.session import (
        ChatSession,
        Edit,
        Regenerate,
        Resume,
        Status,
        TurnHandle,
        TurnStream,
        use_chat,
    )
    from chatsdk.tools import Tool, ToolRejected

__all__ = [
    "ChatClient",
    "AnswerStream",
    "use_chat",
    "ChatSession",
    "TurnStream",
    "TurnHandle",
    "Status",
    "Regenerate",
    "Edit",
    "Resume",
    "Tool",
    "ToolRejected",
    "Answer",
    "Outcome",
    "PromptOutcome",
    "Cancel",
    "Timeout",
    "Retry",
    "Limits",
    "Message",
    "Image",
    "File",
    "ToolCall",
    "Citation",
    "Usage",
    "Timings",
    "ResponseInfo",
    "ChatError",
    "BusyError",
    "ConnectError",
    "ChatTimeout",
    "HTTPStatusError",
    "NotAStreamError",
    "BackendError",
    "StreamInterrupted",
    "ProtocolError",
    "OutputError",
    "LimitExceeded",
    "__version__",
]

__version__ = "0.2.0"

# Loaded on first access: a script that only sends does not need them.
_SESSION = {
    "use_chat",
    "ChatSession",
    "TurnStream",
    "TurnHandle",
    "Status",
    "Regenerate",
    "Edit",
    "Resume",
}


# The public modules, each loaded on first access.
_MODULES = (
    "dialects",
    "doctor",
    "ndjson",
    "parts",
    "recording",
    "sse",
    "telemetry",
    "testing",
    "ui",
    "web",
    "windows",
)


def __getattr__(name: str) -> Any:
    if name in _SESSION:
        from chatsdk import session

        return getattr(session, name)
    if name in ("Tool", "ToolRejected"):
        from chatsdk import tools

        return getattr(tools, name)
    if name == "PromptOutcome":
        from chatsdk.client.prompt_outcome import PromptOutcome

        return PromptOutcome
    if name == "File":
        from chatsdk.messages.files import File

        return File
    # Import statements, because bundlers do not follow computed names.
    if name == "doctor":
        import chatsdk.doctor

        return chatsdk.doctor
    if name == "recording":
        import chatsdk.recording

        return chatsdk.recording
    if name == "telemetry":
        import chatsdk.telemetry

        return chatsdk.telemetry
    if name == "testing":
        import chatsdk.testing

        return chatsdk.testing
    if name == "ui":
        import chatsdk.ui

        return chatsdk.ui
    if name == "web":
        import chatsdk.web

        return chatsdk.web
    if name == "windows":
        import chatsdk.windows

        return chatsdk.windows
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_MODULES])
