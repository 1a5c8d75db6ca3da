"""Dispatchers, which run callbacks on a user interface's thread.

Each function here returns a dispatcher, to pass to a session as ``dispatch=``:

    session = use_chat(url, dispatch=ui.tk(window), on_answer=show)

A dispatcher is called as ``dispatch(function, delay)``, from any thread. It runs `function` on the
toolkit's own thread after `delay` seconds, and never blocks. After the window has closed it does
nothing. The toolkit is imported when the function here is called, so importing this module needs
none.
"""

from __future__ import annotations

from chatsdk.ui.loops import gtk, inline, kivy, loop, textual, wx
from chatsdk.ui.qt_signal import qt
from chatsdk.ui.tk_poll import tk

__all__ = ["gtk", "inline", "kivy", "loop", "qt", "textual", "tk", "wx"]
