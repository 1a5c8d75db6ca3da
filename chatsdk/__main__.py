"""`python -m chatsdk`: the command, where no script folder is on the path."""

from __future__ import annotations

import sys

from chatsdk.cli import main

if __name__ == "__main__":
    sys.exit(main())
