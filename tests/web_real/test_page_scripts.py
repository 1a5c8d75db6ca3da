"""Nothing that a model or a visitor writes runs in the page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from browser import serving
from chromium import Chat, chromium
from vectors import HTML, VECTORS

from chatsdk import ChatClient
from chatsdk.parts import Citation
from chatsdk.testing import ChatServer
from chatsdk.web import ChatService, wsgi

# Elements that run something or load something, and attributes that do.
LOADED = (
    "script, style, img, picture, video, audio, iframe, frame, object, embed, svg, math, link, "
)
LOADED += "meta, base, form:not(.editor), input, select, template, marquee, isindex"
FOUND = """(loaded) => {
  const log = document.getElementById("log");
  const bad = [...log.querySelectorAll(loaded)].map((one) => one.outerHTML);
  for (const one of log.querySelectorAll("*")) {
    for (const { name, value } of one.attributes) {
      if (name.startsWith("on") || name === "style" || name === "srcdoc") bad.push(one.outerHTML);
      if (name === "href" && !/^(https?|mailto):/.test(value)) bad.push(value);
      if (name === "src") bad.push(value);
    }
  }
  return bad;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture(params=["without its policy", "as it is"])
def chat(request, browser, backend) -> Iterator[Chat]:
    # Markup must do nothing even where no Content-Security-Policy stops it.
    context = browser.new_context(bypass_csp=request.param == "without its policy")
    with ChatClient(backend.url, dialect="openai") as client:
        with serving(wsgi.application(ChatService(client))) as url:
            chat = Chat(context, f"{url}/")
            chat.page.evaluate("() => { window.pwned = () => { window.ran = true; }; }")
            yield chat
    context.close()


def nothing_ran(chat: Chat) -> None:
    """Click and hover what is there; then nothing has run, and no other host was asked."""
    chat.page.evaluate(
        """() => { for (const one of document.querySelectorAll("#log *")) {
             if (one.tagName === "DETAILS") one.open = true;
             one.dispatchEvent(new MouseEvent("mouseover", { bubbles: true }));
             one.dispatchEvent(new FocusEvent("focus"));
           } }"""
    )
    url = chat.page.url.partition("#")[0]
    assert chat.page.evaluate(FOUND, LOADED) == []
    assert chat.page.evaluate("window.ran") is None
    assert chat.complaints == []
    assert [asked for asked in chat.asked if not asked.startswith((url, "data:,"))] == []


def test_everywhere(chat, backend: ChatServer) -> None:
    """In text however it is cut, reasoning, sources, tools and questions, markup stays text."""
    for vector in VECTORS:
        inside = vector.partition("(")[2].rstrip(")") or vector
        backend.answer(
            "openai",
            vector,
            pieces=min(3, len(vector)),
            reasoning=vector,
            tool_calls=[{"name": vector, "arguments": json.dumps({"x": vector})}],
            citations=[Citation(vector, inside), Citation("x", vector), Citation(vector, "")],
        )
        chat.ask(vector.replace("\x00", ""))
        chat.finished()
    shown = chat.page.evaluate("document.getElementById('log').textContent")
    for vector in HTML[:5]:
        assert shown.count(vector) >= 4
    nothing_ran(chat)
    # As the page reads it from its storage.
    chat.page.reload()
    chat.page.evaluate("() => { window.pwned = () => { window.ran = true; }; }")
    chat.finished()
    nothing_ran(chat)
