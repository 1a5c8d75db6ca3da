"""`TranscriptView`: draws a transcript a piece at a time, and follows its end."""

from __future__ import annotations

import logging
import time
import tkinter
from collections.abc import Callable, Iterator
from typing import Any

from chatsdk.session import Dispatch
from chatsdk.windows import words
from chatsdk.windows.tk.flat_button import FlatButton
from chatsdk.windows.tk.palette import Palette
from chatsdk.windows.tk.paper import Paper
from chatsdk.windows.tk.scroll_bar import ScrollBar
from chatsdk.windows.tk.style import Fonts
from chatsdk.windows.tk.turn_drawing import TurnDrawing
from chatsdk.windows.transcript import ShownTurn, Transcript

__all__ = ["TranscriptView"]

logger = logging.getLogger("chatsdk")

# Seconds of drawing after which the window gets a turn.
SLICE_SECONDS = 0.012

# Milliseconds after which a window that got another width is drawn for it.
LAYOUT_MS = 120


class TranscriptView(tkinter.Frame):
    """The scrolled text with the turns.

    Drawing is a generator that pauses often, so that a long conversation does not freeze the
    window. The last turn is drawn first.

    Args:
        act: called with the name of an action and its argument.
        hovered: called with the URL of the link under the pointer, or ``""``.
        dispatch: the dispatcher to Tk's thread.
    """

    def __init__(
        self,
        parent: tkinter.Misc,
        palette: Palette,
        fonts: Fonts,
        *,
        act: Callable[[str, str], None],
        hovered: Callable[[str], None],
        dispatch: Dispatch,
    ) -> None:
        super().__init__(parent, borderwidth=0, highlightthickness=0)
        self.text = tkinter.Text(
            self,
            wrap="word",
            state="disabled",
            borderwidth=0,
            highlightthickness=0,
            pady=12,
            # It gets the room that is left, however small.
            width=1,
            height=1,
            cursor="xterm",
            insertwidth=0,
            # Tab would pass over a disabled widget.
            takefocus=True,
        )
        self._bar = ScrollBar(self, self._scroll)
        self.text.configure(yscrollcommand=self._scrolled)
        self._bar.pack(side="right", fill="y")
        self.text.pack(side="left", fill="both", expand=True)
        self._outer = act
        self.paper = Paper(
            self.text, palette, fonts, act=self._act, hovered=hovered, dispatch=dispatch
        )
        self.down = FlatButton(self, words.TO_END, self.to_end, fonts["small"])
        # Whether the end is kept in view.
        self.following = True
        self._turns: list[TurnDrawing] = []
        self._wanted = Transcript()
        self._drawn = Transcript()
        self._work: Iterator[None] | None = None
        # The width and the size of the text for which it was drawn, and the timer that draws it
        # for others.
        self._laid_out = (0, 0)
        self._layout_timer = ""
        self._timer = ""
        # The call of `_follow` that is due when Tk is idle.
        self._idle = ""
        self.text.bind("<Configure>", self._resized, add=True)
        self.recolor(palette)

    def recolor(self, palette: Palette) -> None:
        """Apply colours."""
        self.configure(background=palette.ground)
        self.text.configure(
            background=palette.ground,
            foreground=palette.ink,
            selectbackground=palette.selected,
            inactiveselectbackground=palette.selected,
        )
        self.paper.restyle(palette)
        self._bar.recolor(palette)
        self.down.recolor(palette.raised, palette.ink, palette.line)

    # Drawing --------------------------------------------------------------------------------

    def show(self, transcript: Transcript) -> None:
        """Draw a transcript: for a few milliseconds now, the rest between Tk's events."""
        self._wanted = transcript
        if self._work is None:
            self._work = self._steps()
            self._go_on()

    def restyle(self, palette: Palette) -> None:
        """Apply colours and sizes, and lay out again what depends on them."""
        self.paper.restyle(palette)
        self._layout()

    def stop(self) -> None:
        """Draw nothing more, because the widget is being destroyed."""
        self._work = None
        self.paper.pictures.close()
        for timer in (self._timer, self._layout_timer, self._idle):
            if timer:
                self.after_cancel(timer)
        self._timer = self._layout_timer = self._idle = ""

    @property
    def busy(self) -> bool:
        """Whether something is still to be drawn."""
        return self._work is not None or self.paper.pictures.busy

    def _go_on(self) -> None:
        self._timer = ""
        if self._work is None:
            return
        end = time.perf_counter() + SLICE_SECONDS
        self.text.configure(state="normal")
        try:
            for _ in self._work:
                if time.perf_counter() >= end:
                    break
            else:
                self._work = None
        except BaseException:
            # A generator that has raised draws no more.
            self._work = None
            raise
        finally:
            self.text.configure(state="disabled")
        self._follow()
        if self._work is None and (self._wanted is not self._drawn or self._is_stale()):
            self._work = self._steps()
        if self._work is not None:
            # Not 0: Tk would come straight back here, and never draw.
            self._timer = self.after(2, self._go_on)

    def _is_stale(self) -> bool:
        return bool(self._turns) and self._laid_out != self._layout_key

    @property
    def _layout_key(self) -> tuple[int, int]:
        return self.paper.room, self.paper.fonts.size

    def _steps(self) -> Iterator[None]:
        wanted = self._wanted
        if self._laid_out != self._layout_key:
            self._laid_out = self._layout_key
            for drawing in self._turns[::-1]:
                yield from _tried(drawing.layout())
        yield from self._draw(wanted)
        if not wanted.in_flight:
            yield from self.paper.forget_unused()
        self._drawn = wanted

    def _draw(self, wanted: Transcript) -> Iterator[None]:
        turns = wanted.turns
        same = wanted.same_as(self._drawn)
        # The last turn of before has actions that only a last turn has.
        old = len(self._turns)
        for drawing in self._turns[len(turns) :]:
            drawing.remove()
            yield
        del self._turns[len(turns) :]
        if len(turns) > old + 1:
            yield from self._add_many(turns)
            return
        if len(turns) > old:
            self._turns.append(TurnDrawing(self.paper, None))
        last = len(turns) - 1
        # The turn that was the last one loses its actions, or gets them back.
        first = same if len(turns) == old else max(0, min(same, min(old, len(turns)) - 1))
        for number in range(max(0, first), len(turns)):
            yield from _tried(self._turns[number].draw(turns[number], last=number == last))

    def _add_many(self, turns: tuple[ShownTurn, ...]) -> Iterator[None]:
        """Draw a conversation that was opened, from its end."""
        for drawing in self._turns:
            drawing.remove()
            yield
        drawings: list[TurnDrawing] = []
        self._turns = []
        before = None
        for turn in reversed(turns):
            drawing = TurnDrawing(self.paper, before)
            drawings.insert(0, drawing)
            yield from _tried(drawing.draw(turn, last=turn is turns[-1]))
            before = drawing.first
            yield
        self._turns = drawings

    def _act(self, action: str, argument: str) -> None:
        if action == "fold":
            self._fold(argument)
        elif action == "copy":
            for drawing in self._turns:
                if drawing.name == argument and drawing.turn is not None:
                    self._outer("copy", drawing.turn.text)
        elif action == "copy-code":
            self._outer("copy", self.paper.tagged(argument))
        else:
            self._outer(action, argument)

    def _fold(self, name: str) -> None:
        """Fold or unfold a part, and keep the line that was clicked where it is."""
        following, self.following = self.following, False
        self.text.configure(state="normal")
        steps = self.paper.toggle(name)
        work = self._work

        def both() -> Iterator[None]:
            yield from _tried(steps)
            if work is not None:
                yield from work

        self._work = both()
        self.following = following and self._at_end()
        if self._timer:
            self.after_cancel(self._timer)
        self._go_on()

    # Scrolling ------------------------------------------------------------------------------

    def to_end(self) -> None:
        """Show the end, and follow it from now on."""
        self.following = True
        self._follow()

    def _follow_soon(self) -> None:
        if not self._idle:
            self._idle = self.after_idle(self._follow)

    def _follow(self) -> None:
        if self._idle:
            self.after_cancel(self._idle)
        self._idle = ""
        if self.following:
            self.text.see("end")
            self.text.yview_moveto(1.0)
            self.down.place_forget()

    def _scroll(self, *arguments: Any) -> None:
        self.text.yview(*arguments)
        self.following = self._at_end()
        self._offer()

    def scrolled_by_hand(self) -> None:
        """Note where the reader has scrolled to."""
        self.following = self._at_end()
        self._offer()

    def _scrolled(self, first: float, last: float) -> None:
        self._bar.set(float(first), float(last))
        if self.following and not self._at_end() and self._work is None:
            # The window has become smaller, or Tk has measured more lines.
            self._follow_soon()

    def _at_end(self) -> bool:
        return self.text.dlineinfo("end-1c") is not None or self.text.yview()[1] >= 1.0

    def _offer(self) -> None:
        if self.following or self._at_end():
            self.down.place_forget()
        else:
            self.down.place(relx=0.5, rely=1.0, y=-10, anchor="s")

    def _resized(self, event: Any) -> None:
        if self.following:
            self._follow_soon()
        # When the window is not dragged any more.
        if self._layout_timer:
            self.after_cancel(self._layout_timer)
        self._layout_timer = self.after(LAYOUT_MS, self._layout)

    def _layout(self) -> None:
        if self._layout_timer:
            self.after_cancel(self._layout_timer)
        self._layout_timer = ""
        if self._work is None and self._is_stale():
            self._work = self._steps()
            self._go_on()


def _tried(steps: Iterator[None]) -> Iterator[None]:
    """Draw one turn; an error in it does not keep the others from being drawn."""
    try:
        yield from steps
    except Exception:
        logger.exception("a turn could not be drawn")
