"""Draws a small picture of an image with blocks of two colours."""

from __future__ import annotations

import io

from rich.segment import Segment, Segments
from rich.style import Style

from chatsdk.messages import Image
from chatsdk.windows.shown_turn import image_bytes

__all__ = ["thumbnail"]

# The most columns and lines of a picture. A block shows two pixels, one above the other.
COLUMNS, LINES = 32, 8

# Images with more pixels than this are not read, because one of a few kB may have billions.
MOST_PIXELS = 50_000_000

# Pillow knows more, and starts Ghostscript for some of them.
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")


def thumbnail(image: Image) -> Segments | None:
    """Return a picture of an image that was sent.

    ``None`` if it is elsewhere, cannot be read, or Pillow is not installed.
    """
    try:
        from PIL import Image as Pillow
    except ImportError:
        return None
    data = image_bytes(image)
    if data is None:
        return None
    try:
        with Pillow.open(io.BytesIO(data), formats=FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                return None
            opened.draft("RGB", (COLUMNS * 2, LINES * 4))
            picture = opened.convert("RGB")
    except Exception:
        # Pillow raises errors of many kinds for damaged files.
        return None
    picture.thumbnail((COLUMNS, LINES * 2))
    pixels = picture.load()
    segments = []
    for y in range(0, picture.height, 2):
        for x in range(picture.width):
            upper = "#{:02x}{:02x}{:02x}".format(*pixels[x, y])
            lower = None
            if y + 1 < picture.height:
                lower = "#{:02x}{:02x}{:02x}".format(*pixels[x, y + 1])
            segments.append(Segment("▀", Style(color=upper, bgcolor=lower)))
        segments.append(Segment.line())
    return Segments(segments)
