"""Finish reasons in the words of other backends."""

from __future__ import annotations

import json

import pytest
from reading import read

from chatsdk import dialects
from chatsdk.parts import Finish, Text

# The word for a full answer in each dialect that has an encoder.
OWN_WORDS = {
    "adk": "MAX_TOKENS",
    "anthropic": "max_tokens",
    "dashscope": "length",
    "gemini": "MAX_TOKENS",
    "mastra": "length",
    "ollama": "length",
    "openai": "length",
    "openai_responses": "max_output_tokens",
    "vercel": "length",
    "vercel_v1": "length",
}

COHERE = (
    "event: content-delta\n"
    'data: {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hi"}}}}'
    "\n\nevent: message-end\n"
    'data: {"type": "message-end", "delta": {"finish_reason": "max_new_tokens"}}\n\n'
)

LLAMA_CPP = (
    'data: {"content": "Hi", "stop": false}\n\n'
    'data: {"content": "", "stop": true, "stop_type": "max_new_tokens"}\n\n'
)


@pytest.mark.parametrize("name", OWN_WORDS)
def test_other_words_for_a_full_answer(name):
    """A server of one dialect may pass on the finish reason of another's model."""
    dialect = dialects.get(name)
    body = b"".join(dialect.encode([Text("Hi"), Finish("length")]))
    own = json.dumps(OWN_WORDS[name]).encode()
    assert own in body
    reading = read(dialect, [body.replace(own, b'"max_new_tokens"')], "")
    assert (reading.answer.text, reading.answer.finish_reason) == ("Hi", "length")


@pytest.mark.parametrize(("name", "body"), [("cohere", COHERE), ("llama_cpp", LLAMA_CPP)])
def test_other_words_in_dialects_that_are_read_only(name, body):
    """The same in the dialects without an encoder."""
    answer = read(dialects.get(name), [body.encode()], "text/event-stream").answer
    assert (answer.text, answer.finish_reason) == ("Hi", "length")
