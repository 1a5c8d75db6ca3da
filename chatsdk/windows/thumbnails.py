"""Decodes the images of questions as thumbnails, on a background thread."""

from __future__ import annotations

import io
import logging
import queue
import threading
import weakref
from collections.abc import Callable
from functools import cache
from typing import Any

from chatsdk.messages import Image
from chatsdk.session import Dispatch
from chatsdk.windows.shown_turn import image_bytes

__all__ = ["PENDING", "Thumbnails", "small_picture", "small_png"]

logger = logging.getLogger("chatsdk")

# The formats that Pillow may read. Others start programs (EPS) or are rarely tried (PSD, FLI).
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")

# Bytes and pixels of the largest image that is decoded; one of a few kB may have billions.
MAX_BYTES = 20_000_000
MAX_PIXELS = 50_000_000

# Pictures that are kept for each window.
KEPT = 64

# Marks a picture that is being made.
PENDING = object()

Shown = Callable[[Any], object]


class Thumbnails:
    """Makes small pictures and keeps the latest ones, because a large image takes a second.

    All methods are called on the thread of the user interface.

    Args:
        make: returns the picture of an image, or ``None``. It runs on another thread.
        dispatch: the dispatcher of the toolkit, from `chatsdk.ui`.
    """

    def __init__(self, make: Callable[[Image], Any], dispatch: Dispatch) -> None:
        self._make = make
        self._dispatch = dispatch
        self._made: dict[Image, Any] = {}
        self._waiting: dict[Image, list[Shown]] = {}

    @property
    def busy(self) -> bool:
        """Whether a picture is being made."""
        return bool(self._waiting)

    def get(self, image: Image, shown: Shown) -> Any:
        """Return the picture, ``None`` if there cannot be one, or `PENDING`.

        A picture that is pending is given to `shown` later, or ``None``.
        """
        if not image.source.startswith("data:"):
            return None
        if image in self._made:
            return self._made[image]
        waiting = self._waiting.setdefault(image, [])
        waiting.append(shown)
        if len(waiting) == 1:
            # Weak, because the widgets of a closed window must not be freed on that thread.
            _jobs().put((weakref.ref(self), self._make, image))
        return PENDING

    def close(self) -> None:
        """Show no more pictures."""
        self._waiting.clear()

    def done(self, image: Image, picture: Any) -> None:
        """Take a picture; called on the other thread."""
        self._dispatch(lambda: self._keep(image, picture))

    def _keep(self, image: Image, picture: Any) -> None:
        self._made[image] = picture
        if len(self._made) > KEPT:
            del self._made[next(iter(self._made))]
        for shown in self._waiting.pop(image, ()):
            shown(picture)


@cache
def _jobs() -> queue.SimpleQueue[Any]:
    """Return the queue of the one thread that makes pictures."""
    jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_work, args=(jobs,), name="chatsdk-thumbnails", daemon=True).start()
    return jobs


def _work(jobs: queue.SimpleQueue[Any]) -> None:
    while True:
        of, make, image = jobs.get()
        if of() is None:
            continue
        try:
            picture = make(image)
        except Exception:
            logger.exception("the small picture of an image could not be made")
            picture = None
        thumbnails = of()
        if thumbnails is not None:
            thumbnails.done(image, picture)
        del image, picture, thumbnails


def small_picture(image: Image, size: tuple[int, int]) -> Any | None:
    """Return an image as one of Pillow's, no larger than `size` pixels and upright.

    ``None`` if it is elsewhere or cannot be read, or if Pillow is not installed.
    """
    try:
        from PIL import Image as Pillow
        from PIL import ImageOps
    except ImportError:
        return None
    data = image_bytes(image)
    if data is None or len(data) > MAX_BYTES:
        return None
    try:
        with Pillow.open(io.BytesIO(data), formats=FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                return None
            # A JPEG is decoded at a fraction of its size.
            opened.draft("RGB", (size[0] * 2, size[1] * 2))
            # Colours of a palette cannot be mixed.
            picture = opened.convert("RGBA") if opened.mode == "P" else opened
            picture.thumbnail(size)
            return ImageOps.exif_transpose(picture).convert("RGBA")
    except Exception:
        # Not an image, a damaged one, or one that Pillow takes for a decompression bomb. Its
        # decoders raise errors of many kinds.
        return None


def small_png(image: Image, side: int) -> bytes | None:
    """Return an image as a PNG of at most `side` by `side` pixels, or ``None``."""
    picture = small_picture(image, (side, side))
    if picture is None:
        return None
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
