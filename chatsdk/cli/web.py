"""`chatsdk web URL`: a chat page for any backend."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import Any

from chatsdk.cli.backend import add_backend_arguments, client_of
from chatsdk.cli.remedies import WrongArguments
from chatsdk.cli.wsgi_server import add_server_arguments, serve
from chatsdk.errors import ChatError
from chatsdk.web.gateway import host_name, is_loopback

__all__ = ["add_to", "run"]

PORT = 8000

EXAMPLES = """\
examples:
  chatsdk web http://localhost:11434 --model llama3.2
  chatsdk web https://api.openai.com/v1 --model gpt-4o --port 0
  chatsdk web URL --redis redis://127.0.0.1:6379/0"""

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Serve a chat page in the browser until Ctrl-C. A reload in mid-answer continues it."
    )
    parser.epilog = EXAMPLES
    add_backend_arguments(parser)
    add_server_arguments(parser, PORT)
    parser.add_argument(
        "--redis",
        metavar="URL",
        help="keep answers in this Redis, so that several servers can share them",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    from chatsdk.messages import Message
    from chatsdk.web import ChatService, MemoryJournal, wsgi

    def prepare(messages: Any, options: Any) -> Any:
        if arguments.system is None:
            return messages, {}
        return [Message("system", arguments.system), *messages], {}

    journal = MemoryJournal() if arguments.redis is None else _redis(arguments.redis)
    try:
        with client_of(arguments) as client:
            try:
                service = ChatService(client, journal=journal, prepare=prepare)
            except ValueError as error:
                raise WrongArguments(str(error)) from None
            application: Any = wsgi.application(service)
            if is_loopback(arguments.host):
                application = _for_this_machine(application)
            return serve(application, arguments, lambda url: f"Chat at {url}/")
    finally:
        journal.close()


def _redis(url: str) -> Any:
    try:
        from chatsdk.web import RedisJournal
    except ImportError:
        raise WrongArguments("--redis needs the package redis: pip install redis") from None
    from chatsdk.web.journal import JournalError

    try:
        journal = RedisJournal(url)
    except ValueError:
        # The URL may contain a password, so do not repeat it.
        raise WrongArguments("--redis: give an address such as redis://127.0.0.1:6379/0") from None
    try:
        journal.ping()
    except JournalError as error:
        journal.close()
        raise ChatError(f"--redis: {error}; check that it runs at this address") from error
    return journal


def _for_this_machine(application: Application) -> Application:
    """Refuse host names other than this machine's: a site's name may be made to point here."""

    def guarded(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if is_loopback(host_name(environ.get("HTTP_HOST", "127.0.0.1"))):
            return application(environ, start_response)
        body = b'{"error": {"type": "forbidden", "message": "Use the name localhost."}}'
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("403 Forbidden", headers)
        return [body]

    return guarded
