"""Files sent with a prompt: images, or text with its name (``chatsdk ask --file``)."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path

from chatsdk.cli.remedies import WrongArguments
from chatsdk.messages import Image, Message, picture_type

__all__ = ["message_of"]

# Maximum bytes of a file; backends do not accept requests of this size.
MAX_FILE_BYTES = 32 * 1024 * 1024


def message_of(prompt: str, files: Iterable[str]) -> Message:
    """Return the user's message: the texts of the files, then the prompt, and the images.

    Raises:
        WrongArguments: a file cannot be read, or is neither an image nor UTF-8 text.
    """
    texts, images = [], []
    for name in files:
        data = _read(name)
        media_type = picture_type(data)
        if media_type is None:
            texts.append(f'<file name="{Path(name).name}">\n{_text(name, data)}\n</file>\n')
        else:
            encoded = base64.b64encode(data).decode()
            images.append(Image(data=encoded, media_type=media_type))
    return Message("user", "\n".join([*texts, prompt]), images=tuple(images))


def _read(name: str) -> bytes:
    try:
        with open(name, "rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise WrongArguments(f"--file: cannot read {name}: {error.strerror}") from None
    if len(data) > MAX_FILE_BYTES:
        raise WrongArguments(f"--file: {name} is larger than {MAX_FILE_BYTES // 1024**2} MiB")
    return data


def _text(name: str, data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise WrongArguments(
            f"--file: {name} is neither a picture (PNG, JPEG, GIF, WebP) nor UTF-8 text"
        )
    return text.rstrip("\n")
