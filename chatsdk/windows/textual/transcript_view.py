"""`History`: the transcript, of which only what is near the visible part has widgets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widget import Widget

from chatsdk import ui
from chatsdk.windows.textual.rows import Fold, Picture, draw, thumbnail, widget_for
from chatsdk.windows.textual.slots import Slot, TurnSlots
from chatsdk.windows.thumbnails import Thumbnails
from chatsdk.windows.transcript import Transcript

__all__ = ["History"]

# Most slots that get a widget in one go, so that keys are read in between.
MOST_AT_ONCE = 6

# Seconds between two drawings of text that streams. A slow terminal gets fewer.
DRAW_SECONDS = 0.05

# Lines that a widget reserves above and below the visible part, in screens.
SCREENS = 1.0


class History(VerticalScroll):
    """The turns of a transcript in a column that scrolls.

    Turns are cut into slots. A slot has a widget while it is less than a screen away from what is
    visible. Two spaces, above and below, are as high as the others. So what is scrolled away takes
    no more memory than its text, and drawing takes the same time for any length.

    It follows the end, unless the reader has scrolled up.
    """

    class Moved(Message):
        """The end became visible, or is no longer visible.

        Attributes:
            at_end: whether the end is visible.
        """

        def __init__(self, at_end: bool) -> None:
            super().__init__()
            self.at_end = at_end

    def __init__(self) -> None:
        super().__init__(can_focus=False)
        self._turns: list[TurnSlots] = []
        self._transcript = Transcript()
        self._above, self._below = Widget(classes="space"), Widget(classes="space")
        self._mounted: list[Slot] = []
        self._wake = asyncio.Event()
        self._at_end = True
        # Everything fits, so that there is no end to follow yet.
        self._fits = True
        self._painter: asyncio.Task[None] | None = None
        # Set while nothing is left to draw; for tests and for pictures.
        self.idle = asyncio.Event()

    def compose(self) -> ComposeResult:
        """Yield the spaces; slots come between them."""
        yield self._above
        yield self._below

    def on_mount(self) -> None:
        """Begin to draw."""
        self.thumbnails = Thumbnails(thumbnail, ui.textual(self.app))
        self._painter = asyncio.create_task(self._paint())

    def on_unmount(self) -> None:
        """End drawing."""
        if self._painter is not None:
            self.thumbnails.close()
            self._painter.cancel()

    # Content --------------------------------------------------------------------------------

    def show_transcript(self, transcript: Transcript) -> None:
        """Show another state of the conversation."""
        same = transcript.same_as(self._transcript)
        turns = transcript.turns
        self._transcript = transcript
        for place in range(same, len(turns)):
            if place < len(self._turns):
                self._turns[place].update(turns[place])
            else:
                self._turns.append(TurnSlots(turns[place]))
        del self._turns[len(turns) :]
        self._changed()

    def to_end(self) -> None:
        """Go to the end, and follow it."""
        if not self._fits:
            self.anchor()
        self._changed()

    def _fit(self) -> None:
        """Follow the end as soon as there is something to scroll.

        An anchored widget whose content fits would show it at its lower end.
        """
        fits = self.virtual_size.height <= self.container_size.height
        if fits is not self._fits:
            self._fits = fits
            self.anchor(not fits)
            if fits:
                self.scroll_to(y=0, animate=False, force=True, immediate=True)

    def _changed(self) -> None:
        self.idle.clear()
        self._wake.set()

    def on_fold_toggled(self, event: Fold.Toggled) -> None:
        """Open or close a fold."""
        turn, place = event.slot.turn, event.slot.row.value
        turn.unfolded ^= {place}
        turn.rebuild()
        self._changed()

    def on_picture_made(self, event: Picture.Made) -> None:
        """Draw a picture that has been made."""
        self._changed()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Draw what comes into view."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._changed()

    def on_resize(self, event: events.Resize) -> None:
        """Draw for another width."""
        self._changed()

    # Drawing --------------------------------------------------------------------------------

    async def _paint(self) -> None:
        """Draw whenever something has changed. One task, so that drawings do not overlap."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            begun = self._now
            self._measure()
            held = None if self._follows else self._first_visible()
            complete = await self._draw()
            await self._laid_out()
            self._measure()
            self._fit()
            if held is not None and not self._follows:
                self._hold(*held)
            self._tell()
            if not complete or self._is_off():
                self._wake.set()
            elif not self._wake.is_set():
                self.idle.set()
            # As long as drawing took, other things have their turn.
            taken = self._now - begun
            await asyncio.sleep(max(taken, DRAW_SECONDS - taken, 0.001))

    @property
    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def _columns(self) -> int:
        return max(1, self.scrollable_content_region.width)

    def _measure(self) -> None:
        """Note the heights that the widgets really have."""
        width = self._columns
        for slot in self._mounted:
            if slot.drawn == slot.row and (height := slot.widget.outer_size.height):
                slot.height = height + slot.widget.styles.margin.bottom
                slot.width = width

    def _wanted(self) -> tuple[list[Slot], int, int]:
        """Return the slots that should have a widget, and the lines above and below them."""
        width = self._columns
        screen = max(self.size.height, 1)
        top = self.scroll_offset.y - screen * SCREENS
        bottom = self.scroll_offset.y + screen * (1 + SCREENS)
        if self._follows:
            total = sum(turn.lines(width) for turn in self._turns)
            top = total - screen * (1 + SCREENS)
            bottom = total + screen
        wanted: list[Slot] = []
        above = below = place = 0
        for turn in self._turns:
            lines = turn.lines(width)
            if place + lines < top:
                above += lines
            elif place > bottom:
                below += lines
            else:
                at = place
                for slot in turn.slots:
                    height = slot.lines(width)
                    if at + height < top:
                        above += height
                    elif at > bottom:
                        below += height
                    else:
                        wanted.append(slot)
                    at += height
            place += lines
        return wanted, above, below

    async def _draw(self) -> bool:
        """Give widgets to the slots that need one; return whether all of them have one."""
        wanted, above, below = self._wanted()
        kept = set(map(id, wanted))
        gone = [slot for slot in self._mounted if id(slot) not in kept]
        fresh = [slot for slot in wanted if slot.widget is None]
        later = self._later(wanted, fresh)
        now = [slot for slot in wanted if id(slot) not in later]
        width = self._columns
        with self.app.batch_update():
            for slot in gone:
                await self._take_away(slot)
            previous: Widget = self._above
            for slot in now:
                if slot.widget is None:
                    slot.widget = widget_for(slot, self.thumbnails)
                    await self.mount(slot.widget, after=previous)
                if await draw(slot):
                    old = slot.widget
                    slot.widget, slot.drawn = widget_for(slot, self.thumbnails), None
                    await self.mount(slot.widget, after=old)
                    await old.remove()
                    await draw(slot)
                previous = slot.widget
            first = True
            for slot in wanted:
                if id(slot) in later:
                    lines = slot.lines(width)
                    above, below = (above + lines, below) if first else (above, below + lines)
                else:
                    first = False
            self._set_space(self._above, above)
            self._set_space(self._below, below)
            self._mounted = now
        return not later

    def _later(self, wanted: list[Slot], fresh: list[Slot]) -> set[int]:
        """The slots that get their widgets later, because visible ones come first."""
        if len(fresh) <= MOST_AT_ONCE:
            return set()
        # Those in the middle of the wanted ones are visible, or the last ones at the end.
        centre = len(wanted) if self._follows else len(wanted) // 2
        order = {id(slot): abs(place - centre) for place, slot in enumerate(wanted)}
        fresh = sorted(fresh, key=lambda slot: order[id(slot)])
        chosen = set(map(id, fresh[:MOST_AT_ONCE]))
        places = [
            place
            for place, slot in enumerate(wanted)
            if slot.widget is not None or id(slot) in chosen
        ]
        first, last = places[0], places[-1]
        return {
            id(slot)
            for place, slot in enumerate(wanted)
            if slot.widget is None and (place < first or place > last)
        }

    def _first_visible(self) -> tuple[Slot, int] | None:
        """Return the first visible slot, and the line of the screen that it begins on."""
        top = self.scroll_offset.y
        for slot in self._mounted:
            region = slot.widget.virtual_region
            if region.height and region.bottom > top:
                return slot, region.y - top
        return None

    def _hold(self, slot: Slot, line: int) -> None:
        """Keep a slot on its line of the screen: the space above may have been wrong."""
        if slot.widget is None:
            return
        moved = slot.widget.virtual_region.y - self.scroll_offset.y - line
        if moved:
            self.scroll_relative(y=moved, animate=False, force=True, immediate=True)

    async def _take_away(self, slot: Slot) -> None:
        widget, slot.widget, slot.drawn = slot.widget, None, None
        if widget is not None:
            await widget.remove()

    def _set_space(self, space: Widget, lines: int) -> None:
        if space.styles.height is None or space.styles.height.value != lines:
            space.styles.height = lines

    async def _laid_out(self) -> None:
        """Wait until the widgets have their places."""
        done = asyncio.Event()
        self.call_after_refresh(done.set)
        await done.wait()

    def _is_off(self) -> bool:
        """Whether the slots with widgets are not those that should have some."""
        wanted, above, _ = self._wanted()
        if [slot.widget for slot in wanted] != [slot.widget for slot in self._mounted]:
            return True
        return self._above.styles.height is not None and self._above.styles.height.value != above

    @property
    def _follows(self) -> bool:
        return self._fits or (self._anchored and not self._anchor_released)

    def _tell(self) -> None:
        at_end = self._fits or self.scroll_offset.y >= self.max_scroll_y - 1
        if at_end is not self._at_end:
            self._at_end = at_end
            self.post_message(self.Moved(at_end))

    @property
    def slots(self) -> Iterator[Any]:
        """The slots that have a widget, from top to bottom."""
        return iter(self._mounted)
