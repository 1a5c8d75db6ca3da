"""The examples, loaded as modules whose callbacks are watched."""

from __future__ import annotations

import importlib.util
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["EXAMPLES", "WAIT", "Threads", "load"]

EXAMPLES = Path(__file__).parents[2] / "examples"

# Seconds that a test waits for a fact at most.
WAIT = 20.0


class Threads(set):
    """The threads on which an application's callbacks ran."""

    def noting(self, function: Any) -> Any:
        def noted(*args: Any) -> Any:
            self.add(threading.current_thread())
            return function(*args)

        return noted


def load(name: str, threads: Threads | None = None) -> ModuleType:
    """Load an example as a module; its session notes the thread of every callback."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    if threads is not None:
        use_chat = module.use_chat

        def noting(url: str, **options: Any) -> Any:
            for option, value in options.items():
                if option.startswith("on_"):
                    options[option] = threads.noting(value)
            session = use_chat(url, **options)
            subscribe = session.subscribe
            session.subscribe = lambda listener: subscribe(threads.noting(listener))
            return session

        module.use_chat = noting
    return module
