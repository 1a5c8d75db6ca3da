"""Unknown words on the command line: the message names the right one, or how to write it."""

from __future__ import annotations

import re

import pytest

from chatsdk import ChatClient, dialects
from chatsdk.cli import main

URL = "http://127.0.0.1:9/v1/chat/completions"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["chatt", URL], "there is no command chatt: did you mean chat?"),
        (["Ask", URL], "there is no command Ask: did you mean ask?"),
        (["zzz"], "the first argument is not a command; `chatsdk --help` lists the commands"),
        (["ask", "Hello", URL], "the URL comes first, and the prompt after it"),
        (["chat", "Hello", URL], "the URL comes first, and the prompt after it"),
        ([URL], "the command comes before the address, such as chatsdk chat URL"),
        (["record", URL, "Hello"], "give the prompt as --prompt TEXT"),
        (["record", URL, "Hello"], "name the file to write with -o FILE"),
        (["record", URL], "name the file to write with -o FILE, such as -o answer.jsonl"),
        (["inspect", URL, "Hello"], "1 argument too many; give the prompt as --prompt TEXT"),
        (["doctor", URL, "Hello", "you"], "2 arguments too many; give the prompt as --prompt TEXT"),
        (
            ["ask", URL, "Hi", "--dialect", "opnai"],
            "unknown dialect 'opnai': did you mean 'openai'? --dialect list lists all",
        ),
        (["serve", "--dialect", "zzz"], "unknown dialect 'zzz'; --dialect list lists all "),
        (["gateway", URL, "--as", "olama"], "did you mean 'ollama'? --as list lists all"),
        (
            ["ask", "http://127.0.0.1:9/v1/chat-messages", "Hi"],
            "Dify needs a name for the end user: give --option user=...",
        ),
        (
            ["record", "http://127.0.0.1:9/v1/chat-messages", "-o", "x", "--prompt", "Hi"],
            "Dify needs a name for the end user: give --option user=...",
        ),
        (
            ["chat", "http://127.0.0.1:9/v3/chat", "--dialect", "coze"],
            "Coze needs bot_id and user_id: give --option bot_id=... --option user_id=...",
        ),
    ],
)
def test_cure(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    """A line on stderr shows what to type, and the exit code is 2."""
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert said in " ".join(shown.err.split())
    assert "ask()" not in shown.err
    assert shown.out == ""


@pytest.mark.parametrize("command", ["chat", "ask", "batch"])
def test_addresses_in_help(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """The address of the built-in server, in the examples of a command, implies its dialect."""
    assert main([command, "--help"]) == 0
    addresses = set(re.findall(r"http://localhost:8765\S*", capsys.readouterr().out))
    assert addresses
    for address in addresses:
        with ChatClient(address) as client:
            assert client.ask_dialect.name == "openai"


@pytest.mark.parametrize("command", ["ask", "chat", "doctor", "inspect", "record", "serve"])
def test_list_of_dialects(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """`--dialect list` prints the names, one a line."""
    assert main([command, "--dialect", "list"]) == 0
    assert capsys.readouterr().out.split("\n")[:-1] == list(dialects.names())


def test_first_word_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    """A word that resembles no command may be a key, so it is not shown."""
    assert main(["sk-Qx7Rt5Zp9Wm3Kd8"]) == 2
    assert "sk-Qx7" not in capsys.readouterr().err
