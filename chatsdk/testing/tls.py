"""TLS certificates for tests, and broken TLS handshakes."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["Authority"]


class Authority:
    """A certificate authority that only a test trusts.

    `pem` is its certificate as bytes, `path` the same in a file, for `verify=` of a client. Needs
    trustme, which the extra `testing` installs: ImportError without it. `close` removes the file;
    twice is harmless.
    """

    def __init__(self) -> None:
        try:
            import trustme
        except ImportError as exc:
            raise ImportError("TLS in tests needs trustme: pip install trustme") from exc
        self._ca: Any = trustme.CA()
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def pem(self) -> bytes:
        """The authority's certificate."""
        return bytes(self._ca.cert_pem.bytes())

    @property
    def path(self) -> str:
        """A file that holds the authority's certificate."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="chatsdk-testing-")
            Path(self._folder.name, "ca.pem").write_bytes(self.pem)
        return str(Path(self._folder.name, "ca.pem"))

    def server_context(self, *names: str) -> ssl.SSLContext:
        """Return a context for a server with these host names and addresses."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*names).configure_cert(context)
        return context

    def client_context(self) -> ssl.SSLContext:
        """Return a context for a client that trusts only this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.pem.decode())
        return context

    def close(self) -> None:
        """Remove the file."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
