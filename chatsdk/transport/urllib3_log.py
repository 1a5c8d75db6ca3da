"""Redacts the secrets of chatsdk's requests in urllib3's log records."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

from chatsdk.transport.http1.connection import current_wire
from chatsdk.transport.secrets import HIDDEN

__all__ = ["quiet_urllib3"]

# A query string, up to a character that ends a URL in a log line.
_QUERY = re.compile(r"\?[^\s\"'<>]+")


class _HideSecrets(logging.Filter):
    """Redacts the records logged while chatsdk sends a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        wire = current_wire()
        if wire is not None:
            said = wire.hidden(_QUERY.sub("?" + HIDDEN, record.getMessage()))
            record.msg, record.args = said, ()
            # Its message may quote the server, and its frames hold the request.
            record.exc_info = record.exc_text = None
        return True


def quiet_urllib3(
    names: Iterable[str] = (
        *("urllib3.connectionpool", "urllib3.connection"),
        *("urllib3.response", "urllib3.util.retry", "urllib3.poolmanager"),
    ),
) -> None:
    """Redact the secrets of chatsdk's requests in the records of urllib3's loggers."""
    for name in names:
        logger = logging.getLogger(name)
        if not any(isinstance(known, _HideSecrets) for known in logger.filters):
            logger.addFilter(_HideSecrets())
