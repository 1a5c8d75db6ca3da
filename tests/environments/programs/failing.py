"""Fail with secrets at hand, under a crash reporter: ``... sentry|rich|pytest PROMPT``."""

from __future__ import annotations

import io
import sys

if __name__ == "__main__" and sys.argv[3] == "pytest":
    import os

    import pytest

    # Before chatsdk is imported, which has a plugin for pytest. No settings but these.
    given = ["--showlocals", "-vv", "-c", os.devnull, "--noconftest", "-p", "no:cacheprovider"]
    sys.exit(pytest.main([*given, __file__]))

from chatsdk import ChatClient, ChatError, Retry, Timeout, use_chat

URL = sys.argv[2]
REPORTER, PROMPT = sys.argv[3:5]
TIMES = Timeout(connect=5, first_event=1, idle=1)


def secret(name: str) -> str:
    # No line of source shows it: a reporter shows those, too.
    return "-".join([name, "SECRET", "4711"])


def client() -> ChatClient:
    return ChatClient(
        f"{URL}?key={secret('query')}",
        token=lambda: secret("token"),
        headers={"X-Api-Key": secret("header"), "Cookie": f"id={secret('cookie')}"},
        timeout=TIMES,
        retry=Retry(attempts=1),
        dialect="openai",
    )


def view() -> None:
    with client() as asked:
        asked.ask(PROMPT, model="m").result()


def turn() -> None:
    with use_chat(client()) as chat:
        chat.run(PROMPT, model="m")


def report(error: ChatError) -> str:
    if REPORTER == "rich":
        from rich.console import Console
        from rich.traceback import Traceback

        out = io.StringIO()
        given = (type(error), error, error.__traceback__)
        console = Console(file=out, width=200)
        console.print(Traceback.from_exception(*given, show_locals=True, locals_max_string=None))
        return out.getvalue()
    import sentry_sdk
    from sentry_sdk.transport import Transport

    events = []

    class Keep(Transport):
        def capture_envelope(self, envelope):  # type: ignore[no-untyped-def]
            events.append(envelope.serialize().decode("utf-8", "replace"))

    sentry_sdk.init(
        "http://public@127.0.0.1:9/1",
        transport=Keep(),
        include_local_variables=True,
        send_default_pii=True,
        event_scrubber=None,
    )
    sentry_sdk.capture_exception(error)
    sentry_sdk.flush()
    return "".join(events)


def test_view() -> None:
    view()


def test_turn() -> None:
    turn()


if __name__ == "__main__":
    for function in (view, turn):
        try:
            function()
        except ChatError as error:
            print(report(error))
