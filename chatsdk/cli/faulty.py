"""The servers of `chatsdk serve --fault` and `--proxy`: they break streams on purpose."""

from __future__ import annotations

import argparse
import inspect

from chatsdk.cli.remedies import WrongArguments
from chatsdk.testing import ChatServer, RelayServer
from chatsdk.testing.faults import Faults

__all__ = ["faulty_server", "names_of_faults", "relay_server"]

# Values for the scenarios that require some. Each must lead to output on the terminal.
VALUES: dict[str, tuple[tuple[object, ...], dict[str, object]]] = {
    "cut_after": ((20,), {}),
    "cut_head": ((20,), {}),
    "raw": ((b"this is not HTTP\r\n\r\n",), {}),
    "drip": ((), {"interval": 0.05}),
    "flood": (("events", 10_000_000), {}),
    "bomb": (("gzip",), {}),
    "error_body": ((1_000_000,), {}),
    "many_headers": ((1_000,), {}),
    "wrong_content_length": ((1_000,), {}),
    "redirect": (("/elsewhere",), {}),
    "busy": ((5,), {}),
}


def names_of_faults() -> list[str]:
    """Return the names of the scenarios: the methods of `chatsdk.testing.faults.Faults`."""
    return [name for name, value in vars(Faults).items() if _is_scenario(name, value)]


def faulty_server(name: str, *, host: str, port: int) -> ChatServer:
    """Return a server that answers every request with this fault.

    Raises:
        WrongArguments: there is no fault of this name.
        OSError: the port is taken.
    """
    if name not in names_of_faults():
        raise WrongArguments(
            f"--fault: there is no {name!r}; there are {', '.join(names_of_faults())}"
        )
    server = ChatServer(host=host, port=port)
    values, options = VALUES.get(name, ((), {}))
    getattr(server, name)(*values, **options, repeat=True)
    return server


def relay_server(arguments: argparse.Namespace) -> RelayServer:
    """Return a server that forwards everything to ``--proxy``, broken according to ``--break``.

    Raises:
        WrongArguments: the URL or the way to break it is wrong.
        OSError: the port is taken.
    """
    try:
        return RelayServer(
            arguments.proxy, arguments.broken, host=arguments.host, port=arguments.port
        )
    except ValueError as error:
        raise WrongArguments(str(error)) from None


def _is_scenario(name: str, value: object) -> bool:
    return not name.startswith("_") and inspect.isfunction(value)
