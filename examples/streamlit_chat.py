"""A chat in the browser, with Streamlit. Run it as: streamlit run streamlit_chat.py [-- URL]

Without a URL it talks to a server of its own, which has no model and says so.
"""

from __future__ import annotations

import sys
from contextlib import suppress

import streamlit as st

from chatsdk import ChatError, Message, use_chat
from chatsdk.testing import EmbeddedServer


@st.cache_resource
def own_server() -> EmbeddedServer:
    return EmbeddedServer()


def show(message: Message) -> None:
    with st.chat_message(message.role):
        if message.reasoning:
            with st.expander("Reasoning"):
                st.text(message.reasoning)
        st.markdown(message.content)
        for source in message.citations:
            name = source.title or source.url or source.document or "a source"
            url = source.url or ""
            if url.startswith(("https://", "http://")):
                st.link_button(name, url)
            else:
                st.text(name)
        if message.status == "stopped":
            st.caption("stopped")


# One conversation for each page that is open.
if "chat" not in st.session_state:
    url = "".join(sys.argv[1:]) or own_server().url + "/v1/chat/completions"
    st.session_state.chat = use_chat(url)
chat = st.session_state.chat

# Whatever is pressed, Streamlit runs this file anew, also while the run before still reads an
# answer. That one ends here, at once, and what there is of it is among the messages.
chat.stop()

history, trouble = st.container(), st.empty()
if chat.error:
    trouble.error(str(chat.error))
again = st.button("Retry" if chat.error else "Regenerate", disabled=not chat.messages)
prompt = st.chat_input("Ask something")

with history:
    for message in chat.messages[: -1 if again else None]:
        show(message)
    if prompt or again:
        trouble.empty()
        if prompt:
            show(Message("user", prompt))
        # What goes wrong is shown in the next run: the session keeps it.
        with st.chat_message("assistant"), suppress(ChatError):
            st.button("Stop")
            stream = chat.ask(prompt) if prompt else chat.regenerate()
            st.write_stream(stream.deltas())
        st.rerun()
