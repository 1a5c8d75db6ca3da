"""Fonts and tags of the Tk view's transcript."""

from __future__ import annotations

import tkinter
from tkinter import font as tkfont
from typing import Any

from chatsdk.windows.tk.palette import Palette

__all__ = ["DEPTHS", "Fonts", "apply_tags", "enlargement"]

# Nesting depth of lists and quotes beyond which they look the same.
DEPTHS = 8

# Points or pixels that Ctrl+plus and Ctrl+minus add or remove, and the limits.
SIZE_STEP = 1
SIZES = (6, 40)

# The widest column of text, in digits, and in pixels if those are small.
COLUMN_DIGITS = 84
COLUMN_PIXELS = 760

# Sizes of headings, relative to the text.
HEADINGS = {1: 1.55, 2: 1.3, 3: 1.15, 4: 1.0, 5: 1.0, 6: 1.0}


def enlargement(widget: tkinter.Misc) -> float:
    """Return how many pixels of the screen are one of an ordinary screen; at least 1."""
    # Pixels of a point; an ordinary screen has 96 to an inch, which has 72 points.
    return max(1.0, float(widget.tk.call("tk", "scaling")) * 72 / 96)


class Fonts:
    """Named fonts derived from the system's; changing `size` changes what is drawn already."""

    def __init__(self, widget: tkinter.Misc, size: int | None = None) -> None:
        text = tkfont.nametofont("TkTextFont", root=widget).actual()
        fixed = tkfont.nametofont("TkFixedFont", root=widget).actual()
        self._widget = widget
        self._family = str(text["family"])
        self._fixed = str(fixed["family"])
        # A negative size is in pixels, a positive one in points.
        given = int(text["size"])
        self._sign = -1 if given < 0 else 1
        self.standard = size or max(abs(given) + 1, 11 if given > 0 else 14)
        self.size = self.standard
        self.fonts = {
            name: tkfont.Font(root=widget, **options) for name, options in self._options().items()
        }

    def __getitem__(self, name: str) -> tkfont.Font:
        return self.fonts[name]

    @property
    def column(self) -> int:
        """Pixels of the widest column of text."""
        return max(COLUMN_PIXELS, COLUMN_DIGITS * self["text"].measure("0"))

    def _options(self) -> dict[str, dict[str, Any]]:
        def font(scale: float = 1.0, *, fixed: bool = False, **options: Any) -> dict[str, Any]:
            size = max(1, round(self.size * scale)) * self._sign
            return {"family": self._fixed if fixed else self._family, "size": size, **options}

        fonts = {
            "text": font(),
            "small": font(0.85),
            "small-bold": font(0.85, weight="bold"),
            "bold": font(weight="bold"),
            "italic": font(slant="italic"),
            "bold-italic": font(weight="bold", slant="italic"),
            "fixed": font(0.95, fixed=True),
            "fixed-bold": font(0.95, fixed=True, weight="bold"),
            "fixed-small": font(0.85, fixed=True),
            "gap": font(0.5),
            "pad": font(0.35),
        }
        for level, scale in HEADINGS.items():
            fonts[f"h{level}"] = font(scale, weight="bold")
        return fonts

    def close(self) -> None:
        """Free the fonts."""
        self.fonts.clear()

    def resize(self, size: int) -> None:
        """Change the size of the text; everything else follows."""
        self.size = min(max(size, SIZES[0]), SIZES[1])
        for name, options in self._options().items():
            self.fonts[name].configure(size=options["size"])


def apply_tags(text: tkinter.Text, palette: Palette, fonts: Fonts) -> None:
    """Configure the tags; a later one overrides the earlier ones."""
    unit = fonts["text"].measure("0") * 2
    leading = max(1, fonts["text"].metrics("linespace") // 6)
    gap = fonts["text"].metrics("linespace") // 2
    tag = text.tag_configure

    # Blocks.
    # The same above and below, so that the ground of code within a line looks even.
    tag("text", font=fonts["text"], spacing1=leading // 2, spacing2=leading, spacing3=leading // 2)
    for depth in range(DEPTHS + 1):
        margin = depth * unit
        # With a colour, because Tk would paint the margin like the first letter of the line.
        tag(f"m{depth}", lmargin1=margin, lmargin2=margin, lmargincolor=palette.ground)
        # The marker of a list item, a tab, then its text.
        tag(
            f"li{depth}",
            lmargin1=margin,
            lmargin2=margin + unit,
            lmargincolor=palette.ground,
            tabs=(margin + unit,),
        )
    for level in HEADINGS:
        above = gap if level < 3 else gap // 2
        tag(f"h{level}", font=fonts[f"h{level}"], spacing1=above)
    tag("rule", font=fonts["pad"], overstrike=True, foreground=palette.line, wrap="none")
    tag("rtl", justify="right")

    # Bands: a ground from one edge to the other.
    for name, ground, ink in (
        ("quote", palette.raised, palette.soft),
        ("user", palette.user, palette.ink),
        ("bad", palette.bad_ground, palette.bad),
        ("block", palette.code, palette.ink),
    ):
        tag(
            name,
            background=ground,
            foreground=ink,
            lmargin1=unit * 0.7,
            lmargin2=unit * 0.7,
            rmargin=unit * 0.7,
            lmargincolor=ground,
            rmargincolor=ground,
        )
    tag("block", font=fonts["fixed"], wrap="char", spacing1=1, spacing2=0, spacing3=1)
    tag("block-head", font=fonts["small"], foreground=palette.soft, wrap="none")
    tag("table", wrap="none", spacing1=leading, spacing3=leading)
    tag("table-head", background=palette.raised)
    tag("pad", font=fonts["pad"], spacing1=0, spacing2=0, spacing3=0)
    tag("gap", font=fonts["gap"], spacing1=0, spacing2=0, spacing3=0)

    # Small print.
    tag("small", font=fonts["small"], foreground=palette.soft)
    tag("note", font=fonts["small"], foreground=palette.soft, spacing1=leading, spacing3=leading)
    tag("bad-note", font=fonts["text"], foreground=palette.bad, spacing2=leading)
    tag("fold", font=fonts["small"], foreground=palette.soft, spacing1=leading, spacing3=leading)
    tag(
        "thought",
        font=fonts["small"],
        foreground=palette.soft,
        lmargin1=unit,
        lmargin2=unit,
        spacing2=leading,
    )
    tag("preview", font=fonts["fixed-small"], foreground=palette.soft)

    # Inline.
    for name in ("bold", "italic", "bold-italic"):
        tag(name, font=fonts[name])
    tag("code", font=fonts["fixed"], background=palette.code)
    tag("code-bold", font=fonts["fixed-bold"], background=palette.code)
    tag("strike", overstrike=True)
    tag("link", foreground=palette.accent, underline=True)
    tag("action", font=fonts["small"], foreground=palette.soft)
    tag("alert", foreground=palette.bad)
    tag("call-name", font=fonts["small-bold"], foreground=palette.ink)
    tag("strong-action", font=fonts["small-bold"], foreground=palette.accent, underline=True)
    tag("bad-action", font=fonts["bold"], foreground=palette.bad, underline=True)
    tag("focused", background=palette.accent, foreground=palette.on_accent)
    tag("hover", foreground=palette.accent)
    tag("sel", background=palette.selected, foreground=palette.ink)
    text.tag_raise("sel")
