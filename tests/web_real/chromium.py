"""The installed Chromium, and the page as its user sees it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, sync_playwright

# Nothing but the page is asked for, and a container has neither a sandbox nor a GPU.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

WAIT_MILLISECONDS = 15_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the machine's Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.fail("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Chat:
    """The page in a tab; what it complained of is in `complaints`."""

    def __init__(self, context: Any, url: str) -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(WAIT_MILLISECONDS)
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._said)
        self.page.on("dialog", self._dialog)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(url)

    def _said(self, message: Any) -> None:
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.complaints.append(message.text)

    def _dialog(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    @property
    def log(self) -> Locator:
        """The transcript."""
        return self.page.get_by_role("log")

    @property
    def box(self) -> Locator:
        """The field to type in."""
        return self.page.get_by_role("textbox", name="Message", exact=True)

    def button(self, name: str) -> Locator:
        """The last button of that name."""
        return self.page.get_by_role("button", name=name, exact=True).last

    def ask(self, text: str) -> None:
        """Type a question and press Enter."""
        self.box.fill(text)
        self.box.press("Enter")

    def sees(self, text: str) -> None:
        """Wait until the transcript shows the text."""
        self.log.get_by_text(text).last.wait_for()

    def finished(self) -> None:
        """Wait until an answer has ended."""
        self.button("Regenerate").wait_for()
        self.button("Stop").wait_for(state="hidden")

    def text(self) -> str:
        """The whole transcript, as text."""
        return self.log.inner_text()
