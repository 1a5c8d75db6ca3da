"""What a dialect is: everything that differs between backends, as data and pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from chatsdk.answer import Answer
from chatsdk.dialects.media import is_ndjson
from chatsdk.dialects.payload import refusal
from chatsdk.framing import CONTENT_TYPES
from chatsdk.messages import Message
from chatsdk.parts import Failure, Part
from chatsdk.sse import ServerSentEvent
from chatsdk.values import distinct

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["About", "Decoder", "Dialect", "StopRequest"]

# A comment line. No blank line follows: after an `id:` field, some clients would take that for an
# event without data.
SSE_HEARTBEAT = b": ping\n"


@distinct
class About(NamedTuple):
    """What is known of a backend, as data.

    Attributes:
        name: the dialect's name in the registry.
        backend: the software, as its makers call it.
        version: which version the dialect follows, and of what.
        page: the page or source that documents the stream.
        endpoint: method and path of the request; a fixed path completes base URLs (`Dialect.path`).
        text: ``"delta"`` or ``"snapshot"``.
        end_marker: the dialect's own end, in words, or ``None``.
        finish_reason: whether the backend says why the model stopped.
        clean_end: whether a clean HTTP end is enough, though a marker may come.
        framing: how the body is cut into events, one of `chatsdk.framing.CONTENT_TYPES`.
        more_after_end: whether frames worth waiting for may follow the marker.
        history: who keeps the conversation, ``"client"`` (resend the messages) or ``"server"``.
        stop: the endpoint that stops an answer on the server, or ``None``.
        response_headers: the header fields of its stream that its clients look for; the content
            type only where more is needed than the framing says.
        reasoning, tools, citations, usage: whether the backend sends them.
        runs_tools: whether calls of tools that the backend runs itself are among the answer's too,
            beside those that wait for the client.
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
    """How to tell the backend to stop: a request relative to the client's own URL.

    Attributes:
        path: the path on the same host, starting with ``/``.
        body: the JSON body, or ``None`` for none.
        method: the HTTP method.
        relative: ``path`` stands for the last part of the client's path from this segment on:
            with ``"/chat-messages"`` and a client of ``/v1/chat-messages``, the stop request goes
            to ``/v1`` + ``path``. Of several segments the first one that the client's path has
            counts. ``None``: ``path`` is the whole path.
    """

    path: str
    body: dict[str, Any] | None = None
    method: str = "POST"
    relative: str | tuple[str, ...] | None = None


class Decoder:
    """Reads the events of one stream. A dialect gives a fresh one for each stream.

    Attributes:
        dialect: the dialect that it reads; of ``auto``, what it decided, ``None`` before.
        finished: every choice that spoke has its last finish reason. Only a usage, sources and the
            end marker may follow, so the stream ends within 5 s without the marker, too. It stays
            false in dialects whose reasons may be those of a step.
    """

    dialect: Dialect | None
    finished: bool = False

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        """Return the parts of one event, in order; none for an unknown event.

        Raises:
            ProtocolError: the event's data is not what the dialect says.
        """
        return ()

    def close(self) -> Sequence[Part]:
        """Return what is known only at the clean end of the stream."""
        return ()


