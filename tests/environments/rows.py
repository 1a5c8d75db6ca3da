"""`Row`: one line of docs/environments.md. A test module lists its own as ``ROWS``."""

from __future__ import annotations

import attrs

__all__ = ["Row"]


@attrs.frozen
class Row:
    """An environment that the tests of a module try.

    Attributes:
        name: of the environment.
        packages: the distributions that it consists of; their versions are in the table.
        tried: what the tests try, each once with requests and once with chatsdk.
        mind: advice for users, if they need any.
    """

    name: str
    packages: tuple[str, ...]
    tried: str
    mind: str = ""
