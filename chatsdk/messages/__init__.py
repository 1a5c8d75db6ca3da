"""The messages of a conversation as values: `Message`, `Image` and `File`.

A message may be given as a `Message` or as a dict in the common form,
``{"role": ..., "content": ...}``. A single prompt may be a string.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from chatsdk.answer import Citation, ToolCall
from chatsdk.frozen_values import Value
from chatsdk.parts import Native

if TYPE_CHECKING:
    from os import PathLike

    from chatsdk.messages.files import File

__all__ = ["OTHER_PARTS", "ROLES", "Image", "Message", "file_of", "picture_type"]

# The start of a URL (RFC 3986, section 3.1). A single letter would be a Windows drive.
URL = r"[A-Za-z][A-Za-z0-9+.-]+:"

# Characters of an invalid URL to show in an error.
SHOWN_CHARS = 80

# The first bytes of image formats that models read, and their media types.
PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)

ROLES = ("system", "user", "assistant", "tool")

# Content parts of OpenAI's and Anthropic's APIs that only some backends support.
OTHER_PARTS = ("input_audio", "file", "document", "image", "input_file", "video_url")


def picture_type(data: bytes) -> str | None:
    """Return the media type of a PNG, JPEG, GIF or WebP image, ``None`` for anything else."""
    for beginning, media_type in PICTURES:
        if data.startswith(beginning):
            return media_type
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


class Image(Value):
    """An image in a message: by URL, or by its content. `from_file` reads a file.

    Attributes:
        url: its URL, such as ``https://...`` or ``data:...``.
        data: its content in base64, instead of ``url``.
        media_type: for example ``"image/png"``; required with ``data``.
    """

    __match_args__ = ("url", "data", "media_type")
    __slots__ = __match_args__
    url: str | None
    data: str | None
    media_type: str | None
    _unshown = ("data",)
    _brief = True

    def __init__(
        self, url: str | None = None, data: str | None = None, media_type: str | None = None
    ) -> None:
        if url is not None and not re.match(URL, url):
            raise ValueError(
                f"{url[:SHOWN_CHARS]!r} is not a URL; for a picture in a file give "
                "Image.from_file(...)"
            )
        self._set(url, data, media_type)

    @classmethod
    def from_file(cls, path: str | PathLike[str]) -> Image:
        """Read an image file: PNG, JPEG, GIF or WebP, detected by its first bytes.

        Raises:
            OSError: the file cannot be read.
            ValueError: it has another format.
        """
        with open(path, "rb") as file:
            data = file.read()
        kind = picture_type(data)
        if kind is None:
            raise ValueError(
                f"{str(path)!r} is not a PNG, JPEG, GIF or WebP picture; for another format give "
                "Image(data=<base64>, media_type=...)"
            )
        return cls(data=base64.b64encode(data).decode(), media_type=kind)

    @property
    def source(self) -> str:
        """The URL, or a ``data:`` URL of the content."""
        if self.data is not None:
            return f"data:{self.media_type};base64,{self.data}"
        return self.url or ""


class Message(Value):
    """One message of a conversation.

    Attributes:
        role: ``"system"``, ``"user"``, ``"assistant"`` or ``"tool"``.
        content: its text.
        images: its images.
        tool_calls: of an assistant: the tool calls it requested.
        tool_call_id: of a tool's result: the id of the call.
        name: of a tool's result: the tool's name.
        id: the message's id within its session, or ``None``.
        status: of an assistant within a session: the status of its turn, or ``None``. Of a tool
            that a session ran: ``"finished"`` or ``"error"``.
        reasoning: of an assistant: its reasoning; sent only to backends that ask for it.
        citations: of an assistant: its citations; never sent back to backends.
        native: of an assistant: opaque state that is returned to its backend (`Answer.native`).
        conversation_id: of an assistant within a session: the id from which the backend's
            conversation can continue, if the backend gives each answer one, else ``None``.
        files: a tuple of `chatsdk.File`.
        more: content of a dict that no other field holds, such as ``cache_control``, as JSON text.
            It is an object with the ``fields`` of the message and its ``content`` in parts. It is
            sent unchanged, or ``ask`` raises ValueError.
    """

    __match_args__ = (
        "role",
        "content",
        "images",
        "tool_calls",
        "tool_call_id",
        "name",
        "id",
        "status",
        "reasoning",
        "citations",
        "native",
        "conversation_id",
        "files",
        "more",
    )
    __slots__ = __match_args__
    role: str
    content: str
    images: tuple[Image, ...]
    tool_calls: tuple[ToolCall, ...]
    tool_call_id: str | None
    name: str | None
    id: str | None
    status: str | None
    reasoning: str
    citations: tuple[Citation, ...]
    native: Native | None
    conversation_id: str | None
    files: tuple[File, ...]
    more: str | None
    _unshown = ("native",)
    _brief = True

    def __init__(
        self,
        role: str,
        content: str = "",
        images: tuple[Image, ...] = (),
        tool_calls: tuple[ToolCall, ...] = (),
        tool_call_id: str | None = None,
        name: str | None = None,
        id: str | None = None,
        status: str | None = None,
        reasoning: str = "",
        citations: tuple[Citation, ...] = (),
        native: Native | None = None,
        conversation_id: str | None = None,
        files: tuple[File, ...] = (),
        more: str | None = None,
    ) -> None:
        if role not in ROLES:
            raise ValueError(f"Message(role, content): role is one of {', '.join(ROLES)}")
        self._set(
            role,
            content,
            images,
            tool_calls,
            tool_call_id,
            name,
            id,
            status,
            reasoning,
            citations,
            native,
            conversation_id,
            files,
            more,
        )

    @classmethod
    def of(cls, value: Message | Mapping[str, Any] | str) -> Message:
        """Convert one message from any of the accepted forms.

        Raises:
            TypeError, ValueError: it is not a message; the error shows the expected form.
        """
        if isinstance(value, Message):
            return value
        if isinstance(value, str):
            return cls("user", value)
        if not isinstance(value, Mapping):
            raise TypeError(
                f"a message is a Message or a dict such as {{'role': 'user', 'content': 'Hi'}}, "
                f"not {type(value).__name__}"
            )
        role: Any = value.get("role")
        if role == "developer":
            role = "system"
        from chatsdk.messages.more import more_of, refuse

        if role not in ROLES or "content" not in value:
            refuse(value, role, ROLES)

        text, images, files = _content(value.get("content"))
        given = value.get("files") or ()
        return cls(
            role,
            text,
            images=(*images, *(_image(item) for item in value.get("images") or ())),
            tool_calls=tuple(_tool_call(call) for call in value.get("tool_calls") or ()),
            tool_call_id=value.get("tool_call_id"),
            name=value.get("name"),
            id=value.get("id"),
            status=value.get("status"),
            conversation_id=value.get("conversation_id"),
            reasoning=_reasoning(value.get("reasoning")),
            citations=tuple(_citation(item) for item in value.get("citations") or ()),
            native=_native(value.get("native")),
            files=(*files, *map(file_of, given)),
            more=more_of(value, OTHER_PARTS, _as_part),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the message as JSON values, from which `of` makes an equal one."""
        written: dict[str, Any] = {"role": self.role, "content": self.content}
        for name in ("tool_call_id", "name", "id", "status", "conversation_id", "reasoning"):
            if value := getattr(self, name):
                written[name] = value
        for name in ("images", "citations"):
            if values := getattr(self, name):
                written[name] = [_given(value) for value in values]
        if self.tool_calls:
            written["tool_calls"] = [
                {"id": call.id, "name": call.name, "arguments": call.arguments}
                for call in self.tool_calls
            ]
        if self.files:
            written["files"] = [
                {"data": file.data, "media_type": file.media_type, "name": file.name}
                for file in self.files
            ]
        if self.more is not None:
            more = json.loads(self.more)
            written |= more.get("fields", {})
            if "content" in more:
                # The parts contain the images and files, too.
                written["content"] = more["content"]
                written.pop("images", None)
                written.pop("files", None)
        if self.native is not None:
            written["native"] = {"dialect": self.native.dialect, "value": self.native.value}
        return written

    @classmethod
    def all_of(
        cls, value: Message | Mapping[str, Any] | str | Iterable[Message | Mapping[str, Any] | str]
    ) -> tuple[Message, ...]:
        """Convert a prompt or a list of messages.

        Raises:
            TypeError, ValueError: they are not messages, or the prompt or the list is empty.
        """
        if isinstance(value, str) and not value.strip():
            raise ValueError("the prompt is empty: give the question as text")
        if isinstance(value, (str, Message, Mapping)):
            return (cls.of(value),)
        if isinstance(value, bytes) or not isinstance(value, Iterable):
            raise TypeError(f"give a prompt or a list of messages, not {type(value).__name__}")
        messages = tuple(cls.of(item) for item in value)
        if not messages:
            raise ValueError("give at least one message")
        return messages


