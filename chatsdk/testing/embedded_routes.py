"""The paths of the embedded server: a dialect's own, and two for all dialects."""

from __future__ import annotations

import re

from chatsdk.dialects import Dialect
from chatsdk.dialects.urls import guess
from chatsdk.testing.request import RecordedRequest

__all__ = ["Routes", "conversation_in"]

# The paths that answer in every dialect.
GENERAL = ("/", "/chat")

# A backend's further paths, besides its endpoint and those that a URL implies.
MORE = {
    "fastgpt": ("/api/v1/chat/completions",),
    "ragflow_legacy": ("/api/v1/chat/completions",),
}

# Matches paths that name the conversation to continue.
THREAD = re.compile(r"/threads/([^/]+)/")


class Routes:
    """The paths of one dialect.

    A backend may be below a prefix, so its path matches with anything before it. A dialect whose
    backends have no common path is answered at every path.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._name = dialect.name
        own = [word for word in dialect.about.endpoint.split() if word.startswith("/")]
        self._anywhere = not own
        self.paths = (*own, *MORE.get(dialect.name, ()), *GENERAL)
        self._patterns = [_pattern(path) for path in self.paths if path not in GENERAL]

    def answer(self, path: str) -> bool:
        """Whether a POST to this path is answered."""
        if self._anywhere or path in GENERAL:
            return True
        fits = any(pattern.fullmatch(path) for pattern in self._patterns)
        return fits or guess(f"http://localhost{path}") == self._name


def _pattern(path: str) -> re.Pattern[str]:
    fixed = re.split(r"\{[^}]*\}", path.partition("?")[0])
    return re.compile("(?:/.*)?" + "[^/]+".join(map(re.escape, fixed)) + "/?")


def conversation_in(request: RecordedRequest) -> str | None:
    """Return the id of the conversation to continue, if the path names one."""
    thread = THREAD.search(request.path)
    return thread[1] if thread else request.query.get("conversation_id")
