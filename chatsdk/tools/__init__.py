"""JSON schemas for Python functions as tools, and conversion of their arguments."""

from __future__ import annotations

from chatsdk.tools.signature import Signature, signature_of

__all__ = ["Signature", "signature_of"]
