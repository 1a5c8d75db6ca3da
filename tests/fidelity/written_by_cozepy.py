"""A transcript from the types of Coze's own SDK: run it to write the file again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cozepy import (
    Chat,
    ChatEventType,
    ChatStatus,
    ChatUsage,
    Message,
    MessageContentType,
    MessageRole,
    MessageType,
)

BODY = Path(__file__).parent.parent / "transcripts" / "coze" / "sdk_types.txt"

IDS = {"conversation_id": "7381473525342978089", "bot_id": "7379462189365198898"}
CHAT = "7381473946736427028"


def events() -> list[tuple[Any, Any]]:
    """The events of one chat: reasoning, an answer with its copy, a question for the next turn."""
    usage = ChatUsage(token_count=42, input_count=30, output_count=12)
    return [
        (ChatEventType.CONVERSATION_CHAT_CREATED, _chat(ChatStatus.CREATED)),
        (ChatEventType.CONVERSATION_CHAT_IN_PROGRESS, _chat(ChatStatus.IN_PROGRESS)),
        (ChatEventType.CONVERSATION_MESSAGE_DELTA, _answer("", reasoning="The city is ")),
        (ChatEventType.CONVERSATION_MESSAGE_DELTA, _answer("", reasoning="Zürich.")),
        (ChatEventType.CONVERSATION_MESSAGE_DELTA, _answer("It is ")),
        (ChatEventType.CONVERSATION_MESSAGE_DELTA, _answer("8 °C 🙂")),
        (
            ChatEventType.CONVERSATION_MESSAGE_COMPLETED,
            _answer("It is 8 °C 🙂", reasoning="The city is Zürich."),
        ),
        (
            ChatEventType.CONVERSATION_MESSAGE_COMPLETED,
            _message(MessageType.FOLLOW_UP, "m2", "And tomorrow?"),
        ),
        (
            ChatEventType.CONVERSATION_MESSAGE_COMPLETED,
            _message(MessageType.VERBOSE, "m3", '{"msg_type":"generate_answer_finish","data":""}'),
        ),
        (ChatEventType.CONVERSATION_CHAT_COMPLETED, _chat(ChatStatus.COMPLETED, usage=usage)),
    ]


def _chat(status: ChatStatus, **fields: Any) -> Chat:
    return Chat(id=CHAT, status=status, **IDS, **fields)


def _answer(content: str, *, reasoning: str | None = None) -> Message:
    return _message(MessageType.ANSWER, "m1", content, reasoning_content=reasoning)


def _message(kind: MessageType, id: str, content: str, **fields: Any) -> Message:
    return Message(
        id=id,
        chat_id=CHAT,
        role=MessageRole.ASSISTANT,
        type=kind,
        content=content,
        content_type=MessageContentType.TEXT,
        **IDS,
        **fields,
    )


def body() -> bytes:
    """The events as the API frames them: no space behind the colon."""
    frames = [
        f"event:{kind.value}\ndata:{value.model_dump_json(exclude_none=True)}\n\n"
        for kind, value in events()
    ]
    return "".join([*frames, 'event:done\ndata:"[DONE]"\n\n']).encode()


if __name__ == "__main__":
    BODY.write_bytes(body())
