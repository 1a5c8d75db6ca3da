"""Where callbacks run: dispatchers, which bring a function to the thread of a user interface.

Each function here returns a dispatcher, to be given as ``dispatch=`` to a session:

    session = use_chat(url, dispatch=ui.tk(window), on_answer=show)

A dispatcher is called as ``dispatch(function, delay)``, from any thread; it runs `function` on the
toolkit's own thread, `delay` seconds later, and never blocks. After the window has gone it does
nothing. The toolkit is imported when the function is called, so none of them is needed to import
this module.
"""

from __future__ import annotations

from chatsdk.ui.polling import tk
from chatsdk.ui.scheduling import gtk, inline, kivy, loop, textual, wx
from chatsdk.ui.signalling import qt

__all__ = ["gtk", "inline", "kivy", "loop", "qt", "textual", "tk", "wx"]
