"""The bytes of images that were sent, for thumbnails; nothing is ever fetched."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import unquote_to_bytes

from chatsdk.messages import Image

__all__ = ["image_bytes", "image_name"]


def image_bytes(image: Image) -> bytes | None:
    """Return the content of an image, or ``None`` if it is elsewhere or damaged."""
    source = image.source
    if not source.startswith("data:"):
        return None
    head, _, data = source.partition(",")
    if not head.endswith(";base64"):
        return unquote_to_bytes(data)
    try:
        return base64.b64decode(data)
    except (binascii.Error, ValueError):
        return None


def image_name(image: Image) -> str:
    """Return a short name for an image that cannot be shown: its URL or its media type."""
    if image.data is not None:
        return image.media_type or ""
    url = image.url or ""
    return url.partition(",")[0] if url.startswith("data:") else url
