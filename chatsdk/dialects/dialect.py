"""`Dialect`: one backend's requests and answers, as data and pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from chatsdk.answer import Answer
from chatsdk.dialects.content_type import is_ndjson
from chatsdk.dialects.payload import refusal
from chatsdk.framing import CONTENT_TYPES
from chatsdk.frozen_values import distinct
from chatsdk.messages import Message
from chatsdk.parts import Failure, Part
from chatsdk.sse import ServerSentEvent

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["About", "Decoder", "Dialect", "StopRequest"]

# A comment line. It is not followed by a blank line, because after an `id:` field some clients
# would take that for an event without data.
SSE_HEARTBEAT = b": ping\n"


@distinct
class About(NamedTuple):
    """Facts about a backend.

    Attributes:
        name: the dialect's name in the registry.
        backend: the software, as its makers call it.
        version: the product and version that the dialect follows.
        page: the page or source file that documents the stream.
        endpoint: method and path of the request; a fixed path completes base URLs (`Dialect.path`).
        text: ``"delta"`` or ``"snapshot"``.
        end_marker: a description of the dialect's end marker, or ``None`` if it has none.
        finish_reason: whether the backend reports why the model stopped.
        clean_end: whether a clean HTTP end is enough, although a marker may come.
        framing: how the body is split into events, one of `chatsdk.framing.CONTENT_TYPES`.
        more_after_end: whether frames worth waiting for may follow the marker.
        history: which side keeps the conversation: ``"client"`` (it resends the messages) or
            ``"server"``.
        stop: the endpoint that stops an answer on the server, or ``None``.
        response_headers: response header fields that the backend's clients check. The content type
            is listed only if the framing does not determine it.
        reasoning, tools, citations, usage: whether the backend sends them.
        runs_tools: whether the answer's tool calls include those that the backend runs itself, in
            addition to those that wait for the client.
    """

    name: str
    backend: str
    version: str
    page: str
    endpoint: str
    text: str = "delta"
    end_marker: str | None = None
    finish_reason: bool = False
    clean_end: bool = False
    framing: str = "sse"
    more_after_end: bool = False
    history: str = "client"
    stop: str | None = None
    response_headers: tuple[tuple[str, str], ...] = ()
    reasoning: bool = False
    tools: bool = False
    citations: bool = False
    usage: bool = False
    runs_tools: bool = False


@distinct
class StopRequest(NamedTuple):
    """A request that stops an answer on the server, relative to the client's URL.

    Attributes:
        path: the path on the same host, starting with ``/``.
        body: the JSON body, or ``None`` to send none.
        method: the HTTP method.
        relative: the path segments from which on ``path`` replaces the client's path, or ``None``
            if ``path`` is the complete path. With ``"/chat-messages"`` and a client of
            ``/v1/chat-messages``, the stop request goes to ``/v1`` + ``path``. If several segments
            are given, the first one found in the client's path counts.
    """

    path: str
    body: dict[str, Any] | None = None
    method: str = "POST"
    relative: str | tuple[str, ...] | None = None


class Decoder:
    """Decodes the events of one stream. `Dialect.decoder` returns a new one for each stream.

    Attributes:
        dialect: the dialect that it decodes; for ``auto`` the detected one, ``None`` until then.
        finished: whether each choice with output has its final finish reason. Only usage, citations
            and the end marker may follow, so the stream ends within 5 s even without the marker.
            Always false in dialects whose finish reasons may be those of a step.
    """

    dialect: Dialect | None
    finished: bool = False

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        """Return the parts of one event, in order; an unknown event has none.

        Raises:
            ProtocolError: the event's data is not what the dialect defines.
        """
        return ()

    def close(self) -> Sequence[Part]:
        """Return the parts that are known only at the clean end of the stream."""
        return ()


class Dialect:
    """How one backend encodes requests and answers.

    A new backend is one file with a subclass and one line in the registry. Instances hold only
    options, never the state of a stream.
    """

    about: ClassVar[About]
    # Optional content of messages that `body` sends: "files"; "name", the author's name; "more",
    # see `Message.more`.
    passes_on: ClassVar[frozenset[str]] = frozenset()
    # The ways to ask for an object, the best first: "schema" (the backend's structured output),
    # "json" (its JSON mode, without a schema), "tool" (a tool that has to be called), "words".
    output_ways: ClassVar[tuple[str, ...]] = ("words",)
    # The ways in which the schema is in the prompt, too.
    output_words: ClassVar[frozenset[str]] = frozenset({"json", "words"})
    # The field of the body for "schema" or "json", for the table of dialects.
    output_field: ClassVar[str | None] = None

    @property
    def name(self) -> str:
        """The name in the registry."""
        return self.about.name

    @property
    def text(self) -> str:
        """``"delta"`` or ``"snapshot"``."""
        return self.about.text

    def decoder(self, content_type: str = "") -> Decoder:
        """Return a new decoder for a response of this media type."""
        return Decoder()

    def framing(self, content_type: str = "") -> str:
        """Return how the body is split into events, one of `chatsdk.framing.CONTENT_TYPES`."""
        return "ndjson" if is_ndjson(content_type) else self.about.framing

    @property
    def dataless(self) -> bool:
        """Whether blocks with an event name but without data count as events."""
        return False

    def headers(self, token: str | None) -> dict[str, str]:
        """Return the header fields that the backend needs, including the one for the token."""
        return {} if token is None else {"Authorization": f"Bearer {token}"}

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the JSON body of a request for a streamed answer to `messages`.

        `conversation_id` continues a conversation that the backend keeps. ``tools`` among the
        options is a list of ``{"name", "description", "parameters"}``; `parameters` is a JSON
        schema. All other options become fields of the body under their own names.

        Raises:
            ValueError: the backend does not support such a request; the message suggests one that
                it supports.
        """
        raise ValueError(
            f"the dialect {self.name!r} does not write bodies: use client.send(body) with the "
            "JSON that your backend expects, or name another dialect"
        )

    def with_schema(
        self, body: dict[str, Any], schema: dict[str, Any], name: str
    ) -> dict[str, Any] | None:
        """Return the body with a JSON schema that the backend enforces, for "schema".

        `schema` is an object's. Return ``None`` if the backend cannot express it.
        """
        return None

    def with_json(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the body with the backend's JSON mode, for "json"."""
        return body

    def schema_in(self, options: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the JSON schema among a request's options; the inverse of `with_schema`.

        For a request of the JSON mode that is any object's. ``None`` if the request has neither.
        """
        return None

    def with_forced_tool(self, body: dict[str, Any], name: str | None) -> dict[str, Any]:
        """Return the body in which the model has to call this tool, or any if ``None``."""
        return body

    def request_body(self, body: Any) -> bytes | None:
        """Return the bytes of a request whose body is not JSON; `headers` names their type.

        Args:
            body: as `body` wrote it, or as it was given to ``client.send``.

        Raises:
            TypeError: it cannot be written so.
        """
        return None

    def read_request(self, body: Any) -> AskedFor:
        """Decode a request body, as a server of this dialect does; the inverse of `body`.

        Args:
            body: the JSON value of the request.

        Raises:
            ValueError: the body is not a request of this dialect; the message names the field.
        """
        raise ValueError(f"the dialect {self.name!r} does not read requests")

    def for_request(self, body: Any) -> Dialect:
        """Return the dialect of the answer to this body.

        That is usually this one. The body may ask for a variant, as RAGFlow's ``"legacy": true``
        does.
        """
        return self

    def at(self, url: str) -> Dialect:
        """Return the dialect used at this URL.

        That is usually this one. Some URLs have a variant, such as Dify's for workflows.
        """
        return self

    def for_response(self, content_type: str, headers: Mapping[str, str], head: bytes) -> Dialect:
        """Return the dialect of a response, if its headers or first bytes show a different one.

        Args:
            content_type: the media type, in lower case.
            headers: the header fields, names in lower case.
            head: the first bytes of the body; empty before anything was read.
        """
        return self

    @property
    def path(self) -> str | None:
        """The path that completes a base URL, ``None`` if the backend has no fixed one.

        It may contain ``{model}``, a placeholder for the model that a request names.
        """
        for word in self.about.endpoint.split():
            if word.startswith("/") and "{" not in word.replace("{model}", ""):
                return word
        return None

    def url(self, url: str, *, conversation_id: str | None = None) -> str:
        """Return `url`, with the conversation's id inserted if the backend has it in the URL."""
        return url

    def history(self, url: str) -> str:
        """Return which side keeps the conversation at this URL, ``"client"`` or ``"server"``."""
        return self.about.history

    def new_conversation(self) -> str | None:
        """Return an id for a new conversation, if the client chooses the ids."""
        return None

    def branches(self, conversation_id: str | None) -> bool:
        """Whether a conversation that the backend keeps can continue from any of its answers.

        If so, each answer has a different `conversation_id`, which identifies the conversation up
        to that answer. `None` means a new conversation.
        """
        return False

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> Failure | None:
        """Decode an error from a body that is not a stream.

        For a status below 400, return the error in the body, or ``None`` if it is not an error.
        """
        return refusal(body, failed=status >= 400)

    def document(self, payload: Any) -> Sequence[Part] | None:
        """Return the parts of an answer sent as one JSON document, ``None`` if it is not one."""
        return None

    def stop_request(self, answer: Answer, request: Mapping[str, Any]) -> StopRequest | None:
        """Return the request that stops `answer` on the server, ``None`` if it cannot be stopped.

        `request` is the JSON body of the request that it answers.
        """
        return None

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        """Encode parts as the backend sends them, each as soon as it is available.

        The end marker follows the last part, unless that is a `Failure` after which the backend
        sends none.

        Raises:
            ValueError: chatsdk can decode this dialect, but not encode it.
        """
        raise ValueError(f"the dialect {self.name!r} is read only: it has no encoder")

    def encode_document(
        self, answer: Answer, *, id: str = "answer-1", model: str = "built-in"
    ) -> dict[str, Any]:
        """Encode a complete answer as the JSON document that answers a request without streaming.

        Raises:
            ValueError: chatsdk cannot encode this dialect's documents.
        """
        raise ValueError(f"chatsdk does not write JSON documents of the dialect {self.name!r}")

    def encode_models(self, names: Sequence[str]) -> dict[str, Any]:
        """Encode the list of models, for the path in `models_path`.

        Raises:
            ValueError: the dialect does not define such a list.
        """
        raise ValueError(f"the dialect {self.name!r} has no list of models")

    @property
    def models_path(self) -> str | None:
        """The path of a backend's list of models, ``None`` if it has none."""
        return None

    def encode_error(self, message: str, *, kind: str) -> dict[str, Any]:
        """Encode the JSON body of an HTTP error; `kind` is the type of the error."""
        return {"error": {"type": kind, "message": message}}

    def stream_headers(self) -> tuple[tuple[str, str], ...]:
        """Return the header fields of a streamed answer, its content type first."""
        headers = self.about.response_headers
        if any(name.lower() == "content-type" for name, _ in headers):
            return headers
        return (("Content-Type", CONTENT_TYPES[self.framing()]), *headers)

    def heartbeat(self, *, model: str = "built-in") -> bytes:
        """Return a line without effect, to send while the model is silent."""
        return SSE_HEARTBEAT

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), tuple(sorted(vars(self).items()))))

    def __repr__(self) -> str:
        # A subclass may drop options of the dialect that it extends.
        code = getattr(type(self).__init__, "__code__", None)
        options = ", ".join(
            f"{name.lstrip('_')}={value!r}"
            for name, value in sorted(vars(self).items())
            if code is None or name.lstrip("_") in code.co_varnames
        )
        return f"{self.name}({options})"
