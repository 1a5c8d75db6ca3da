"""Draws a small picture of an image with blocks of two colours."""

from __future__ import annotations

from rich.segment import Segment, Segments
from rich.style import Style

from chatsdk.messages import Image
from chatsdk.windows.thumbnails import small_picture

__all__ = ["thumbnail"]

# The most columns and lines of a picture. A block shows two pixels, one above the other.
COLUMNS, LINES = 32, 8


def thumbnail(image: Image) -> Segments | None:
    """Return a picture of an image that was sent.

    ``None`` if it is elsewhere, cannot be read, or Pillow is not installed.
    """
    picture = small_picture(image, (COLUMNS, LINES * 2))
    if picture is None:
        return None
    picture = picture.convert("RGB")
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
