"""The small pieces that all chat windows share."""

from __future__ import annotations

import base64
import json
import webbrowser

import pytest

from chatsdk import ChatClient, ChatSession, Image, Message
from chatsdk.windows.conversation_file import read_conversation, write_conversation
from chatsdk.windows.links import open_link, safe_url
from chatsdk.windows.presenter import SentTexts
from chatsdk.windows.printable import printable
from chatsdk.windows.shown_turn import image_bytes, image_name


@pytest.mark.parametrize(
    "url",
    ["https://example.com/a?b=c#d", "HTTP://example.com", "mailto:someone@example.com"],
)
def test_safe_urls(url) -> None:
    """Web pages and mail addresses may be opened."""
    assert safe_url(f" {url}\n") == url


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "example.com",
        "/etc/passwd",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,hello",
        "file:///etc/passwd",
        "vscode://open",
        "https:/example.com",
        "https://",
        "https://example.com/\u202egnp.exe",
        "https://exa\nmple.com",
        "ht\ttps://example.com",
        "https://example.com/\ud83d",
        "https://[x",
        "https://[x)/",
        "https://example.com/a\u00a0b",
        "https://example.com/a\u3000b",
        "https://exam\u200bple.com",
        "https://example.com/<script>",
        'https://example.com/"onclick=1',
    ],
)
def test_unsafe_urls(url, monkeypatch) -> None:
    """Anything that could run a program, read a file or mislead is not opened."""
    monkeypatch.setattr(webbrowser, "open", pytest.fail)
    assert safe_url(url) is None
    assert not open_link(url or "")


def test_a_safe_link_is_opened(monkeypatch) -> None:
    """A link that passes the check is opened in the browser."""
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    assert open_link("https://example.com/")
    assert opened == ["https://example.com/"]


def test_what_cannot_be_drawn_is_replaced() -> None:
    """Control characters and halves of UTF-16 pairs do not reach a toolkit."""
    assert (
        printable("a\ud83d b\x00\x1b[1m\tc\r\nd 你好 🎉")
        == "a\ufffd b\ufffd\ufffd[1m\tc\nd 你好 🎉"
    )


def test_up_and_down() -> None:
    """Up goes back through what was sent, Down returns to the draft."""
    sent = SentTexts(["one"])
    sent.add("two")
    assert sent.older("draft") == "two"
    assert sent.older("two") == "one"
    assert sent.older("one") is None
    assert [sent.newer(), sent.newer(), sent.newer()] == ["two", "draft", None]


def test_the_bytes_of_images() -> None:
    """An image that was sent as data can be shown; one by URL is never fetched."""
    data = base64.b64encode(b"picture").decode()
    assert image_bytes(Image(data=data, media_type="image/png")) == b"picture"
    assert image_bytes(Image(url=f"data:image/png;base64,{data}")) == b"picture"
    assert image_bytes(Image(url="data:image/svg+xml,%3Csvg%3E")) == b"<svg>"
    assert image_bytes(Image(url="https://example.com/a.png")) is None
    assert image_bytes(Image(url="data:image/png;base64,%%%a")) is None
    assert image_name(Image(url="https://example.com/a.png")) == "https://example.com/a.png"
    assert image_name(Image(data=data, media_type="image/png")) == "image/png"


def test_a_conversation_is_saved_and_opened(tmp_path) -> None:
    """A saved conversation can be loaded into another session, and a file is replaced at once."""
    path = tmp_path / "conversation.json"
    path.write_text("old")
    with ChatClient("http://127.0.0.1:9/v1/chat/completions") as client:
        session = ChatSession(client, messages=[Message("user", "你好 \ud83d")])
        write_conversation(session, path)
        other = ChatSession(client)
        other.load(read_conversation(path))
    assert [message.content for message in other.messages] == ["你好 ?"]
    assert [file.name for file in tmp_path.iterdir()] == ["conversation.json"]


@pytest.mark.parametrize("text", ["not JSON", "[]", "{}", "[" * 100_000])
def test_another_file_is_refused(tmp_path, text) -> None:
    """A file that is not a saved conversation is named in the error."""
    path = tmp_path / "notes.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"notes\.txt is not a saved conversation"):
        read_conversation(path)


def test_a_folder_that_cannot_be_written(tmp_path) -> None:
    """An error while saving leaves nothing behind."""
    with ChatClient("http://127.0.0.1:9/v1/chat/completions") as client:
        session = ChatSession(client)
        with pytest.raises(FileNotFoundError):
            write_conversation(session, tmp_path / "missing" / "conversation.json")
        path = tmp_path / "folder"
        path.mkdir()
        with pytest.raises((IsADirectoryError, PermissionError)):
            write_conversation(session, path)
    assert json.dumps([file.name for file in tmp_path.iterdir()]) == '["folder"]'
