"""`TurnBox`: one turn of a conversation as widgets of ipywidgets."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from functools import partial
from html import escape
from typing import Any

import ipywidgets as widgets

from chatsdk.windows import words
from chatsdk.windows.markdown_blocks import MarkdownBlocks
from chatsdk.windows.notebook.html import anchor, paragraphs, rendered
from chatsdk.windows.open_markdown import completed
from chatsdk.windows.shown_turn import image_name
from chatsdk.windows.thumbnails import PENDING, Thumbnails
from chatsdk.windows.transcript import (
    CallPart,
    Part,
    Question,
    ReasoningPart,
    ShownTurn,
    TextPart,
)

__all__ = ["Acts", "TurnBox", "close_all"]

# Characters of HTML in one widget. Each update sends the last one again.
PIECE_CHARS = 8000

# By name: ``retry``, ``allow`` and ``deny``. The last two get the id of a call.
Acts = dict[str, Callable[..., object]]


class TurnBox(widgets.VBox):
    """A question, its answer, and what can be done about it."""

    def __init__(self, acts: Acts, thumbnails: Thumbnails) -> None:
        super().__init__()
        self.add_class("chatsdk-turn")
        self._acts = acts
        self._thumbnails = thumbnails
        self._turn: ShownTurn | None = None
        self._shown: list[Any] = []
        self._question = _html("chatsdk-question")
        # The question as shown, and the picture of each of its images, `PENDING` or None.
        self._asked: Question | None = None
        self._pictures: list[Any] = []
        self._parts: list[_TextBox | _FoldBox] = []
        self._end = _html("chatsdk-end")
        self._retry = _button(words.RETRY, acts["retry"], "refresh")

    def close(self) -> None:
        """Close all of its widgets, also those that are not shown now."""
        for part in getattr(self, "_parts", ()):
            part.close()
        if hasattr(self, "_retry"):
            close_all([self, self._question, self._end, self._retry])
        super().close()

    def show(self, turn: ShownTurn) -> None:
        """Show a state of the turn."""
        if turn == self._turn:
            return
        self._turn = turn
        children: list[Any] = []
        if turn.question is not None:
            self._show_question(turn.question)
            children.append(self._question)
        for place, part in enumerate(turn.parts):
            children.append(self._box(place, part).show(part, turn.live))
        gone = self._parts[len(turn.parts) :]
        del self._parts[len(turn.parts) :]
        if end := _end(turn):
            _set(self._end, end)
            children.append(self._end)
        if turn.notice is not None and turn.notice.retry:
            children.append(self._retry)
        if children != self._shown:
            self._shown = self.children = children
        for box in gone:
            box.close()

    def _show_question(self, question: Question) -> None:
        """Show its text, the names of its files, and its images: small, or by name."""
        if question == self._asked:
            return
        self._asked = question
        # Each is asked for once: `Thumbnails` does not keep them all.
        self._pictures = [
            self._thumbnails.get(image, partial(self._take_picture, question, place))
            for place, image in enumerate(question.images)
        ]
        self._draw_question(question)

    def _take_picture(self, question: Question, place: int, picture: Any) -> None:
        if question == self._asked:
            self._pictures[place] = picture
            self._draw_question(question)

    def _draw_question(self, question: Question) -> None:
        lines = [question.text, *(f"📎 {name}" for name in question.files)]
        pictures = ""
        for image, made in zip(question.images, self._pictures, strict=True):
            name = image_name(image) or words.IMAGE
            if made is None or made is PENDING:
                lines.append(f"🖼 {name}")
            else:
                data = base64.b64encode(made).decode()
                pictures += f'<img src="data:image/png;base64,{data}" alt="{escape(name)}">'
        _set(self._question, paragraphs("\n".join(lines)) + pictures)

    def _box(self, place: int, part: Part) -> _TextBox | _FoldBox:
        kind = _TextBox if isinstance(part, TextPart) else _FoldBox
        if place == len(self._parts):
            self._parts.append(kind(self._acts))
        elif not isinstance(self._parts[place], kind):
            self._parts[place].close()
            self._parts[place] = kind(self._acts)
        return self._parts[place]


class _TextBox:
    """Markdown that grows. Complete pieces are not sent again."""

    def __init__(self, acts: Acts) -> None:
        self._begin()

    def close(self) -> None:
        close_all([self._box])

    def _begin(self) -> None:
        self._box = widgets.VBox()
        self._blocks = MarkdownBlocks()
        self._text = ""
        # The HTML of the complete blocks that share a widget with the open one.
        self._done = ""
        # Those blocks, and the pieces before with theirs: drawn again if a link gets its target.
        self._texts: list[str] = []
        self._full: list[tuple[Any, list[str]]] = []
        self._targets: dict[str, Any] = {}
        self._last = self._new_piece()

    def _new_piece(self) -> Any:
        piece = _html("chatsdk-text")
        self._box.children = (*self._box.children, piece)
        return piece

    def show(self, part: Any, live: bool) -> Any:
        if not part.text.startswith(self._text):
            self.close()
            self._begin()
        self._text = part.text
        blocks, last = self._blocks.update(part.text)
        known = len(self._targets)
        for block in blocks:
            self._done += rendered(block.text, self._targets)
            self._texts.append(block.text)
            if len(self._done) > PIECE_CHARS:
                _set(self._last, self._done)
                self._full.append((self._last, self._texts))
                self._last, self._done, self._texts = self._new_piece(), "", []
        if live:
            # A target that is not complete yet must not stay.
            end = rendered(completed(last.text), dict(self._targets))
        else:
            end = rendered(last.text, self._targets)
        if len(self._targets) > known:
            for piece, texts in self._full:
                _set(piece, self._rendered(texts))
            self._done = self._rendered(self._texts)
        _set(self._last, self._done + end)
        return self._box

    def _rendered(self, texts: list[str]) -> str:
        return "".join(rendered(text, self._targets) for text in texts)


class _FoldBox:
    """Reasoning or a tool call, folded until a person opens it."""

    def __init__(self, acts: Acts) -> None:
        self._content = widgets.VBox()
        self._fold = widgets.Accordion(children=[self._content], selected_index=None)
        self._allow = _button(words.ALLOW, lambda: acts["allow"](self._id), "check")
        self._deny = _button(words.DENY, lambda: acts["deny"](self._id), "ban")
        self._ask = widgets.HBox()
        self._box = widgets.VBox([self._fold])
        self._id = ""
        self._begin()

    def close(self) -> None:
        close_all([self._box, self._ask, self._allow, self._deny])

    def _begin(self) -> None:
        gone = self._content.children
        self._text = ""
        # The index of the first character in the last piece.
        self._start = 0
        self._content.children = [_html("chatsdk-fold")]
        close_all(gone)

    def show(self, part: Any, live: bool) -> Any:
        if isinstance(part, ReasoningPart):
            self._title(words.REASONING)
            self._show_text(part.text)
        elif isinstance(part, CallPart):
            self._id = part.id or ""
            self._title(words.call_line(part.name, part.state))
            if self._text:
                self._begin()
            _set(self._content.children[0], _call(part))
            waits = part.state == "waiting"
            if waits:
                answers = (self._deny,) if part.by_hand else (self._allow, self._deny)
                if answers != self._ask.children:
                    self._ask.children = answers
            children = (self._fold, self._ask) if waits else (self._fold,)
            if children != self._box.children:
                self._box.children = children
                # A call that waits for a decision is shown unfolded.
                self._fold.selected_index = 0 if waits else None
        return self._box

    def _show_text(self, text: str) -> None:
        """Show plain text that grows. Complete pieces are not sent again."""
        if not text.startswith(self._text):
            self._begin()
        self._text = text
        while (end := text.find("\n", self._start + PIECE_CHARS)) >= 0:
            _set(self._content.children[-1], paragraphs(text[self._start : end]))
            self._content.children = (*self._content.children, _html("chatsdk-fold"))
            self._start = end + 1
        _set(self._content.children[-1], paragraphs(text[self._start :]))

    def _title(self, title: str) -> None:
        if self._fold.get_title(0) != title:
            self._fold.set_title(0, title)


def _call(part: CallPart) -> str:
    html = f"<b>{words.ARGUMENTS}</b>{paragraphs(part.arguments)}"
    if part.result is not None:
        html += f"<b>{words.RESULT}</b>{paragraphs(part.result)}"
    return html


def _end(turn: ShownTurn) -> str:
    """The sources and the notice of a turn."""
    lines = [f"[{one.number}] {anchor(one.url, one.title)}" for one in turn.sources]
    html = "<br>".join(lines)
    if turn.notice is not None:
        kind, text = escape(turn.notice.kind), escape(turn.notice.text)
        html += f'<div class="chatsdk-notice chatsdk-{kind}">{text}</div>'
    return html


def _html(name: str) -> Any:
    widget = widgets.HTML()
    widget.add_class(name)
    return widget


def _set(widget: Any, html: str) -> None:
    # Assigning sends it to the browser, so not without a change.
    if widget.value != html:
        widget.value = html


def _button(label: str, press: Callable[[], object], icon: str) -> Any:
    button = widgets.Button(description=label, icon=icon, layout={"width": "auto"})
    button.on_click(lambda _: press())
    return button


def close_all(tops: Iterable[Any]) -> None:
    """Close widgets, then their layouts, their styles and all that is in them."""
    for top in tops:
        parts = [getattr(top, name, None) for name in ("layout", "style")]
        inside = [*getattr(top, "children", ()), *parts]
        # Not the method of a subclass, which may have called this.
        widgets.Widget.close(top)
        close_all(one for one in inside if isinstance(one, widgets.Widget))
