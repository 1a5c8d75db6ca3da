"""`Recording`, and `load`, which reads one from a file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from chatsdk.recording.lines import read_lines
from chatsdk.transport import is_private_header

if TYPE_CHECKING:
    from chatsdk.answer import Answer
    from chatsdk.dialects import Dialect

__all__ = ["Recording", "load"]


@attrs.frozen
class Recording:
    """One recorded response.

    Attributes:
        request: its ``method``, ``url``, ``headers`` and ``body``; ``None`` if only bytes were
            recorded.
        response: its ``status`` and ``headers``; ``None`` in the same case.
        reads: for each read, the seconds since the request and the bytes. Those of a long recording
            are loaded from the file on access.
        end: how the body ended: ``"whole"``, ``"cut"``, ``"timeout"`` or ``"stopped"``.
    """

    request: Mapping[str, Any] | None
    response: Mapping[str, Any] | None
    reads: Sequence[tuple[float, bytes]] = attrs.field(repr=False)
    end: str = "whole"

    @property
    def status(self) -> int:
        """The HTTP status code; 200 if it was not recorded."""
        return int((self.response or {}).get("status", 200))

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The header fields of the response, in their order."""
        if self.response is None:
            return [("Content-Type", "text/event-stream")]
        return header_pairs(self.response.get("headers"))

    def answer(self, dialect: str | Dialect = "auto") -> Answer:
        """Read the recording as a client reads the response.

        Raises:
            ChatError: as from the client, with the partial answer in ``error.answer``.
        """
        from chatsdk.recording.answer import answer_of

        return answer_of(self, dialect)


def load(path: str | os.PathLike[str]) -> Recording:
    """Read a recording, a browser's HAR file, or the output of ``curl -i --no-buffer``.

    Secrets in a HAR or in the output of curl are masked.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is none of these, its version is unknown, or it has no body.
    """
    with open(path, "rb") as file:
        start = file.read(4096)
    bare = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if bare.startswith(b"HTTP/"):
        from chatsdk.recording.curl import read_curl

        return Recording(*read_curl(path))
    if bare.startswith(b"{") and b'"chatsdk"' not in start.partition(b"\n")[0][:64]:
        from chatsdk.recording.har import read_har

        return Recording(*read_har(path))
    return Recording(*read_lines(path))


def header_pairs(headers: Any) -> list[tuple[str, str]]:
    """Return the header fields of a response as pairs, without the masked private ones."""
    found = headers.items() if isinstance(headers, Mapping) else ()
    pairs = [(str(name), str(value)) for name, value in found]
    return [pair for pair in pairs if not is_private_header(pair[0])]
