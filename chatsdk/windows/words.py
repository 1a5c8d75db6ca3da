"""The words of the chat windows, in one place."""

from __future__ import annotations

__all__ = [
    "CALL_STATES",
    "INCOMPLETE",
    "call_line",
    "duration",
    "more_characters",
    "running",
    "waiting",
]

TITLE = "Chat"
IDLE = "What can I help with?"
IDLE_HINT = "Ask anything below. The answer streams in as it is written."
PLACEHOLDER = "Write a message"
KEYS = "Enter sends · Shift+Enter starts a new line · Esc stops"
YOU = "You"
ASSISTANT = "Assistant"

SEND = "Send"
STOP = "Stop"
RETRY = "Retry"
REGENERATE = "Regenerate"
EDIT = "Edit"
COPY = "Copy"
COPIED = "Copied"
CANCEL = "Cancel"
DISMISS = "Dismiss"
NEW_CHAT = "New chat"
OPEN = "Open…"
SAVE = "Save…"
TO_END = "Jump to the latest message"
ALLOW = "Allow"
DENY = "Deny"

REASONING = "Reasoning"
SOURCES = "Sources"
SOURCE = "a source"
IMAGE = "Image"
CODE = "code"
FOLDED = "folded"
UNFOLDED = "unfolded"
NOTICE = "Status"
MORE = "More"
TRANSCRIPT = "Conversation"
ARGUMENTS = "Arguments"
RESULT = "Result"

STOPPED = "You stopped this answer."
EMPTY = "The answer was empty."
UNANSWERED = "This question has not been answered."
FAILED = "This answer failed."
UNPROVEN = "This answer may be incomplete: the connection was closed without an end marker."
# By finish reason.
INCOMPLETE = {
    "length": "This answer is incomplete: the model reached its token limit.",
    "content_filter": "This answer is incomplete: the backend's content filter ended it.",
    "refusal": "The model declined to answer.",
}
QUEUED = "Will be sent when this answer ends:"
EDITING = "Editing a question. What follows it will be replaced."
PLAIN = "Shown as plain text. To format answers: pip install markdown-it-py"

JSON_FILES = "Conversations"
ALL_FILES = "All files"
FILE_NAME = "conversation.json"

# By `CallPart.state`.
CALL_STATES = {
    "writing": "preparing",
    "running": "running",
    "waiting": "waiting for you",
    "finished": "done",
    "error": "failed",
    "called": "called",
}


def more_characters(count: int) -> str:
    """Return the note at the end of a long text that is not shown completely."""
    return f"{count:,} more characters"


def duration(seconds: int) -> str:
    """Return a duration, such as ``7 s`` or ``2 min 5 s``."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def waiting(seconds: int) -> str:
    """Return the sign of life of a turn without text, after this many seconds."""
    return f"Thinking · {duration(seconds)}" if seconds else "Thinking…"


def running(seconds: int) -> str:
    """Return the sign of life while a tool runs, this many seconds after the question."""
    return f"Running · {duration(seconds)}" if seconds else "Running…"


def call_line(name: str, state: str) -> str:
    """Return the heading of a tool call."""
    return f"{name or 'tool'} · {CALL_STATES[state]}"
