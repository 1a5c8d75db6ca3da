"""Small pictures of the images that were sent."""

from __future__ import annotations

import io
import tkinter
from typing import Any

from chatsdk.messages import Image
from chatsdk.windows.shown_turn import image_bytes

__all__ = ["thumbnail"]

# Pixels of the longer side of a thumbnail.
SIDE = 160

# Bytes and pixels of the largest image that is decoded.
MAX_BYTES = 20_000_000
MAX_PIXELS = 30_000_000

# The formats that Pillow may read. Others start programs (EPS) or are rarely tried (PSD, FLI).
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")


def thumbnail(widget: tkinter.Misc, image: Image) -> Any | None:
    """Return a picture for Tk, or ``None`` if the image cannot be shown.

    Tk reads PNG and GIF; Pillow, if it is installed, also JPEG, WebP and BMP.
    """
    data = image_bytes(image)
    if data is None or len(data) > MAX_BYTES:
        return None
    picture = _by_pillow(widget, data)
    if picture is not None:
        return picture
    size = _size(data)
    if size is None or size[0] * size[1] > MAX_PIXELS:
        return None
    try:
        picture = tkinter.PhotoImage(master=widget, data=data)
    except tkinter.TclError:
        return None
    factor = -(-max(picture.width(), picture.height()) // SIDE)
    return picture.subsample(factor) if factor > 1 else picture


def _by_pillow(widget: tkinter.Misc, data: bytes) -> Any | None:
    try:
        from PIL import Image as Pictures
        from PIL import ImageTk
    except ImportError:
        return None
    try:
        picture = Pictures.open(io.BytesIO(data), formats=FORMATS)
        if picture.width * picture.height > MAX_PIXELS:
            return None
        picture.thumbnail((SIDE, SIDE))
        return ImageTk.PhotoImage(picture, master=widget)
    except Exception:
        # Not an image, a damaged one, or one that Pillow takes for a decompression bomb. Its
        # decoders raise errors of many kinds.
        return None


def _size(data: bytes) -> tuple[int, int] | None:
    """Read width and height from the header of a PNG or GIF."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data.startswith((b"GIF87a", b"GIF89a")) and len(data) >= 10:
        return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    return None
