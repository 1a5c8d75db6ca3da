"""The example notebook and `stream.display()` in a kernel of their own."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from applications import EXAMPLES
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

from chatsdk.testing.embedded_replies import speak

# Seconds for one cell.
CELL_SECONDS = 60


class Kernel(NotebookClient):
    """Runs a notebook and watches what its cells display.

    Attributes:
        displayed: the kind of each message that displays, and what it shows.
        on_display: called with each.
    """

    def __init__(self, notebook: Any) -> None:
        super().__init__(notebook, timeout=CELL_SECONDS, kernel_name="python3")
        self.displayed: list[tuple[str, Any]] = []
        self.on_display: Callable[[str], object] = lambda markdown: None

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        if msg["msg_type"] in ("display_data", "update_display_data"):
            data = msg["content"]["data"]
            if "text/markdown" not in data:
                return super().process_message(msg, cell, cell_index)
            self.displayed.append((msg["msg_type"], data))
            self.on_display(data["text/markdown"])
        return super().process_message(msg, cell, cell_index)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> None:
    """The kernel writes nothing into anybody's home."""
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))


def notebook_of(*sources: str) -> Any:
    return new_notebook(cells=[new_code_cell(source) for source in sources])


def outputs_of(notebook: Any, word: str) -> Any:
    """The outputs of the cell in which a word is."""
    (cell,) = (cell for cell in notebook.cells if word in cell.source and "outputs" in cell)
    return cell.outputs


def test_the_example() -> None:
    """Each answer is one output, which ends as the complete answer; the rest is as described."""
    notebook = nbformat.read(EXAMPLES / "notebook.ipynb", as_version=4)
    nbformat.validate(notebook)
    kernel = Kernel(notebook)
    kernel.execute()
    (output,) = outputs_of(notebook, 'ask("Hello!")')
    hello = speak({"prompt": "Hello!"})
    assert output.output_type == "display_data"
    assert output.data == {"text/plain": hello, "text/markdown": hello}
    (output,) = outputs_of(notebook, "answer.finish_reason")
    assert output.data["text/plain"] == "('stop', 46, 'finished')"
    display, result = outputs_of(notebook, "chat.edit(")
    assert display.data["text/plain"] == speak({"prompt": "Good evening!"})
    assert result.data["text/plain"] == (
        "[('user', 'Good evening!'), ('assistant', 'You said: “Good evening!”. I')]"
    )
    kinds = [kind for kind, _ in kernel.displayed]
    assert kinds.count("display_data") == 2
    assert kinds.count("update_display_data") > 2
    (output,) = outputs_of(notebook, "ChatView(chat)")
    assert output.data["application/vnd.jupyter.widget-view+json"]["model_id"]


def test_updated_in_place(server) -> None:
    """The output shows each state while the answer streams: it is there before more is said."""
    script = server.answer("openai")
    url = f"{server.url}/v1/chat/completions"
    kernel = Kernel(
        notebook_of(f"from chatsdk import ChatClient\nChatClient({url!r}).ask('Hi').display().text")
    )
    said = "Half"
    words = iter((" of", " it"))
    script.say(said)

    def go_on(markdown: str) -> None:
        nonlocal said
        if markdown == said:
            word = next(words, "")
            said += word
            script.say(word) if word else script.finish()

    kernel.on_display = go_on
    kernel.execute()
    states = [data["text/markdown"] for _, data in kernel.displayed]
    assert [state for state in states if state] == ["Half", "Half of", "Half of it"]
    kinds = [kind for kind, _ in kernel.displayed]
    assert kinds == ["display_data"] + ["update_display_data"] * (len(states) - 1)
    display, result = kernel.nb.cells[0].outputs
    assert display.data["text/markdown"] == "Half of it"
    assert result.data["text/plain"] == "'Half of it'"


def test_an_error(server) -> None:
    """An error is below the text that had come, and names itself."""
    script = server.answer("openai")
    script.say("Half")
    script.cut()
    url = f"{server.url}/v1/chat/completions"
    kernel = Kernel(
        notebook_of(f"from chatsdk import use_chat\nuse_chat({url!r}).ask('Hi').display()")
    )
    with pytest.raises(CellExecutionError, match="StreamInterrupted"):
        kernel.execute()
    display, error = kernel.nb.cells[0].outputs
    assert display.data["text/markdown"].startswith("Half\n\n**Error:** ")
    assert error.ename == "StreamInterrupted"


@pytest.mark.skipif(sys.platform == "win32", reason="sends the kernel a signal")
def test_interrupted(server) -> None:
    """The kernel's interrupt ends the request, and the text stays displayed."""
    script = server.answer("openai")
    script.say("Half")
    url = f"{server.url}/v1/chat/completions"
    kernel = Kernel(
        notebook_of(
            f"from chatsdk import use_chat\nchat = use_chat({url!r})\nchat.ask('Hi').display()",
            "chat.status.value, chat.messages[-1].content",
        )
    )
    kernel.allow_errors = True
    script_is_left = []

    def interrupt(markdown: str) -> None:
        if markdown == "Half" and not script_is_left:
            os.kill(kernel.km.provisioner.pid, signal.SIGINT)
            script_is_left.append(script.wait_for_disconnect())

    kernel.on_display = interrupt
    kernel.execute()
    assert script_is_left
    display, error = kernel.nb.cells[0].outputs
    assert display.data["text/markdown"] == "Half\n\n*You stopped this answer.*"
    assert error.ename == "KeyboardInterrupt"
    assert kernel.nb.cells[1].outputs[0].data["text/plain"] == "('stopped', 'Half')"


def test_it_is_kept_without_outputs() -> None:
    """The notebook in the repository holds what a person wrote, and no output of a run."""
    text = Path(EXAMPLES / "notebook.ipynb").read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in cells] == [[]] * len(cells)
    assert {cell.execution_count for cell in cells} == {None}
