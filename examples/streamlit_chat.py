"""Chats in the browser, with Streamlit. Run it as: streamlit run streamlit_chat.py [-- URL]

Without a URL it starts a server with canned replies.
"""

from __future__ import annotations

import sys
import time

import streamlit as st

from chatsdk import ChatSession, Citation, Message, Regenerate, TurnHandle, use_chat
from chatsdk.answer.harmless import harmless
from chatsdk.testing import EmbeddedServer

# Seconds between two updates of the page.
UPDATE_SECONDS = 0.1


@st.cache_resource
def own_server() -> EmbeddedServer:
    return EmbeddedServer()


def new_chat() -> None:
    leave()
    chat = use_chat("".join(sys.argv[1:]) or own_server().url + "/v1/chat/completions")
    st.session_state.chats.insert(0, chat)
    st.session_state.chat = chat


def choose(chat: ChatSession) -> None:
    leave()
    st.session_state.chat = chat


def leave() -> None:
    if "chat" in st.session_state:
        st.session_state.chat.stop()


def title(chat: ChatSession) -> str:
    for message in chat.messages:
        if message.role == "user":
            words = " ".join(message.content.split())
            return words if len(words) <= 30 else words[:29] + "…"
    return "New chat"


def show(message: Message, error: str) -> None:
    """A message that is complete. The failed one shows the error."""
    if message.role == "tool":
        with st.expander(harmless(f"Result of {message.name or 'a tool'}")):
            st.code(message.content, language=None, wrap_lines=True)
        return
    with st.chat_message(message.role):
        if message.reasoning:
            with st.expander("Reasoning"):
                st.text(message.reasoning)
        st.markdown(harmless(message.content))
        for call in message.tool_calls:
            with st.expander(harmless(f"Tool call: {call.name}")):
                st.code(call.arguments, language="json", wrap_lines=True)
        for number, source in enumerate(message.citations, 1):
            cite(number, source)
        if message.status == "stopped":
            st.caption("Stopped")
        elif message.status == "error":
            st.error(harmless(error))
        elif not (message.content or message.tool_calls):
            st.caption("The answer is empty")


def cite(number: int, source: Citation) -> None:
    name = source.title or source.url or source.document or "a source"
    url = source.url or ""
    if url.startswith(("https://", "http://")):
        st.link_button(harmless(f"{number}. {name}"), url, type="tertiary")
    else:
        st.text(f"{number}. {name}")


def watch(turn: TurnHandle) -> None:
    """The answer that streams, until it has ended or this run of the file has."""
    begun = time.monotonic()
    shown = (False, False)
    with st.chat_message("assistant"):
        fold, said = st.empty(), st.empty()
        thought = fold
        try:
            while not turn.wait(UPDATE_SECONDS):
                answer = turn.answer
                parts = (bool(answer.reasoning), bool(answer.text))
                if answer.reasoning:
                    if parts != shown:
                        # Open while there is nothing else to read.
                        thought = fold.expander("Reasoning", expanded=not answer.text).empty()
                    thought.text(answer.reasoning)
                if answer.text:
                    said.markdown(harmless(answer.text))
                else:
                    said.caption(f"Waiting for an answer… {time.monotonic() - begun:.0f} s")
                shown = parts
        finally:
            # Streamlit ends a run by raising: the page was closed, or something was clicked.
            turn.stop()


state = st.session_state
if "chats" not in state:
    state.chats = []
    state.errors = {}
    new_chat()
chat: ChatSession = state.chat
# Something was clicked while the run before this one was still showing an answer.
chat.stop()

# At the input there is always one button: Stop, or what starts another answer.
with st.bottom if hasattr(st, "bottom") else st._bottom:
    _, right = st.columns([5, 1])
prompt = st.chat_input("Ask something", key="prompt")
button = right.empty()
again = False
if chat.messages:
    again = button.button("Retry" if chat.error else "Regenerate", use_container_width=True)
turn = None
if prompt or again:
    turn = chat.start(prompt or Regenerate())
    button.button("Stop", type="primary", use_container_width=True)

with st.sidebar:
    st.button("New chat", icon=":material/add:", on_click=new_chat, use_container_width=True)
    for number, one in enumerate(state.chats):
        st.button(
            harmless(title(one)),
            key=f"chat-{number}",
            type="secondary" if one is chat else "tertiary",
            on_click=choose,
            args=(one,),
        )

if chat.error and chat.messages:
    state.errors[id(chat), chat.messages[-1].id] = str(chat.error)
if not chat.messages:
    st.caption("Ask something below. The answer appears here while it is written.")
for message in chat.messages:
    show(message, state.errors.get((id(chat), message.id), "This answer failed."))
if turn is not None:
    watch(turn)
    st.rerun()
