"""A chat backend for tests: real sockets, scripted answers, faults by name.

`ChatServer` is the server; see its methods for the ways to answer.
"""

from __future__ import annotations

from chatsdk.testing.answers import AnswerScript, Put, answer_frames, answer_parts
from chatsdk.testing.broken_connections import BrokenConnection
from chatsdk.testing.connection import Connection, ConnectionEnded
from chatsdk.testing.embedded import EmbeddedServer
from chatsdk.testing.playback import Playback, replay
from chatsdk.testing.ports import RefusingPort, UnansweredPort
from chatsdk.testing.proxy import ProxyServer
from chatsdk.testing.relay_server import RelayServer
from chatsdk.testing.request import Headers, RecordedRequest
from chatsdk.testing.response import Reply, Response
from chatsdk.testing.script import Script
from chatsdk.testing.server import ChatServer
from chatsdk.testing.server_exchange import Exchange, Head
from chatsdk.testing.steps import (
    Cut,
    Drip,
    Finish,
    Hang,
    Pause,
    Send,
    SendHead,
    SendRaw,
    Step,
    Wait,
)
from chatsdk.testing.tls import Authority

__all__ = [
    "ChatServer",
    "EmbeddedServer",
    "ProxyServer",
    "RelayServer",
    "replay",
    "Playback",
    "RefusingPort",
    "UnansweredPort",
    "Script",
    "AnswerScript",
    "answer_parts",
    "answer_frames",
    "Reply",
    "Response",
    "Head",
    "BrokenConnection",
    "Authority",
    "Exchange",
    "Connection",
    "ConnectionEnded",
    "RecordedRequest",
    "Headers",
    "Step",
    "Send",
    "SendRaw",
    "SendHead",
    "Put",
    "Drip",
    "Pause",
    "Wait",
    "Finish",
    "Cut",
    "Hang",
]
