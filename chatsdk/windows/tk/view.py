"""`ChatView`: a chat as a widget for Tk."""

from __future__ import annotations

import tkinter
from collections.abc import Callable, Mapping
from functools import partial
from tkinter import filedialog, ttk
from typing import Any

from chatsdk import ui
from chatsdk.session import ChatSession
from chatsdk.windows import words
from chatsdk.windows.presenter import Presenter
from chatsdk.windows.printable import printable
from chatsdk.windows.tk.bars import EntryBox, Header, NoteBar
from chatsdk.windows.tk.palette import Palette, palette_of
from chatsdk.windows.tk.paper import MARGIN
from chatsdk.windows.tk.scroll_bar import WIDTH
from chatsdk.windows.tk.style import SIZE_STEP, Fonts, enlargement
from chatsdk.windows.tk.transcript_view import TranscriptView
from chatsdk.windows.transcript import Question, Transcript

__all__ = ["ChatView"]

# Pixels of width below which the line of help is left out.
NARROW = 440

# Characters of a long URL to show below the transcript.
MAX_HINT_CHARS = 500

# Milliseconds that "Copied" is shown, and between two states of the sign of life.
COPIED_MS = 1500
PULSE_MS = 500


class ChatView(ttk.Frame):
    """A chat bound to a session: transcript, entry, stop, and all states.

    It runs on Tk's thread by itself, whatever the session's `dispatch` is. Destroying it stops the
    drawing; the session stays as it is.

    Args:
        parent: the window, or a widget in it.
        session: the session to show and to ask with.
        options: passed to `ChatSession.start` with each question, such as ``{"tools": [...]}``.
        theme: ``"light"``, ``"dark"``, or ``"system"`` for that of the desktop.
        font_size: size of the text in points; ``None``: a little more than the system's.

    Attributes:
        presenter: the actions of a person, for programs: `submit`, `stop`, `new_chat` and more.

    Raises:
        ValueError: `theme` is another one.
    """

    presenter: Presenter

    def __init__(
        self,
        parent: tkinter.Misc,
        session: ChatSession,
        *,
        options: Mapping[str, Any] | None = None,
        theme: str = "system",
        font_size: int | None = None,
    ) -> None:
        super().__init__(parent)
        self._palette = palette_of(theme, self)
        self._fonts = Fonts(self, font_size)
        # The question that is edited, and the draft that was in the entry before.
        self._editing: Question | None = None
        self._draft = ""
        self._note = self._note_timer = ""
        self._pulse = self._scroll_timer = ""
        self._ready = False
        # The bindings that all of its widgets share.
        self._tag = f"ChatView{self}"
        self._dispatch = ui.tk(self)
        # Tk must be freed on its own thread, so it never becomes garbage: it refers to itself.
        self.tk.createcommand("chatsdk-tk", lambda tk=self.tk: tk)
        self._build()
        self.presenter = Presenter(session, self._draw, self._dispatch, options=options)
        self.entry.sent = self.presenter.sent
        self._ready = True
        self._bind_keys()
        self.recolor(self._palette)
        self.presenter.refresh()
        self.entry.text.focus_set()

    @property
    def session(self) -> ChatSession:
        """The session that is shown."""
        return self.presenter.session

    # Building -------------------------------------------------------------------------------

    def _build(self) -> None:
        fonts = self._fonts
        self.header = Header(
            self, fonts, new=self._new_chat, open=self._open_file, save=self._save_file
        )
        self.transcript = TranscriptView(
            self,
            self._palette,
            fonts,
            act=self._act,
            hovered=self._hovered,
            dispatch=self._dispatch,
        )
        self._box = EntryBox(self, fonts, send=self._send, stop=self._stop)
        self.entry = self._box.entry
        self.send_button, self.stop_button = self._box.send_button, self._box.stop_button
        self.hint = tkinter.Label(self, font=fonts["small"], text=words.KEYS, anchor="center")
        self.trouble = NoteBar(self, fonts)
        self.queued = NoteBar(self, fonts, words.EDIT, self._take_queued)
        self.editing = NoteBar(self, fonts, words.CANCEL, self._end_edit)
        self.plain = NoteBar(self, fonts)
        self._idle = tkinter.Frame(self.transcript.text)
        self._idle_labels = [
            tkinter.Label(self._idle, text=words.IDLE, font=fonts["h2"], justify="center"),
            tkinter.Label(self._idle, text=words.IDLE_HINT, font=fonts["text"], justify="center"),
        ]
        for label in self._idle_labels:
            label.pack(pady=3)
        self.header.pack(side="top", fill="x")
        self.hint.pack(side="bottom", fill="x", pady=(3, 6))
        self._box.pack(side="bottom", fill="x", padx=18, pady=(8, 3))
        self.transcript.pack(side="top", fill="both", expand=True)
        if self.transcript.paper.markdown is None:
            self.plain.say(words.PLAIN, self._box)

    def _bind_keys(self) -> None:
        """Let Esc and the sizes work in every widget of the view."""

        def tag_all(widget: tkinter.Misc) -> None:
            widget.bindtags((self._tag, *widget.bindtags()))
            for child in widget.winfo_children():
                tag_all(child)

        tag_all(self)
        self._bind_everywhere("<Escape>", self._escape)
        command = "Command" if self.tk.call("tk", "windowingsystem") == "aqua" else "Control"
        for key, step in (("plus", 1), ("equal", 1), ("minus", -1), ("0", 0)):
            self._bind_everywhere(f"<{command}-{key}>", partial(self._zoom, step))
        text = self.transcript.text
        text.bind("<Key>", self._typed, add=True)
        for sequence in ("<MouseWheel>", "<Button-4>", "<Button-5>", "<KeyRelease>"):
            text.bind(sequence, lambda event: self._scrolled_soon(), add=True)
        text.bind("<B1-Motion>", lambda event: self._scrolled_soon(), add=True)
        self.bind("<Destroy>", lambda event: self._destroyed())
        self.bind("<Configure>", self._resized)

        entry = self.entry.text
        entry.bind("<<Copy>>", self._copy, add=True)
        entry.bind("<Prior>", partial(self._page, -1))
        entry.bind("<Next>", partial(self._page, 1))

    def _bind_everywhere(self, sequence: str, function: Callable[[], str]) -> None:
        """Bind a key in every widget of the view."""
        # `bind_class` would keep the function, and with it the view, until the program ends.
        command = self.register(function)
        self.tk.call("bind", self._tag, sequence, f'if {{[{command}] eq "break"}} break')

    def _copy(self, event: Any) -> str | None:
        """Copy what is selected in the transcript, which does not take the focus for that."""
        selected = self.transcript.text.tag_ranges("sel")
        if self.entry.text.tag_ranges("sel") or not selected:
            return None
        self.clipboard_clear()
        self.clipboard_append(self.transcript.text.get(*map(str, selected[:2])))
        return "break"

    def _page(self, direction: int, event: Any) -> str:
        """Scroll the transcript while the focus is in the entry."""
        self.transcript.text.yview_scroll(direction, "pages")
        self.transcript.scrolled_by_hand()
        return "break"

    def _scrolled_soon(self) -> None:
        # After the widget's own binding.
        if not self._scroll_timer:
            self._scroll_timer = self.after_idle(self._scrolled)

    def _scrolled(self) -> None:
        self._scroll_timer = ""
        self.transcript.scrolled_by_hand()

    def recolor(self, palette: Palette) -> None:
        """Apply colours: `chatsdk.windows.tk.LIGHT`, `DARK` or others."""
        self._palette = palette
        self.transcript.recolor(palette)
        self.header.recolor(palette)
        self._box.recolor(palette)
        self.hint.configure(background=palette.ground, foreground=palette.soft)
        self.trouble.recolor(palette, palette.bad)
        for bar in (self.queued, self.editing, self.plain):
            bar.recolor(palette, palette.soft)
        self._idle.configure(background=palette.ground)
        for label, ink in zip(self._idle_labels, (palette.ink, palette.soft), strict=True):
            label.configure(background=palette.ground, foreground=ink)
        # The frame belongs to ttk; a separate style leaves the program's styles alone.
        style = ttk.Style(self)
        style.configure("Chat.TFrame", background=palette.ground)
        self.configure(style="Chat.TFrame")

    # Drawing --------------------------------------------------------------------------------

    def _draw(self, transcript: Transcript, before: Transcript) -> None:
        if not self._ready:
            return
        self.transcript.show(transcript)
        if transcript.turns:
            self._idle.place_forget()
        else:
            self._idle.place(relx=0.5, rely=0.4, anchor="center")
        self._box.show_stop(transcript.in_flight)
        presenter = self.presenter
        if self._editing is not None and not transcript.asks(self._editing):
            # Another conversation was opened or begun, whose messages may have the same ids.
            self._editing = None
            self.entry.value, self._draft = self._draft, ""
        if presenter.returned:
            self._give_back(presenter.take_returned())
        queued = " ".join(presenter.queued.split())
        if len(queued) > 80:
            queued = f"{queued[:79]}…"
        self.queued.say(f"{words.QUEUED} {queued}" if queued else "", self._box)
        self.trouble.say(presenter.trouble, self._box)
        self.editing.say(words.EDITING if self._editing is not None else "", self._box)
        last = transcript.turns[-1].notice if transcript.turns else None
        if last is not None and last.kind == "waiting" and not self._pulse:
            self._beat(True)

    def _give_back(self, text: str) -> None:
        """Put a queued text before the typed one; during an edit, before the draft."""
        if self._editing is None:
            self.entry.value = "\n".join(item for item in (text, self.entry.value) if item)
        else:
            self._draft = "\n".join(item for item in (text, self._draft) if item)

    def _beat(self, lit: bool) -> None:
        """Let the sign of life blink as long as there is one."""
        self._pulse = ""
        turns = self.presenter.transcript.turns
        if turns and (notice := turns[-1].notice) is not None and notice.kind == "waiting":
            ink = self._palette.accent if lit else self._palette.line
            self.transcript.text.tag_configure("pulse", foreground=ink)
            self._pulse = self.after(PULSE_MS, self._beat, not lit)

    def _resized(self, event: Any) -> None:
        narrow = event.width < NARROW * enlargement(self)
        if narrow:
            self.hint.pack_forget()
        elif not self.hint.winfo_manager():
            self.hint.pack(side="bottom", fill="x", pady=(3, 6), before=self._box)
        for label in self._idle_labels:
            label.configure(wraplength=max(100, event.width - 60))
        self._align(event.width)

    def _align(self, width: int) -> None:
        """Align the entry with the text, which has a scroll bar at its side."""
        margin = max(MARGIN, (width - WIDTH - self._fonts.column) // 2)
        self._box.pack_configure(padx=(margin, margin + WIDTH))

    # Actions of a person --------------------------------------------------------------------

    def _send(self) -> None:
        text = self.entry.value
        if self._editing is not None:
            if self.presenter.edit(self._editing.id, text):
                self._end_edit()
        elif self.presenter.submit(text):
            self.entry.value = ""
            self.transcript.to_end()
        self.entry.text.focus_set()

    def _stop(self) -> None:
        self.presenter.stop()
        self.entry.text.focus_set()

    def _escape(self) -> str:
        if self._editing is not None:
            self._end_edit()
        else:
            self._stop()
        return "break"

    def _take_queued(self) -> None:
        self._give_back(self.presenter.take_queued())
        self.presenter.refresh()
        self.entry.text.focus_set()

    def _edit(self, message_id: str) -> None:
        question = self._question(message_id)
        if question is not None:
            if self._editing is None:
                self._draft = self.entry.value
            self._editing = question
            self.entry.value = question.text
            self.presenter.refresh()
            self.entry.text.focus_set()

    def _question(self, message_id: str | None) -> Question | None:
        """Return the question with this id."""
        questions = (turn.question for turn in self.presenter.transcript.turns)
        return next((item for item in questions if item and item.id == message_id), None)

    def _end_edit(self) -> None:
        if self._editing is not None:
            self._editing = None
            self.entry.value, self._draft = self._draft, ""
        self.presenter.refresh()
        self.entry.text.focus_set()

    def _new_chat(self) -> None:
        self.presenter.new_chat()
        self.transcript.to_end()
        self.entry.text.focus_set()

    def _save_file(self) -> None:
        path = filedialog.asksaveasfilename(
            parent=self, defaultextension=".json", initialfile=words.FILE_NAME, filetypes=_TYPES
        )
        if path:
            self.presenter.save(path)

    def _open_file(self) -> None:
        path = filedialog.askopenfilename(parent=self, filetypes=_TYPES)
        if path and self.presenter.open(path):
            self.transcript.to_end()
        self.entry.text.focus_set()

    def _act(self, action: str, argument: str) -> None:
        if action == "copy":
            self.clipboard_clear()
            self.clipboard_append(printable(argument))
            self._say(words.COPIED)
        elif action == "edit":
            self._edit(argument)
        elif action in ("allow", "deny"):
            (self.presenter.allow if action == "allow" else self.presenter.deny)(argument)
            self.entry.text.focus_set()
        elif action in ("regenerate", "retry"):
            self.presenter.regenerate()
            self.transcript.to_end()
            self.entry.text.focus_set()

    def _say(self, note: str) -> None:
        """Show a note instead of the line of help for a moment."""
        self._note = note
        self._hovered("")
        if self._note_timer:
            self.after_cancel(self._note_timer)
        self._note_timer = self.after(COPIED_MS, self._end_note)

    def _end_note(self) -> None:
        self._note = self._note_timer = ""
        self._hovered("")

    def _hovered(self, url: str) -> None:
        text = self._shortened(url) or self._note or words.KEYS
        if self.hint.cget("text") != text:
            self.hint.configure(text=text)

    def _shortened(self, url: str) -> str:
        """Return as much of a URL as fits into the hint; a longer text would widen the window."""
        font, room = self._fonts["small"], self.hint.winfo_width() - 8
        shown = url[:MAX_HINT_CHARS]
        if shown == url and font.measure(url) <= room:
            return url
        while shown and font.measure(f"{shown}…") > room:
            shown = shown[: len(shown) * 9 // 10]
        return f"{shown}…"

    def _typed(self, event: Any) -> str | None:
        """Move text typed in the transcript to the entry."""
        if not event.char.isprintable() or not event.char or event.state & 0x4 or event.state & 0x8:
            return None
        self.entry.text.focus_set()
        self.entry.text.insert("insert", event.char)
        return "break"

    def _zoom(self, step: int) -> str:
        size = self._fonts.size + step * SIZE_STEP if step else self._fonts.standard
        self._fonts.resize(size)
        self.transcript.restyle(self._palette)
        self._align(self.winfo_width())
        self.transcript.to_end()
        return "break"

    def _destroyed(self) -> None:
        for sequence in self.bind_class(self._tag):
            self.unbind_class(self._tag, sequence)
        self.presenter.close()
        self.transcript.stop()
        # Now, because garbage may be collected on any thread, and these call Tk when they are.
        self._fonts.close()
        for timer in (self._pulse, self._note_timer, self._scroll_timer):
            if timer:
                self.after_cancel(timer)


_TYPES = ((words.JSON_FILES, "*.json"), (words.ALL_FILES, "*"))
