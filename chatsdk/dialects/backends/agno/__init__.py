"""agno's AgentOS: runs of agents, teams and workflows, requested by a form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from chatsdk.answer import Answer
from chatsdk.dialects.backends.agno.decoder import AgnoDecoder
from chatsdk.dialects.dialect import About, Decoder, Dialect, StopRequest
from chatsdk.dialects.request import user_prompt
from chatsdk.messages import Message

__all__ = ["Agno"]


class Agno(Dialect):
    """A run of AgentOS: ``/agents/{id}/runs``, ``/teams/{id}/runs`` or ``/workflows/{id}/runs``.

    The request is a form, so the body is a dict of fields. AgentOS keeps the conversation under its
    session id. The agent's tools run on the server; their calls are in the answer.
    ``finish_reason`` shows whether a run waits for a person.
    """

    about = About(
        name="agno",
        backend="agno AgentOS",
        version="agno 3.1.10",
        page="https://docs.agno.com/agent-os/api/usage",
        endpoint="POST /agents/{agent_id}/runs",
        end_marker="event: RunCompleted",
        history="server",
        stop="POST /agents/{agent_id}/runs/{run_id}/cancel",
        reasoning=True,
        tools=True,
        citations=True,
        usage=True,
        runs_tools=True,
    )

    def decoder(self, content_type: str = "") -> Decoder:
        return AgnoDecoder(self)

    def headers(self, token: str | None) -> dict[str, str]:
        return {"Content-Type": "application/x-www-form-urlencoded"} | super().headers(token)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the form's fields; options such as ``user_id`` become fields too."""
        if options.pop("tools", None):
            raise ValueError("agno runs its tools itself: add them to the agent")
        message = user_prompt(messages, "agno")
        if message.images:
            raise ValueError("pictures are files of a multipart form: use agno's own client")
        body: dict[str, Any] = {"message": message.content, "stream": True}
        if conversation_id is not None:
            body["session_id"] = conversation_id
        return body | options

    def request_body(self, body: Any) -> bytes:
        """Encode a form: text unchanged, ``true`` and ``false``, anything else as JSON."""
        if not isinstance(body, Mapping):
            raise TypeError(f"agno takes the fields of a form as a dict, not {type(body).__name__}")
        fields = {name: _field(value) for name, value in body.items() if value is not None}
        return urlencode(fields, errors="replace").encode()

    def stop_request(self, answer: Answer, request: Mapping[str, Any]) -> StopRequest | None:
        if answer.id is None:
            return None
        return StopRequest(f"/runs/{answer.id}/cancel", relative="/runs")


def _field(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
