"""`BatchOutput`: the file that `chatsdk batch` writes, and continues with ``--resume``."""

from __future__ import annotations

import json
import os
import zlib
from array import array
from collections.abc import Iterator
from typing import Any, TextIO

from chatsdk.cli.answer_forms import dumped
from chatsdk.cli.remedies import WrongArguments

__all__ = ["BatchOutput"]


class BatchOutput:
    """A file of JSON lines, one for each prompt.

    With `resume` the lines of complete answers in an existing file are kept, and the others, of
    failed prompts and half a last line, are dropped: those prompts are asked again.

    Attributes:
        kept: the number of lines that were kept.
        written: the number of lines written since.

    Raises:
        WrongArguments: the file cannot be written, or would be overwritten.
    """

    def __init__(self, path: str, *, resume: bool) -> None:
        self._path = path
        # For each index, 0 or a number that stands for the id of its complete answer. Four bytes
        # for each prompt of the earlier run.
        self._done = array("I")
        self.kept = self.written = 0
        try:
            there = os.path.isfile(path) and os.path.getsize(path) > 0
            if there and not resume:
                raise WrongArguments(
                    f"{path} exists already: --resume asks what is missing or failed in it; or "
                    "give another file"
                )
            if there:
                self._keep_complete()
            self._file: TextIO = open(path, "a", encoding="utf-8")  # noqa: SIM115
        except OSError as error:
            raise WrongArguments(f"cannot write {path}: {error.strerror or error}") from None

    def has(self, index: int, id: Any) -> bool:
        """Whether the file has the complete answer of this prompt.

        Raises:
            WrongArguments: it has one under another id, so it belongs to another input.
        """
        kept = self._done[index] if index < len(self._done) else 0
        if not kept:
            return False
        if kept != _mark(id):
            raise WrongArguments(
                f"{self._path} belongs to another input: its prompt {index} has a different id "
                f"than {dumped(id)}"
            )
        return True

    def write(self, line: dict[str, Any]) -> None:
        """Write one line."""
        self._file.write(dumped(line) + "\n")
        self._file.flush()
        self.written += 1

    def close(self) -> None:
        """Close the file. Calling it twice is harmless."""
        self._file.close()

    def __enter__(self) -> BatchOutput:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _keep_complete(self) -> None:
        kept = f"{self._path}.part"
        dropped = False
        with open(kept, "w", encoding="utf-8") as file:
            for line in self._lines():
                if self._is_complete(line):
                    file.write(line)
                else:
                    dropped = True
        if dropped:
            os.replace(kept, self._path)
        else:
            os.remove(kept)

    def _lines(self) -> Iterator[str]:
        with open(self._path, encoding="utf-8", errors="replace") as file:
            yield from file

    def _is_complete(self, line: str) -> bool:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            return False
        if not isinstance(value, dict) or not line.endswith("\n"):
            return False
        index = value.get("index")
        if value.get("error") is not None or not isinstance(index, int) or index < 0:
            return False
        if index >= len(self._done):
            self._done.extend([0] * (index + 1 - len(self._done)))
        if self._done[index]:
            return False
        self._done[index] = _mark(value.get("id"))
        self.kept += 1
        return True


def _mark(id: Any) -> int:
    return zlib.crc32(json.dumps(id, sort_keys=True).encode()) | 1
