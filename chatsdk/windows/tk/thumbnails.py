"""`Pictures`: small pictures of the images that were sent, in the transcript."""

from __future__ import annotations

import contextlib
import tkinter
from functools import partial

from chatsdk.messages import Image
from chatsdk.session import Dispatch
from chatsdk.windows import words
from chatsdk.windows.printable import printable
from chatsdk.windows.shown_turn import image_bytes, image_name
from chatsdk.windows.thumbnails import PENDING, Thumbnails, small_png
from chatsdk.windows.tk.region import Region
from chatsdk.windows.tk.style import enlargement

__all__ = ["Pictures"]

# Pixels of the longer side of a picture, on an ordinary screen.
SIDE = 160

# Pixels of the largest image that Tk itself decodes: on its own thread, in about 50 ms.
MAX_PIXELS = 1_000_000


class Pictures:
    """The pictures in a text widget.

    Args:
        text: the widget.
        dispatch: the dispatcher to Tk's thread.
    """

    def __init__(self, text: tkinter.Text, dispatch: Dispatch) -> None:
        self._text = text
        self._side = round(SIDE * enlargement(text))
        self._thumbnails = Thumbnails(partial(_made, side=self._side), dispatch)
        # By their names in the text. Tk does not keep them; the program does.
        self._pictures: dict[str, tkinter.PhotoImage] = {}

    def write(self, region: Region, image: Image) -> bool:
        """Write a small picture of an image, empty until it is made; return if there is one."""
        empty = tkinter.PhotoImage(master=self._text, width=1, height=1)
        name = str(empty)
        data = self._thumbnails.get(image, partial(self._fill, name, image))
        if data is None:
            return False
        self._pictures[name] = empty
        self._text.image_create(region.end, image=empty, align="top", padx=4, pady=4)
        self._text.tag_add("user", f"{region.end}-1c")
        if data is not PENDING:
            self._fill(name, image, data)
        return True

    def forget(self) -> None:
        """Free the pictures that are no longer shown."""
        shown = set(self._text.image_names())
        self._pictures = {name: self._pictures[name] for name in self._pictures if name in shown}

    @property
    def busy(self) -> bool:
        """Whether a picture is being made."""
        return self._thumbnails.busy

    def close(self) -> None:
        """Free the pictures, and show no more."""
        self._thumbnails.close()
        self._pictures.clear()

    def _fill(self, name: str, image: Image, data: bytes | None) -> None:
        """Show a picture that was made, or what an image is called that cannot be shown."""
        if name not in self._text.image_names():
            return
        picture = None
        with contextlib.suppress(tkinter.TclError):
            picture = None if data is None else _picture(self._text, data, self._side)
        if picture is not None:
            self._pictures[name] = picture
            self._text.image_configure(name, image=picture)
            return
        state, self._text["state"] = self._text["state"], "normal"
        called = printable(f"{words.IMAGE}: {image_name(image)}\n")
        self._text.insert(name, called, ("text", "user", "small"))
        self._text.delete(name)
        self._text["state"] = state


def _made(image: Image, side: int) -> bytes | None:
    """Return a file that Tk can read, or ``None`` if the image cannot be shown.

    Pillow, if it is installed, makes it small. Tk reads PNG and GIF.
    """
    small = small_png(image, side)
    if small is not None:
        return small
    data = image_bytes(image) or b""
    size = _size(data)
    return data if size is not None and size[0] * size[1] <= MAX_PIXELS else None


def _picture(text: tkinter.Text, data: bytes, side: int) -> tkinter.PhotoImage:
    picture = tkinter.PhotoImage(master=text, data=data)
    factor = -(-max(picture.width(), picture.height()) // side)
    return picture.subsample(factor) if factor > 1 else picture


def _size(data: bytes) -> tuple[int, int] | None:
    """Read width and height from the header of a PNG or GIF."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data.startswith((b"GIF87a", b"GIF89a")) and len(data) >= 10:
        return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    return None
