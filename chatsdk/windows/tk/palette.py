"""The colours of the Tk view, and whether the system prefers dark ones."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any, NamedTuple

__all__ = ["DARK", "LIGHT", "Palette", "palette_of"]

# Seconds to wait for the desktop's answer.
ASK_SECONDS = 1.0


class Palette(NamedTuple):
    """Colours, as Tk reads them."""

    ground: str
    raised: str
    line: str
    ink: str
    soft: str
    accent: str
    on_accent: str
    user: str
    code: str
    bad: str
    bad_ground: str
    selected: str


LIGHT = Palette(
    ground="#ffffff",
    raised="#f5f5f7",
    line="#dcdce2",
    ink="#1d1d21",
    soft="#5f6068",
    accent="#3457d5",
    on_accent="#ffffff",
    user="#eaeefc",
    code="#f3f3f6",
    bad="#b3261e",
    bad_ground="#fdeeed",
    selected="#bfd0ff",
)

DARK = Palette(
    ground="#16171b",
    raised="#202127",
    line="#3a3c46",
    ink="#ececf0",
    soft="#a2a4ae",
    accent="#8ea6ff",
    on_accent="#11131a",
    user="#262c44",
    code="#0f1013",
    bad="#ff9e96",
    bad_ground="#38201f",
    selected="#3d4f8f",
)


def palette_of(theme: str, widget: Any) -> Palette:
    """Return the colours for a theme: ``"light"``, ``"dark"`` or ``"system"``.

    Raises:
        ValueError: it is another one.
    """
    if theme not in ("light", "dark", "system"):
        raise ValueError(f"theme is 'light', 'dark' or 'system', not {theme!r}")
    dark = _system_is_dark(widget) if theme == "system" else theme == "dark"
    return DARK if dark else LIGHT


def _system_is_dark(widget: Any) -> bool:
    """Ask the desktop, because Tk does not know."""
    if sys.platform == "win32":
        return _windows_is_dark()
    if sys.platform == "darwin":
        return "dark" in _printed("defaults", "read", "-g", "AppleInterfaceStyle").lower()
    if (theme := os.environ.get("GTK_THEME", "")) != "":
        return "dark" in theme.lower()
    scheme = _printed("gsettings", "get", "org.gnome.desktop.interface", "color-scheme")
    if scheme.strip("'\n") not in ("", "default"):
        return "dark" in scheme
    return _program_is_dark(widget)


def _program_is_dark(widget: Any) -> bool:
    """Whether the program's own theme is dark."""
    red, green, blue = widget.winfo_rgb(widget.winfo_toplevel().cget("background"))
    return bool(red + green + blue < 3 * 0x8000)


def _windows_is_dark() -> bool:
    if sys.platform != "win32":
        return False
    import winreg

    path = r"Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
    try:
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, path) as key:
            return bool(winreg.QueryValueEx(key, "AppsUseLightTheme")[0] == 0)
    except OSError:
        return False


def _printed(*command: str) -> str:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ASK_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout
