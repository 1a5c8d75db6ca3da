"""Google's Agent Development Kit (ADK): encodes requests to ``/run_sse``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chatsdk.dialects.backends.adk.decoder import ADKDecoder
from chatsdk.dialects.backends.gemini.body import write_body
from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.request import OptionMissing, new_messages, tool_name
from chatsdk.messages import Message
from chatsdk.parts import Failure, Part

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["ADK"]

# The user that ADK's web page uses.
USER = "user"

NO_SESSION = re.compile(r"Session not found", re.IGNORECASE)


class ADK(Dialect):
    """An agent served by ``adk api_server`` or ``adk web``, ``/run_sse``.

    The conversation is kept in a session, which must exist: create it with a POST of ``{}`` to
    ``/apps/{app}/users/{user}/sessions/{session}``, and pass its id as `conversation_id`. The
    option ``app_name`` is required; ``user_id`` defaults to ``"user"``. The agent's tools run on
    the server. The answer includes their calls; ``finish_reason`` shows whether calls wait for the
    client.
    """

    about = About(
        name="adk",
        backend="Google Agent Development Kit",
        version="google-adk 2.13.0",
        page="https://google.github.io/adk-docs/runtime/api-server/",
        endpoint="POST /run_sse",
        end_marker="the event with the complete last turn",
        finish_reason=True,
        history="server",
        reasoning=True,
        tools=True,
        citations=True,
        usage=True,
        runs_tools=True,
    )

    def decoder(self, content_type: str = "") -> Decoder:
        return ADKDecoder(self)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the body: the new message, or the results of tools that the agent waits for.

        Raises:
            ValueError: ``app_name`` or the session is missing, or ADK does not support the request;
                the message suggests a supported one.
        """
        if not options.get("app_name"):
            raise OptionMissing("ADK serves several agents", "app_name")
        if options.pop("tools", None):
            raise ValueError("an ADK agent has its own tools: add them to the agent")
        session = conversation_id or options.pop("session_id", None)
        app, user = options["app_name"], options.get("user_id") or USER
        if session is None:
            raise ValueError(
                f"ADK keeps the conversation in a session: create one with a POST of {{}} to "
                f"/apps/{app}/users/{user}/sessions/ID, and give conversation_id='ID'"
            )
        body = {
            "app_name": app,
            "user_id": user,
            "session_id": session,
            "streaming": True,
            "new_message": {"role": "user", "parts": _parts(messages)},
        }
        return body | options

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> Failure | None:
        """Decode an error; if the session does not exist, the message shows how to create it."""
        found = super().error(status, headers, body)
        if status == 404 and found is not None and NO_SESSION.search(found.message):
            words = found.message.strip('"')
            return Failure(
                f"{words}; create it first, with a POST of {{}} to "
                "/apps/APP/users/USER/sessions/SESSION on the same server",
                found.code,
            )
        return found

    def read_request(self, body: Any) -> AskedFor:
        from chatsdk.dialects.backends.adk.request import read

        return read(body)

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        from chatsdk.dialects.backends.adk.encoder import encode

        return encode(parts, id=id, model=model)


def _parts(messages: Sequence[Message]) -> list[dict[str, Any]]:
    if any(message.role == "system" for message in messages):
        raise ValueError("an ADK agent has its own instructions: leave system messages out")
    told = [
        message._replace(name=tool_name(message, messages)) if message.role == "tool" else message
        for message in new_messages(messages)
    ]
    contents = write_body(told, {})["contents"]
    if not contents or any(content["role"] != "user" for content in contents):
        raise ValueError("ADK answers a user's message: the last message must have the role 'user'")
    return [part for content in contents for part in content["parts"]]
