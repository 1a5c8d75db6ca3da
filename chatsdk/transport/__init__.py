"""The HTTP layer: sends with requests, cancels from any thread, translates errors.

Only this package imports requests and urllib3.
"""

from __future__ import annotations

from chatsdk.transport.cancel import Cancel
from chatsdk.transport.checks import (
    checked_headers,
    checked_key,
    checked_token,
    has_adapter,
    shown_url,
)
from chatsdk.transport.exchange import Exchange
from chatsdk.transport.network_errors import Stopped
from chatsdk.transport.redaction import Secrets, is_private_header
from chatsdk.transport.transport import Request, Transport

__all__ = [
    "Cancel",
    "Exchange",
    "Request",
    "Secrets",
    "Stopped",
    "Transport",
    "checked_headers",
    "checked_key",
    "checked_token",
    "has_adapter",
    "is_private_header",
    "shown_url",
]