def _content(content: object) -> tuple[str, tuple[Image, ...], tuple[File, ...]]:
    if content is None:
        return "", (), ()
    if isinstance(content, str):
        return content, (), ()
    if not isinstance(content, (list, tuple)):
        raise TypeError(
            f"a message's content is text or a list of parts, not {type(content).__name__}"
        )
    texts, images, files = [], [], []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, Mapping) and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif isinstance(part, Mapping) and part.get("type") in OTHER_PARTS:
            # Only for backends that take it unchanged, see `Message.more`.
            continue
        elif not isinstance(part, (Mapping, Image)) and type(part).__name__ == "File":
            files.append(file_of(part))
        else:
            images.append(_image(part))
    return "".join(texts), tuple(images), tuple(files)


def _as_part(content: object) -> dict[str, Any]:
    """Encode an item of a message's content as a part of OpenAI's API."""
    if isinstance(content, str):
        return {"type": "text", "text": content}
    if isinstance(content, Image):
        return {"type": "image_url", "image_url": {"url": content.source}}
    file = file_of(content)
    return {"type": "file", "file": {"filename": file.name, "file_data": file.source}}


def file_of(value: Any) -> File:
    from chatsdk.messages.files import File

    if isinstance(value, File):
        return value
    if isinstance(value, Mapping) and {"data", "media_type"} <= value.keys():
        return File(data=value["data"], media_type=value["media_type"], name=value.get("name"))
    raise ValueError("a file is a File or {'data': <base64>, 'media_type': ..., 'name': ...}")


