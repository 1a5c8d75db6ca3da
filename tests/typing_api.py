"""What a user's type checker sees. Checked by mypy, never run: only public names, no casts."""

from __future__ import annotations

from typing_extensions import assert_type

import chatsdk

assert_type(chatsdk.__version__, str)
