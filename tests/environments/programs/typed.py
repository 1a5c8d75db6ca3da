"""A user's program, which type checkers read in their strict modes. It is never run."""

from __future__ import annotations

from collections.abc import Iterator

import requests

from chatsdk import (
    Answer,
    ChatClient,
    ChatError,
    ChatTimeout,
    HTTPStatusError,
    Outcome,
    Retry,
    Timeout,
    TurnHandle,
    dialects,
    use_chat,
)
from chatsdk.testing import ChatServer


def relay(client: ChatClient, prompt: str) -> Iterator[str]:
    with client.ask(prompt, model="m", temperature=0.2) as stream:
        yield from stream.deltas()


def talk(url: str, http: requests.Session) -> str:
    client = ChatClient(
        url,
        dialect=dialects.openai(),
        token=lambda: "t",
        timeout=Timeout(total=3),
        retry=Retry(attempts=2),
        http=http,
    )
    try:
        answer: Answer = client.send({"messages": []}).result()
    except HTTPStatusError as error:
        return f"{error.status} {error.message}"
    except ChatTimeout as error:
        return error.phase or ""
    except ChatError as error:
        return str(error)
    return answer.text


def converse(url: str) -> None:
    def end(outcome: Outcome) -> None:
        print(outcome.reason, outcome.answer.text)

    with use_chat(url, on_finish=end) as chat:
        handle: TurnHandle = chat.start("Hi")
        handle.wait(1)
        print(chat.run("Hi").text, chat.status, chat.done)


def test() -> None:
    with ChatServer() as server:
        server.answer("openai", "Hello")
        print(ChatClient(server.url).ask("x").result().text)
