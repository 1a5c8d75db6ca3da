"""The pytest plugin, in a separate pytest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from chatsdk.recording import load
from chatsdk.testing import ChatServer

TEST = """
import chatsdk

def test_answer(chat_recording):
    server = chat_recording("hello.jsonl", "{url}")
    with chatsdk.ChatClient(server.url, dialect="openai", token="key-123456") as client:
        assert client.send({{}}).result().text == "Hello"
"""

SERVER = """
import chatsdk

def test_server(chat_server):
    chat_server.answer("openai", "Hello")
    with chatsdk.ChatClient(chat_server.url, dialect="openai") as client:
        assert client.send({}).result().text == "Hello"

def test_fresh(chat_server):
    assert not chat_server.requests
"""


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "chatsdk.testing.pytest_plugin"),
            *("-p", "no:cacheprovider", "--rootdir", str(folder), *options, str(folder)),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=folder,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def test_chat_server(folder: Path) -> None:
    """`chat_server` is a fresh server for each test."""
    (folder / "test_it.py").write_text(SERVER)
    done = run(folder)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_chat_recording(folder: Path) -> None:
    """Without the file the failure names the option; the option writes it; then it plays."""
    with ChatServer() as backend:
        backend.answer("openai", "Hello")
        (folder / "test_it.py").write_text(TEST.format(url=backend.url))
        assert "--chat-record" in run(folder).stdout
        assert not backend.requests
        recorded = run(folder, "--chat-record")
        assert "1 passed" in recorded.stdout, recorded.stdout + recorded.stderr
        assert len(backend.requests) == 1
    played = run(folder)
    assert "1 passed" in played.stdout, played.stdout + played.stderr
    assert load(folder / "hello.jsonl").end == "whole"
    assert b"key-123456" not in (folder / "hello.jsonl").read_bytes()