class Dialect:
    """One backend's way of asking and answering.

    A new backend is one file with a subclass of this and one line in the registry. Instances hold
    options only, never the state of a stream.
    """

    about: ClassVar[About]
    # What `body` passes on of messages, besides the plain fields: "files"; "name", of who speaks;
    # "more", see `Message.more`.
    passes_on: ClassVar[frozenset[str]] = frozenset()

    @property
    def name(self) -> str:
        """The name in the registry."""
        return self.about.name

    @property
    def text(self) -> str:
        """``"delta"`` or ``"snapshot"``."""
        return self.about.text

    def decoder(self, content_type: str = "") -> Decoder:
        """Return a fresh decoder for a response of this media type."""
        return Decoder()

    def framing(self, content_type: str = "") -> str:
        """Return how the body is cut into events, one of `chatsdk.framing.CONTENT_TYPES`."""
        return "ndjson" if is_ndjson(content_type) else self.about.framing

    @property
    def dataless(self) -> bool:
        """Whether blocks with an event name but without data count as events."""
        return False

    def headers(self, token: str | None) -> dict[str, str]:
        """Return the header fields that the backend wants, the token's among them."""
        return {} if token is None else {"Authorization": f"Bearer {token}"}

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Write the JSON body that asks for a streamed answer to `messages`.

        `conversation_id` continues a conversation that the backend keeps. ``tools`` among the
        options is a list of ``{"name", "description", "parameters"}``, `parameters` being a JSON
        schema. All other options stand in the body under their own names.

        Raises:
            ValueError: the backend cannot be asked that way; the message says how it can.
        """
        raise ValueError(
            f"the dialect {self.name!r} does not write bodies: use client.send(body) with the "
            "JSON that your backend expects, or name another dialect"
        )

    def request_body(self, body: Any) -> bytes | None:
        """Return the bytes of a request whose body is not JSON; `headers` names their type.

        Args:
            body: as `body` wrote it, or as it was given to ``client.send``.

        Raises:
            TypeError: it cannot be written so.
        """
        return None

    def read_request(self, body: Any) -> AskedFor:
        """Read a request body, as a server that speaks this dialect does; the inverse of `body`.

        Args:
            body: the JSON value of the request.

        Raises:
            ValueError: the body is not a request of this dialect; the message names the field.
        """
        raise ValueError(f"the dialect {self.name!r} does not read requests")

    def for_request(self, body: Any) -> Dialect:
        """Return the dialect that the answer to this body comes in.

        That is this one, but where the body asks for another form of it, such as RAGFlow's
        ``"legacy": true``.
        """
        return self

    def at(self, url: str) -> Dialect:
        """Return the dialect as it is spoken at this address.

        That is this one, but if the address asks for another form of it, such as a workflow of
        Dify's.
        """
        return self

    def for_response(self, content_type: str, headers: Mapping[str, str], head: bytes) -> Dialect:
        """Return the dialect that a response is in, if its head shows another than this one.

        Args:
            content_type: the media type, in lower case.
            headers: the header fields, names in lower case.
            head: the first bytes of the body; empty if nothing was read yet.
        """
        return self

    @property
    def path(self) -> str | None:
        """The path that completes a base URL, ``None`` if the backend has no fixed one.

        It may hold ``{model}``, in the place of the model that a request names.
        """
        for word in self.about.endpoint.split():
            if word.startswith("/") and "{" not in word.replace("{model}", ""):
                return word
        return None

    def url(self, url: str, *, conversation_id: str | None = None) -> str:
        """Return the address to ask at: `url`, with the conversation where it stands in there."""
        return url

    def history(self, url: str) -> str:
        """Return who keeps the conversation behind this address, ``"client"`` or ``"server"``."""
        return self.about.history

    def new_conversation(self) -> str | None:
        """Return an id for a conversation that begins, where the client is who names them."""
        return None

    def branches(self, conversation_id: str | None) -> bool:
        """Whether a conversation that the backend keeps can go on from any of its answers.

        Each answer then has a `conversation_id` of its own, which says how far it had come. `None`
        stands for a conversation that begins.
        """
        return False

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> Failure | None:
        """Read what the backend says in a body that is no stream.

        For a status below 400: the refusal in it, or ``None`` where it is none.
        """
        return refusal(body, failed=status >= 400)

    def document(self, payload: Any) -> Sequence[Part] | None:
        """Return the parts of an answer that came as one JSON document, ``None`` if it is none."""
        return None

    def stop_request(self, answer: Answer, request: Mapping[str, Any]) -> StopRequest | None:
        """Return how to stop `answer` on the server, ``None`` where that is not possible.

        `request` is the JSON body that asked for it.
        """
        return None

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        """Write parts as the backend would send them: frames, each as soon as its part is there.

        The end marker follows the last part, unless that is a `Failure` after which the backend
        sends none.

        Raises:
            ValueError: chatsdk reads this dialect, but does not write it.
        """
        raise ValueError(f"the dialect {self.name!r} is read only: it has no encoder")

    def encode_document(
        self, answer: Answer, *, id: str = "answer-1", model: str = "built-in"
    ) -> dict[str, Any]:
        """Write a complete answer as the JSON document that a request without streaming gets.

        Raises:
            ValueError: chatsdk does not write this dialect's documents.
        """
        raise ValueError(f"chatsdk does not write JSON documents of the dialect {self.name!r}")

    def encode_models(self, names: Sequence[str]) -> dict[str, Any]:
        """Write the list of models, for the path that `models_path` names.

        Raises:
            ValueError: the dialect has no such list.
        """
        raise ValueError(f"the dialect {self.name!r} has no list of models")

    @property
    def models_path(self) -> str | None:
        """The path at which a backend lists its models, ``None`` if it has none."""
        return None

    def encode_error(self, message: str, *, kind: str) -> dict[str, Any]:
        """Write the JSON body of an HTTP error; `kind` is the type of the error."""
        return {"error": {"type": kind, "message": message}}

    def stream_headers(self) -> tuple[tuple[str, str], ...]:
        """Return the header fields of a streamed answer, its content type first."""
        headers = self.about.response_headers
        if any(name.lower() == "content-type" for name, _ in headers):
            return headers
        return (("Content-Type", CONTENT_TYPES[self.framing()]), *headers)

    def heartbeat(self, *, model: str = "built-in") -> bytes:
        """Return a line that changes nothing, to send while the model is silent."""
        return SSE_HEARTBEAT

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), tuple(sorted(vars(self).items()))))

    def __repr__(self) -> str:
        # A subclass may leave out options of the dialect that it follows.
        code = getattr(type(self).__init__, "__code__", None)
        options = ", ".join(
            f"{name.lstrip('_')}={value!r}"
            for name, value in sorted(vars(self).items())
            if code is None or name.lstrip("_") in code.co_varnames
        )
        return f"{self.name}({options})"
