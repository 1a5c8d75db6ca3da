"""Pictures from files, and names of files where a URL belongs."""

from __future__ import annotations

import base64

import pytest

from chatsdk import Image, Message

PICTURES = {
    "image/png": b"\x89PNG\r\n\x1a\n....",
    "image/jpeg": b"\xff\xd8\xff\xe0....",
    "image/gif": b"GIF89a....",
    "image/webp": b"RIFF....WEBPVP8 ",
}


@pytest.mark.parametrize("kind", PICTURES)
def test_from_file(tmp_path, kind):
    """The content is sent in base64, and its first bytes show its type, not the name."""
    path = tmp_path / "picture.bin"
    path.write_bytes(PICTURES[kind])
    for given in (path, str(path)):
        image = Image.from_file(given)
        assert image == Image(data=base64.b64encode(PICTURES[kind]).decode(), media_type=kind)
        assert image.source.startswith(f"data:{kind};base64,")


def test_from_a_file_that_is_no_picture(tmp_path):
    """A file of another kind is refused, and the error shows how it can be sent."""
    path = tmp_path / "text.png"
    path.write_text("<svg/>")
    with pytest.raises(ValueError, match=r"text\.png.*media_type="):
        Image.from_file(path)
    with pytest.raises(FileNotFoundError):
        Image.from_file(tmp_path / "missing.png")


@pytest.mark.parametrize("name", ["x.png", "./x.png", "/home/me/x.png", r"C:\x.png", "", "//h/x"])
def test_a_file_name_is_no_url(name):
    """The name of a file in place of a URL is an error that names `Image.from_file`."""
    with pytest.raises(ValueError, match="from_file"):
        Image(name)
    with pytest.raises(ValueError, match="from_file"):
        Message.of({"role": "user", "content": [{"image_url": {"url": name}}]})


@pytest.mark.parametrize("url", ["https://h/x.png", "data:image/png;base64,AA==", "gs://b/x.png"])
def test_urls(url):
    """Every scheme is a URL."""
    assert Image(url).source == url
