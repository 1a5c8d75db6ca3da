"""Dify: chatbots, agents and chatflows, text generation and workflows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from chatsdk.answer import Answer
from chatsdk.dialects.asking import new_messages
from chatsdk.dialects.backends.dify_decoder import DifyDecoder
from chatsdk.dialects.contract import About, Decoder, Dialect, StopRequest
from chatsdk.dialects.payload import as_name
from chatsdk.messages import Image, Message
from chatsdk.parts import Part

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["Dify"]


# Of each kind of app: the end of the address that asks it, the path that stops it, and the part of
# the address that this path stands for.
APPS = {
    "chat": ("/chat-messages", "/chat-messages/{}/stop", "/chat-messages"),
    "completion": ("/completion-messages", "/completion-messages/{}/stop", "/completion-messages"),
    "workflow": ("/workflows/run", "/workflows/tasks/{}/stop", "/workflows"),
}


class Dify(Dialect):
    """Dify's apps: chat, text generation (``app="completion"``) and workflows.

    ``app`` follows from the address where that ends in ``/completion-messages`` or
    ``/workflows/run``. Dify keeps the conversation of a chat, and tells users apart: ``user`` has
    to be among the options. The two other kinds keep no conversation: each request is a run of its
    own, and the prompt fills in the app's input variable that `prompt` names. If a workflow streams
    no text, its outputs are the text: the only string among them, else all of them as JSON.

    The tools of an agent run on the server; its calls of them are shown, with nothing to answer. A
    chatflow that waits for a person ends with the finish reason ``other`` and the word
    ``workflow_paused``; the form that it waits for stands in ``raw`` of the step before.
    """

    about = About(
        name="dify",
        backend="Dify",
        version="langgenius/dify-docs 9d8344e, Dify 1.16",
        page="https://docs.dify.ai/en/api-reference/guides/streaming",
        endpoint="POST /v1/chat-messages or /v1/completion-messages or /v1/workflows/run",
        end_marker='"event": "message_end", "workflow_finished" (workflows) or "workflow_paused"',
        history="server",
        stop="POST {endpoint}/{task_id}/stop; workflows: POST /v1/workflows/tasks/{task_id}/stop",
        # Its clients take text without a charset for Latin-1.
        response_headers=(("Content-Type", "text/event-stream; charset=utf-8"),),
        reasoning=True,
        tools=True,
        citations=True,
        usage=True,
    )

    def __init__(self, *, app: str = "chat", prompt: str = "query") -> None:
        """Follow one kind of app.

        Args:
            app: ``"chat"``, ``"completion"`` or ``"workflow"``.
            prompt: the input variable that takes the prompt of a text generation or a workflow.

        Raises:
            ValueError: there is no such kind of app.
        """
        if app not in APPS:
            raise ValueError(f"app is one of {', '.join(APPS)}, not {app!r}")
        self._app = app
        self._prompt = prompt

    @property
    def path(self) -> str:
        return f"/v1{APPS[self._app][0]}"

    def at(self, url: str) -> Dify:
        path = urlsplit(url).path.rstrip("/")
        for app, (ending, _, _) in APPS.items():
            if path.endswith(ending) and app != self._app:
                return Dify(app=app, prompt=self._prompt)
        return self

    def decoder(self, content_type: str = "") -> Decoder:
        return DifyDecoder(self)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Write the body: the last message, with its pictures by their addresses.

        The prompt of a workflow or a text generation goes into ``inputs``, unless they hold the
        variable already.

        Raises:
            ValueError: no ``user``, or what Dify takes in another way; the message says how.
        """
        if not options.get("user"):
            raise ValueError(
                "Dify needs a name for the end user: pass user='...' to ask(), or once as "
                "ChatClient(defaults={'user': ...})"
            )
        if options.pop("tools", None):
            raise ValueError("Dify runs its tools itself: add them to the app in Dify's studio")
        query = _query(messages, conversation_id, self._app)
        if self._app != "chat":
            inputs = {self._prompt: query.content} | dict(options.pop("inputs", None) or {})
            run: dict[str, Any] = {"inputs": inputs, "response_mode": "streaming"}
            if query.images and self._app == "workflow":
                raise ValueError(
                    "a Dify workflow takes files as input variables: upload them to /files/upload "
                    "and give inputs={'picture': {'type': 'image', ...}}"
                )
            files = [_file(image) for image in query.images]
            files += options.pop("files", None) or ()
            return run | ({"files": files} if files else {}) | options
        files = [_file(image) for image in query.images] + list(options.pop("files", None) or ())
        body: dict[str, Any] = {
            "inputs": {},
            "query": query.content,
            "response_mode": "streaming",
            "conversation_id": conversation_id or "",
        }
        return body | ({"files": files} if files else {}) | options

    def document(self, payload: Any) -> Sequence[Part] | None:
        """Read an answer that came whole, as for ``"response_mode": "blocking"``."""
        if not isinstance(payload, dict):
            return None
        if "workflow_run_id" in payload and isinstance(payload.get("data"), dict):
            return DifyDecoder(self).read(payload | {"event": "workflow_finished"})
        if not isinstance(payload.get("answer"), str):
            return None
        if not any(payload.get(name) for name in ("message_id", "conversation_id")):
            return None
        decoder = DifyDecoder(self)
        return [*decoder.read(payload | {"event": "message"}), *decoder.ended(payload)]

    def stop_request(self, answer: Answer, request: Mapping[str, Any]) -> StopRequest | None:
        """Return how to stop the task; Dify wants the same ``user`` as asked."""
        user = as_name(request.get("user"))
        if answer.task_id is None or user is None:
            return None
        _, path, relative = APPS[self._app]
        task = quote(answer.task_id, safe="")
        return StopRequest(path.format(task), {"user": user}, relative=relative)

    def read_request(self, body: Any) -> AskedFor:
        from chatsdk.dialects.backends.dify_request import read

        return read(body, app=self._app, prompt=self._prompt)

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        from chatsdk.dialects.backends.dify_encoding import encode

        return encode(parts, id=id, workflow=self._app == "workflow")


def _query(messages: Sequence[Message], conversation_id: str | None, app: str) -> Message:
    new = new_messages(messages)
    if any(message.role == "system" for message in messages):
        raise ValueError(
            "a Dify app has its own instructions: fill in its variables with "
            "inputs={...} and leave system messages out"
        )
    if app == "chat" and conversation_id is None and len(new) < len(messages):
        raise ValueError(
            "Dify keeps the conversation itself: go on with conversation_id=..., or give the new "
            "message only"
        )
    if not new or new[-1].role != "user":
        raise ValueError(
            "Dify answers a user's message: the last message must have the role 'user'"
        )
    return new[-1]


def _file(image: Image) -> dict[str, Any]:
    if image.url is None or image.url.startswith("data:"):
        raise ValueError(
            "Dify takes pictures by their address: upload the content to /files/upload, and give "
            "files=[{'type': 'image', 'transfer_method': 'local_file', 'upload_file_id': ...}]"
        )
    return {"type": "image", "transfer_method": "remote_url", "url": image.url}
