"""Dify's chatbots, agents, chatflows, text generation and workflows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from chatsdk.answer import Answer
from chatsdk.dialects.backends.dify.decoder import DifyDecoder
from chatsdk.dialects.dialect import About, Decoder, Dialect, StopRequest
from chatsdk.dialects.payload import as_name
from chatsdk.dialects.request import OptionMissing, new_messages
from chatsdk.messages import Image, Message
from chatsdk.parts import Part

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["Dify"]


# For each kind of app: the end of the request's URL, the path of the stop request, and the part of
# the URL that this path replaces.
APPS = {
    "chat": ("/chat-messages", "/chat-messages/{}/stop", "/chat-messages"),
    "completion": ("/completion-messages", "/completion-messages/{}/stop", "/completion-messages"),
    "workflow": ("/workflows/run", "/workflows/tasks/{}/stop", "/workflows"),
}


class Dify(Dialect):
    """Dify's apps: chat, text generation (``app="completion"``) and workflows.

    ``app`` is detected from a URL that ends in ``/completion-messages`` or ``/workflows/run``. Dify
    keeps the conversation of a chat, separately for each user: the option ``user`` is required. The
    two other kinds do not keep a conversation: each request is a separate run, and the prompt
    becomes the app's input variable `prompt`. If a workflow does not stream text, its outputs
    become the text: the only string among them, else all of them as JSON.

    The tools of an agent run on the server; their calls are in the answer, but do not wait for
    results. A chatflow that waits for a person ends with the finish reason ``other`` and the native
    value ``workflow_paused``. Its form is in ``raw`` of the step before.
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
        # Its clients decode text without a charset as Latin-1.
        response_headers=(("Content-Type", "text/event-stream; charset=utf-8"),),
        reasoning=True,
        tools=True,
        citations=True,
        usage=True,
    )

    def __init__(self, *, app: str = "chat", prompt: str = "query") -> None:
        """Select the kind of app.

        Args:
            app: ``"chat"``, ``"completion"`` or ``"workflow"``.
            prompt: the input variable for the prompt of a text generation or a workflow.

        Raises:
            ValueError: `app` is not one of these kinds.
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
        """Encode the body: the last message, with its images as URLs.

        The prompt of a workflow or a text generation goes into ``inputs``, unless they contain the
        variable already.

        Raises:
            ValueError: ``user`` is missing, or Dify needs something in a different form; the
                message shows it.
        """
        if not options.get("user"):
            raise OptionMissing("Dify needs a name for the end user", "user")
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
        """Decode a complete answer, as for ``"response_mode": "blocking"``."""
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
        """Return the request that stops the task; it needs the ``user`` of the original request."""
        user = as_name(request.get("user"))
        if answer.task_id is None or user is None:
            return None
        _, path, relative = APPS[self._app]
        task = quote(answer.task_id, safe="")
        return StopRequest(path.format(task), {"user": user}, relative=relative)

    def read_request(self, body: Any) -> AskedFor:
        from chatsdk.dialects.backends.dify.request import read

        return read(body, app=self._app, prompt=self._prompt)

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        from chatsdk.dialects.backends.dify.encoder import encode

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
