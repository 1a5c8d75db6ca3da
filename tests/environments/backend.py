"""A backend whose prompt selects its answer, so that two clients get the same treatment."""

from __future__ import annotations

from typing import Any

from chatsdk.testing import (
    ChatServer,
    Cut,
    Hang,
    Head,
    Pause,
    RecordedRequest,
    Reply,
    Response,
    Script,
    answer_frames,
)

__all__ = ["TEXT", "Backend"]

TEXT = "Good day to you 你好."

# Seconds between two words of a "drip".
DRIP_SECONDS = 0.1


class Backend:
    """A `ChatServer` that speaks openai. The last message of a request selects its answer:

    - ``fast``: the complete answer at once, `TEXT`;
    - ``drip N``: N words, one each 0.1 s;
    - ``silent``: one word, then nothing more, with the connection open;
    - ``hold``: not even a status line;
    - ``cut``: one word, then the connection ends;
    - ``refuse``: HTTP 503 that must not be repeated soon;
    - ``unauthorized``: HTTP 401;
    - ``redirect``: HTTP 307.

    Attributes:
        server: the server; its ``requests`` are those that came.
        responses: a handle for each request, in their order.
    """

    def __init__(self, **options: Any) -> None:
        self.responses: list[Response] = []
        self.server = ChatServer(handler=self._answer, **options)

    @property
    def url(self) -> str:
        """The address that takes the POST."""
        return self.server.url + "/v1/chat/completions"

    def __enter__(self) -> Backend:
        self.server.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.server.close()

    def headers(self, number: int = -1) -> dict[str, str]:
        """Return the header fields of a request, names in lower case."""
        return {name.lower(): value for name, value in self.server.requests[number].headers.items()}

    def wait_for_disconnect(self, number: int = -1) -> None:
        """Wait until the client of that request has gone.

        Raises:
            TimeoutError: it stays.
        """
        self.responses[number].wait_for_disconnect()

    def _answer(self, request: RecordedRequest) -> Response:
        if request.path == "/token":
            # An authorization server, which exchanges an old token for a new one.
            token = {"access_token": "fresh", "token_type": "Bearer", "expires_in": 3600}
            response: Response = Reply(json=token)
        else:
            response = _response(_prompt(request).split())
        self.responses.append(response)
        return response


def _prompt(request: RecordedRequest) -> str:
    try:
        said = request.json["messages"][-1]["content"]
    except (ValueError, LookupError, TypeError):
        # A program that sends no messages.
        return "fast"
    return str(said if isinstance(said, str) else said[0]["text"])


def _response(words: list[str]) -> Response:
    match words:
        case ["refuse"]:
            said = {"error": {"message": "busy"}}
            return Reply(503, headers={"Retry-After": "3600"}, json=said)
        case ["unauthorized"]:
            return Reply(401, json={"error": {"message": "who are you?"}})
        case ["redirect"]:
            return Reply(307, headers={"Location": "/elsewhere"})
        case ["hold"]:
            return Script(Head(), steps=[Hang()], hold_head=True)
        case ["silent"]:
            return Script(Head(), steps=[*_begun(), Hang()])
        case ["cut"]:
            return Script(Head(), steps=[*_begun(), Cut()])
        case ["drip", count]:
            frames = answer_frames("openai", [f" w{number}" for number in range(int(count))])
            paced = [step for frame in frames for step in (frame, Pause(DRIP_SECONDS))]
            return Script(Head(), steps=paced)
    return Script(Head(), steps=answer_frames("openai", TEXT))


def _begun() -> list[bytes]:
    return answer_frames("openai", "Hello there")[:2]