def _image(value: object) -> Image:
    if isinstance(value, Image):
        return value
    if isinstance(value, str):
        return Image(url=value)
    if isinstance(value, Mapping):
        inner = value.get("image_url")
        if isinstance(inner, Mapping):
            inner = inner.get("url")
        if isinstance(inner, str):
            return Image(url=inner)
        if isinstance(value.get("url"), str):
            return Image(url=value["url"])
        if isinstance(value.get("data"), str) and isinstance(value.get("media_type"), str):
            return Image(data=value["data"], media_type=value["media_type"])
    raise ValueError(
        "a part of a message is text, an Image, {'type': 'text', 'text': ...} or "
        "{'type': 'image_url', 'image_url': {'url': ...}}"
    )


def _reasoning(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    raise TypeError(f"a message's reasoning is text, not {type(value).__name__}")


def _citation(value: object) -> Citation:
    if isinstance(value, Citation):
        return value
    names = Citation.__match_args__
    if isinstance(value, Mapping) and value.keys() <= set(names):
        for name in ("title", "url", "document", "snippet"):
            if not isinstance(value.get(name), (str, type(None))):
                raise ValueError(
                    f"a citation's {name} is text or None, not {type(value[name]).__name__}"
                )
        return Citation(**value)
    raise ValueError(f"a citation is a Citation or a dict with some of {', '.join(names)}")


def _native(value: object) -> Native | None:
    if value is None or isinstance(value, Native):
        return value
    if isinstance(value, Mapping) and isinstance(value.get("dialect"), str) and "value" in value:
        return Native.of(value["dialect"], value["value"])
    raise ValueError("a message's native is a Native or {'dialect': ..., 'value': ...}")


def _given(value: Image | Citation) -> dict[str, Any]:
    """The fields that differ from the default."""
    return {
        name: held for name in value.__match_args__ if (held := getattr(value, name)) is not None
    }


def _tool_call(value: object) -> ToolCall:
    if isinstance(value, ToolCall):
        return value
    if isinstance(value, Mapping):
        function = value.get("function")
        source = function if isinstance(function, Mapping) else value
        arguments = source.get("arguments")
        if arguments is None:
            arguments = ""
        elif isinstance(arguments, Mapping):
            arguments = json.dumps(arguments, ensure_ascii=False)
        custom = value.get("custom")
        if isinstance(custom, Mapping) and value.get("type") == "custom":
            source, arguments = custom, custom.get("input") or ""
        if isinstance(source.get("name"), str) and isinstance(arguments, str):
            return ToolCall(value.get("id"), source["name"], arguments)
    raise ValueError(
        "a tool call is a ToolCall or {'id': ..., 'name': ..., 'arguments': '<JSON text>'}"
    )
