"""`File`: a PDF or an audio recording in a message."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from chatsdk.frozen_values import Value

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["File"]

# The first bytes of file formats that models read, and their media types.
KINDS = (
    (b"%PDF-", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
)


class File(Value):
    """A PDF or an audio recording in a message, read at once: ``File("report.pdf")``.

    ``docs/dialects.md`` lists the backends that take files; for others ``ask`` raises `ValueError`.

    Args:
        path: of a PDF, WAV, MP3, OGG, FLAC or M4A file, detected by its first bytes.
        data: the content in base64, instead of the path.
        media_type: for example ``"application/pdf"``; required with ``data``.
        name: the file's name for the model; by default that of the path.

    Attributes:
        data, media_type, name: as above.

    Raises:
        OSError: the file cannot be read.
        ValueError: it has another format, or neither a path nor content with its media type was
            given.
    """

    __match_args__ = ("data", "media_type", "name")
    __slots__ = __match_args__
    data: str
    media_type: str
    name: str | None
    _unshown = ("data",)
    _brief = True

    def __init__(
        self,
        path: str | PathLike[str] | None = None,
        *,
        data: str | None = None,
        media_type: str | None = None,
        name: str | None = None,
    ) -> None:
        if path is not None:
            with open(path, "rb") as file:
                content = file.read()
            media_type = media_type or _kind(content)
            if media_type is None:
                raise ValueError(
                    f"{str(path)!r} is not a PDF or a recording (WAV, MP3, OGG, FLAC, M4A); for "
                    "another format give media_type=..., for a picture Image.from_file(...)"
                )
            data = base64.b64encode(content).decode()
            name = name or str(path).replace("\\", "/").rpartition("/")[2]
        if data is None or media_type is None:
            raise ValueError(
                "a File is File('report.pdf'), or File(data=<base64>, media_type='application/pdf')"
            )
        self._set(data, media_type, name)

    @property
    def source(self) -> str:
        """A ``data:`` URL of the content."""
        return f"data:{self.media_type};base64,{self.data}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.data, self.media_type, self.name)


def _restore(data: str, media_type: str, name: str | None) -> File:
    return File(data=data, media_type=media_type, name=name)


def _kind(content: bytes) -> str | None:
    for beginning, media_type in KINDS:
        if content.startswith(beginning):
            return media_type
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        return "audio/wav"
    return "audio/mp4" if content[4:8] == b"ftyp" else None
