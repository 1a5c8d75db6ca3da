"""`use_chat`: creates a chat session from a URL in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from chatsdk.answer import Answer, ToolCall
from chatsdk.client import ChatClient
from chatsdk.dialects.dialect import Dialect
from chatsdk.errors import ChatError
from chatsdk.keywords import NOT_GIVEN, checked_keywords, given
from chatsdk.options import Limits, Retry, Timeout
from chatsdk.outcome import Outcome
from chatsdk.session.delivery_options import Dispatch
from chatsdk.session.request import Prompt
from chatsdk.session.session import ChatSession

if TYPE_CHECKING:
    import requests

__all__ = ["use_chat"]


@checked_keywords
def use_chat(
    url: str | ChatClient,
    *,
    on_answer: Callable[[Answer], object] | None = None,
    on_finish: Callable[[Outcome], object] | None = None,
    on_error: Callable[[ChatError], object] | None = None,
    on_tool: Callable[[ToolCall, Any], object] | None = None,
    dispatch: Dispatch | None = None,
    throttle: float | None = None,
    latest: bool = False,
    messages: Prompt = (),
    conversation_id: str | None = None,
    saved: Mapping[str, Any] | None = None,
    dialect: str | Dialect = NOT_GIVEN,
    token: str | Callable[[], str] | None = NOT_GIVEN,
    headers: Mapping[str, str] | None = NOT_GIVEN,
    defaults: Mapping[str, Any] | None = NOT_GIVEN,
    timeout: Timeout | float | None = NOT_GIVEN,
    retry: Retry | None = NOT_GIVEN,
    limits: Limits | None = NOT_GIVEN,
    http: requests.Session | None = NOT_GIVEN,
    verify: bool | str | None = NOT_GIVEN,
    cert: str | tuple[str, str] | None = NOT_GIVEN,
    proxies: Mapping[str, str] | None = NOT_GIVEN,
    follow_redirects: bool = NOT_GIVEN,
    exact_url: bool = NOT_GIVEN,
    tap: Callable[[bytes, float], object] | None = NOT_GIVEN,
) -> ChatSession:
    """Return a `ChatSession` for a chat backend.

        session = use_chat("https://api.example.com/v1/chat/completions", token=...)
        for answer in session.ask("Hello"):
            print(answer.delta, end="")

    Args:
        url: the backend's URL, or a `ChatClient`. The session closes a client that it created; a
            client that you pass stays open.
        on_answer, on_finish, on_error, on_tool, dispatch, throttle: as in `ChatSession`.
        latest, messages, conversation_id, saved: as in `ChatSession`.
        dialect, token, headers, defaults, timeout, retry, limits: as in `ChatClient`.
        http, verify, cert, proxies, follow_redirects, exact_url, tap: as in `ChatClient`. These
            and those of the line above go with a URL only.

    Raises:
        TypeError, ValueError: an argument is invalid; nothing was sent.
    """
    options = given(
        dialect=dialect,
        token=token,
        headers=headers,
        defaults=defaults,
        timeout=timeout,
        retry=retry,
        limits=limits,
        http=http,
        verify=verify,
        cert=cert,
        proxies=proxies,
        follow_redirects=follow_redirects,
        exact_url=exact_url,
        tap=tap,
    )
    if not isinstance(url, ChatClient):
        client = ChatClient(url, **options)
    elif options:
        raise TypeError(
            f"{', '.join(options)}: give the options of a client to ChatClient(...), or an "
            "address to use_chat"
        )
    else:
        client = url
    try:
        session = ChatSession(
            client,
            on_answer=on_answer,
            on_finish=on_finish,
            on_error=on_error,
            on_tool=on_tool,
            dispatch=dispatch,
            throttle=throttle,
            latest=latest,
            messages=messages,
            conversation_id=conversation_id,
            saved=saved,
        )
    except BaseException:
        if client is not url:
            client.close()
        raise
    session._owns_client = client is not url
    return session
