"""`BatchOutput`: the file that `chatsdk batch` writes, and continues with ``--resume``."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zlib
from array import array
from typing import Any, BinaryIO, TextIO

from chatsdk.cli.answer_forms import dumped
from chatsdk.cli.remedies import WrongArguments

__all__ = ["BatchOutput"]

# The start of every line, which distinguishes a truncated last line from other text.
START = b'{"index"'


class BatchOutput:
    """A file of JSON lines, one for each prompt.

    With `resume` the lines of complete answers in an existing file are kept. Lines of failed
    prompts and half a last line are dropped, and those prompts are asked again.

    Attributes:
        kept: the number of lines that were kept.
        written: the number of lines written since.

    Raises:
        WrongArguments: the file cannot be written, or holds something else that would be lost.
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
        # A link stays one.
        path = os.path.realpath(self._path)
        folder, name = os.path.split(path)
        number, kept = tempfile.mkstemp(prefix=f"{name}.", suffix=".part", dir=folder)
        try:
            with open(number, "wb") as file:
                dropped = self._copy_complete(path, file)
            if dropped:
                shutil.copymode(path, kept)
                os.replace(kept, path)
        finally:
            if os.path.exists(kept):
                os.remove(kept)

    def _copy_complete(self, path: str, file: BinaryIO) -> bool:
        """Copy the complete answers; return whether another line was dropped."""
        dropped = False
        with open(path, "rb") as lines:
            for number, line in enumerate(lines, 1):
                value = _answer_of(line)
                if value is None and not _is_half(line):
                    raise WrongArguments(
                        f"{self._path} is not the output of an earlier run: its line {number} is "
                        "no answer; give another file"
                    )
                if value is not None and self._is_new(value):
                    file.write(line)
                else:
                    dropped = True
        return dropped

    def _is_new(self, value: dict[str, Any]) -> bool:
        """Whether a line is the first complete answer of its prompt, which is then recorded."""
        index = value["index"]
        if value.get("error") is not None:
            return False
        if index >= len(self._done):
            self._done.extend([0] * (index + 1 - len(self._done)))
        if self._done[index]:
            return False
        self._done[index] = _mark(value.get("id"))
        self.kept += 1
        return True


def _answer_of(line: bytes) -> dict[str, Any] | None:
    """The object of one complete line that a batch wrote, else ``None``."""
    try:
        value = json.loads(line.decode()) if line.endswith(b"\n") else None
    except (ValueError, RecursionError):
        return None
    index = value.get("index") if isinstance(value, dict) else None
    whole = isinstance(index, int) and not isinstance(index, bool) and index >= 0
    return value if whole else None


def _is_half(line: bytes) -> bool:
    """Whether this is the last line of a file that a batch could not finish."""
    return not line.endswith(b"\n") and START[: len(line)] == line[: len(START)]


def _mark(id: Any) -> int:
    return zlib.crc32(json.dumps(id, sort_keys=True).encode()) | 1
