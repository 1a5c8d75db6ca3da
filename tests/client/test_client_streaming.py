"""Transcripts through the client: from the socket to the outcome, for every cutting."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from reading import answer_of, as_facts, transcripts

from chatsdk import ChatClient, ChatError, Limits, StreamInterrupted, dialects
from chatsdk.client.reader import AnswerReader
from chatsdk.testing import ChatServer

TRANSCRIPTS = transcripts()
# Cuts of one body that are read up to the outcome; all of them are read up to the answer in
# test_transcripts.py, without the client.
MOST_CUTS = 60

each_transcript = pytest.mark.parametrize(
    "transcript", [pytest.param(item, id=item.name) for item in TRANSCRIPTS]
)


class Pieces:
    """Replaces a connection: the pieces of a body, then its end."""

    def __init__(self, pieces, *, content_type, delimited):
        self._pieces = iter(pieces)
        self.content_type = content_type
        self.delimited = delimited
        self.status = 200
        self.headers = {}
        self.request_id = None
        self.received = 0
        self.at = 0.0
        self.attempts = 1
        self.scope = SimpleNamespace(reason=None, reasons=[])
        self.secrets = SimpleNamespace(scrub=lambda error: error)

    def read(self):
        data = next(self._pieces, b"")
        self.received += len(data)
        return data

    def read_within(self, seconds):
        return self.read()

    def begin_events(self):
        pass

    def drain(self):
        pass

    def close(self):
        pass

    def close_from_finalizer(self):
        pass


def through_reading(transcript, pieces, *, delimited=True):
    dialect = dialects.get(transcript.dialect, **transcript.options)
    exchange = Pieces(pieces, content_type=transcript.content_type, delimited=delimited)
    reader = AnswerReader(exchange, dialect, Limits(), started=0.0, server_stop=lambda: None)
    try:
        for _ in reader.steps():
            pass
    except ChatError as error:
        caught = error
    else:
        caught = None
    assert reader.outcome.error is caught
    return reader.outcome


def summary(outcome):
    error = outcome.error
    said = None if error is None else (type(error), str(error), getattr(error, "code", None))
    return (outcome.reason, outcome.end, said, outcome.answer)


@each_transcript
def test_every_cut_gives_the_same_outcome(transcript):
    """The outcome does not depend on where the network cut the bytes."""
    body = transcript.body
    whole = summary(through_reading(transcript, [body]))
    for number in range(1, min(len(body), MOST_CUTS)):
        cut = number * len(body) // min(len(body), MOST_CUTS)
        assert summary(through_reading(transcript, [body[:cut], body[cut:]])) == whole
    pieces = [body[at : at + 1] for at in range(len(body))]
    assert summary(through_reading(transcript, pieces)) == whole


@each_transcript
@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_a_transcript_streams_over_a_socket(transcript, framing):
    """A real connection gives the answer in the transcript's file, with any framing."""
    middle = len(transcript.body) // 2
    with ChatServer() as server:
        server.stream(
            [transcript.body[:middle], transcript.body[middle:]],
            framing=framing,
            content_type=transcript.content_type,
        )
        dialect = dialects.get(transcript.dialect, **transcript.options)
        with ChatClient(server.url, dialect=dialect) as client:
            error = None
            try:
                stream = client.send({})
                answer = stream.result()
                outcome = stream.outcome
            except ChatError as failure:
                error, answer, outcome = failure, failure.answer, None
    expected = transcript.expected()
    assert as_facts(answer) == as_facts(answer_of(expected["answer"] or {}))
    if expected["error"] is None:
        wanted = expected["end"]
        if framing == "close" and wanted != "marker":
            wanted = "unproven"
            about = (stream.dialect or dialect).about
            if about.end_marker is not None and not about.clean_end:
                # The marker is missing, and the end of a connection may be a cut.
                assert isinstance(error, StreamInterrupted)
                return
        assert error is None
        assert (outcome.reason, outcome.end) == ("finished", wanted)
    elif error is None:
        # Nothing that comes after the end marker is an error.
        assert dialect.about.more_after_end
        assert outcome.end == "marker"
    else:
        # The client passes over null payloads, and these bodies end there.
        null = re.search(rb"^data: ?null$", transcript.body, re.M) is not None
        wanted = "StreamInterrupted" if null else expected["error"]["type"]
        # An event stream without an event is not a stream.
        assert type(error).__name__ in (wanted, "NotAStreamError")


@pytest.mark.parametrize("framing", ["chunked", "close"])
@pytest.mark.parametrize("name", ["openai", "raw"])
def test_each_event_arrives_before_the_next_is_sent(name, framing):
    """The server sends an event only after the client has shown the one before."""
    frames = {
        "raw": [b"data: one\n\n", b"data: two\n\n", b"data: three\n\n"],
        "openai": [
            b'data: {"choices":[{"delta":{"content":"one"}}]}\n\n',
            b'data: {"choices":[{"delta":{"content":"two"}}]}\n\n',
            b'data: {"choices":[{"delta":{"content":"three"}}]}\n\ndata: [DONE]\n\n',
        ],
    }[name]
    with ChatServer() as server, ChatClient(server.url, dialect=name) as client:
        script = server.stream(framing=framing)
        stream = client.send({})
        seen = []
        for frame in frames:
            script.push(frame)
            seen.append(next(stream).delta)
        script.finish()
        assert seen == ["one", "two", "three"]
        assert list(stream) == []
        assert stream.outcome.reason == "finished"
